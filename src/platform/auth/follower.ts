/**
 * Who follows a stream: the holder of an API key, or a browser with a stream token that is good for some things only.
 *
 * A route that takes both says so with `@TakesStreamToken()` and gets a {@link Follower}. `@CurrentCaller()` refuses the holder of a
 * token there, so a handler cannot forget what a token may not see.
 */
import { createParamDecorator, SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { authErrors } from './auth-errors.ts';
import type { Caller, Mode } from './caller.ts';

export interface Follower {
  /** A `uuid`. */
  readonly tenantId: string;
  readonly mode: Mode;
  /** Whose streams are counted together: `key_…` or `stk_…`. */
  readonly credential: string;
  /** What may be seen: `payment/pay_…`, `payment/*`; `undefined` for all that the route shows. */
  readonly about: readonly string[] | undefined;
  /** When what is open ends. */
  readonly until: Date | null;
}

/** Metadata key of {@link TakesStreamToken}. */
export const STREAM_TOKEN = 'kassaflow:stream-token';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard when the request came with a stream token. */
    follower?: Follower;
  }
}

/** The route may be used with a stream token in place of an API key. */
export function TakesStreamToken(): CustomDecorator {
  return SetMetadata(STREAM_TOKEN, true);
}

/** Hands the {@link Follower} to a handler. @throws auth.required on a public route */
export const CurrentFollower = createParamDecorator((_data: unknown, context: ExecutionContext): Follower => {
  const follower = followerOf(context.switchToHttp().getRequest<FastifyRequest>());
  if (!follower) throw authErrors.required();
  return follower;
});

/** Whoever the guard has let in; `undefined` on a public route. */
export function followerOf({ follower, caller }: FastifyRequest): Follower | undefined {
  return follower ?? (caller && followerByKey(caller));
}

/** The holder of an API key. Its end is watched by the key, which may be revoked at any time. */
export function followerByKey({ tenantId, mode, actor }: Caller): Follower {
  return { tenantId, mode, credential: actor.slice('key/'.length), about: undefined, until: null };
}

/** Refuses what the follower may not see, before it is known whether it exists. @throws auth.subject */
export function requireSight({ about }: Follower, subject: string): void {
  if (!isAbout(about, subject)) throw authErrors.subject({ subject });
}

/** Tells whether `subject` (or `payment/*`) is among what may be seen: subjects, and `payment/*` for all of a kind. */
export function isAbout(about: readonly string[] | undefined, subject: string): boolean {
  return about === undefined || about.includes(subject) || about.includes(`${kindOf(subject)}/*`);
}

/** `payment` of `payment/pay_…`; empty for a subject that has none. */
export function kindOf(subject: string): string {
  return subject.slice(0, Math.max(0, subject.indexOf('/')));
}
