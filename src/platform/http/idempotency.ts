/**
 * The life of an idempotency record, one per (API key, route, key):
 *
 * | state    | in the row                       | a request with the same key and body | … with another body |
 * |----------|----------------------------------|--------------------------------------|---------------------|
 * | running  | status null, alive_at recent     | 409 idempotency.running              | 422 key-reused      |
 * | stuck    | status null, alive_at long ago   | takes it over: attempt + 1, running  | 422 key-reused      |
 * | answered | status, headers, body            | the stored answer, replayed          | 422 key-reused      |
 *
 * running is written and committed before the handler starts, and `alive_at` is moved on as long as it runs. The handler ends
 * it in one of three ways: an answer is stored; an error that says "nothing was done, fix the input" (4xx) deletes the row, so
 * that the corrected request may use the key again; any other error leaves the row and sets `alive_at` back, so that the next
 * repeat takes it over at once but another body is still refused. A process that dies leaves it running, and it becomes stuck
 * when its lease has run out (`lease.ts`).
 *
 * Taking over means the handler runs again with the same {@link operationKeyOf}, and its own writes are unique by that key.
 * Every ending is fenced by `attempt`: a slow first runner cannot overwrite what its successor stored.
 */
import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { defineErrors } from '../../kernel/errors.ts';
import { callerOf } from '../auth/caller.ts';

export const idempotencyErrors = defineErrors('idempotency', {
  'key-required': {
    status: 400,
    title: 'This operation needs the header Idempotency-Key',
    remedy: 'fix',
    help: 'Send any text that names this one operation, for example a UUID, and the same on every repeat.',
  },
  'key-format': { status: 400, title: 'Idempotency-Key is sent once and has 1 to 255 printable characters', remedy: 'fix' },
  'key-reused': {
    status: 422,
    title: 'This Idempotency-Key was used before, with another body',
    remedy: 'fix',
    help: 'A new operation needs a new key; a repeat needs the same body.',
  },
  running: { status: 409, title: 'The first request with this Idempotency-Key is still running', remedy: 'retry' },
});

/** What names one operation of one caller. */
export interface OperationName {
  readonly tenantId: string;
  readonly keyId: string;
  /** `POST /v1/payments`: the pattern, not the address with its ids. */
  readonly route: string;
  readonly key: string;
}

/** @throws idempotency.key-required, idempotency.key-format */
export function operationOf(request: FastifyRequest): OperationName {
  const { tenantId, keyId } = callerOf(request);
  // The address is part of it: the same key on two payments' /refunds names two operations.
  const path = request.url.split('?', 1)[0] ?? '';
  return { tenantId, keyId, route: `${request.method} ${path}`, key: parseKey(request) };
}

/** The operation as one opaque key for the database and for providers; see `@IdempotencyKeyValue()`. */
export function operationKeyOf(request: FastifyRequest): string {
  const { keyId, route, key } = operationOf(request);
  return `http-${hash('sha256', JSON.stringify([keyId, route, key]), 'base64url')}`;
}

/** What tells a repeat from another request with the same key: SHA-256 over the bytes of the body. */
export function requestHashOf(request: FastifyRequest): Buffer {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return hash('sha256', body, 'buffer');
}

function parseKey(request: FastifyRequest): string {
  const sent = request.headers['idempotency-key'];
  if (sent === undefined) throw idempotencyErrors['key-required']();
  const text = String(sent);
  // Node joins a header that came twice with a comma, which may as well be part of one key: only the raw list tells.
  const times = request.raw.rawHeaders.filter((name, place) => place % 2 === 0 && name.toLowerCase() === 'idempotency-key').length;
  // The draft writes a structured-field string in quotes; most clients send it bare. Both name the same operation.
  const key = /^"(?:[^"\\]|\\["\\])*"$/.test(text) ? text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : text;
  if (times > 1 || !/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) {
    throw idempotencyErrors['key-format']({ times, characters: key.length });
  }
  return key;
}
