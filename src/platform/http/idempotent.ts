/**
 * `@Idempotent()`: a POST that a caller may repeat without doing it twice.
 *
 * Convention: draft-ietf-httpapi-idempotency-key-header-07. The header is required on every route so marked; what happens
 * with it is described in `idempotency.ts`.
 */
import { applyDecorators, createParamDecorator, UseInterceptors, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { IdempotencyInterceptor } from './idempotency.interceptor.ts';
import { operationKeyOf } from './idempotency.ts';

/** The route requires `Idempotency-Key` and answers a repeat with the stored answer. Needs a caller, so never on a public route. */
export function Idempotent(): MethodDecorator {
  return applyDecorators(
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: true,
      description: 'Any text of 1 to 255 characters that names this one operation; the same for every repeat of it',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
  );
}

/**
 * As {@link IdempotencyKeyValue}, on a route that is not marked and where the header may be left out: then it is `undefined`. The
 * handler itself keeps what it writes unique by the key.
 */
export const OptionalIdempotencyKey = createParamDecorator((_data: unknown, context: ExecutionContext): string | undefined => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return request.headers['idempotency-key'] === undefined ? undefined : operationKeyOf(request);
});

/**
 * Hands the handler the key of this operation: 48 characters, the same for every repeat, another for another API key or
 * route. A handler uses it as the key of what it writes, because a process may die between its commit and the stored
 * answer, and then the repeat reaches the handler again.
 */
export const IdempotencyKeyValue = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  return operationKeyOf(context.switchToHttp().getRequest<FastifyRequest>());
});
