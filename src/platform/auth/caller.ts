/** Who makes this request, as the guard found out. Handlers get it with `@CurrentCaller()`. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { authErrors } from './auth-errors.ts';
import type { GrantedScope } from './scopes.ts';

/** Test money or real money; a tenant, its keys and its connections all have the same. */
export type Mode = 'test' | 'live';

/** The credential behind a request. The tenant comes from here and from nowhere else. */
export interface Caller {
  /** A `uuid`: what `Database.transact` wants. */
  readonly tenantId: string;
  /** The API key's `uuid`. */
  readonly keyId: string;
  /** Who it was, for the audit: `key/key_…`. */
  readonly actor: string;
  readonly mode: Mode;
  readonly scopes: readonly GrantedScope[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard on every route that is not public. */
    caller?: Caller;
  }
}

/** Hands the {@link Caller} to a handler: `list(@CurrentCaller() caller: Caller)`. @throws auth.required on a public route */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  return callerOf(context.switchToHttp().getRequest<FastifyRequest>());
});

/** @throws auth.required when nobody is signed in */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw authErrors.required();
  return request.caller;
}
