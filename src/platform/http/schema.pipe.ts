/**
 * Parses every argument of a handler that names a schema: `@Body({ schema })`, `@Query({ schema })`, `@Param('id', { schema })`.
 *
 * A body arrives as bytes and becomes JSON here, after the guard: nobody without a key makes the process parse a megabyte.
 * A body without a schema stays bytes, which is what routes with `@TakesRawBody` want.
 */
import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { invalidInput } from './field-problems.ts';
import { requestErrors } from './request-errors.ts';
import { parseStrictJson } from './strict-json.ts';

@Injectable()
export class SchemaPipe implements PipeTransform {
  transform(value: unknown, { type, schema }: ArgumentMetadata): unknown {
    if (schema === undefined) return value;
    if (!(schema instanceof z.core.$ZodType)) throw new TypeError('the schemas of handlers are zod schemas');
    const input = type === 'body' && Buffer.isBuffer(value) ? parseStrictJson(value) : value;
    const result = z.safeParse(schema, input);
    if (result.success) return result.data;
    if (type === 'body' && input === undefined) throw requestErrors['body-empty']();
    throw invalidInput(result.error.issues, input, schema);
  }
}
