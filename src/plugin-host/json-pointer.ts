import { isRecord } from '../kernel/record.ts';
import type { Field, Schema } from '@kassaflow/plugin-sdk';

/** The value at a JSON pointer (RFC 6901) into plain objects; `undefined` when there is none. */
export function valueAt(input: unknown, pointer: string): unknown {
  return keysOf(pointer).reduce<unknown>((value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined), input);
}

/** The field that a pointer into a value of `schema` leads to, or `undefined` when the schema has none there. */
export function fieldAt(schema: Schema, pointer: string): Field | undefined {
  return keysOf(pointer).reduce<Field | undefined>((field, key) => field?.properties?.[key], schema);
}

function keysOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}
