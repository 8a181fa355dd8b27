/**
 * `http.call`: one request to an API that has no plugin. In process, on the shared HTTP client, because an automation may
 * call it thousands of times a second: no validation twice, no URL parsing per call, no stream.
 *
 * What an answer means: 2xx is `ok`; 401 refuses the credentials; 400 and 422 refuse the input; 429 asks to wait; another
 * 4xx and a redirect are `permanent`. A 5xx, or a connection that broke after the request left, is `unknown`, because the
 * other side may have done it; only a GET may simply be repeated.
 */
import { failed, ok, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../kernel/errors.ts';
import { stoodStill, type ActionCall } from './action-call.ts';
import type { OpenConnection } from './connections/connection.ts';
import { parseAddress, type Destination, type EgressRules } from './egress/egress-rules.ts';
import type { HttpClient, HttpResult } from './egress/http-client.ts';

export interface HttpCallInput {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export type HttpCallOutput = Readonly<Record<string, unknown>>;

/** A connection's settings, made ready for calls; the same as long as the connection does not change. */
interface Prepared {
  readonly destination: Destination;
  /** Path of the base address, without a slash at the end. */
  readonly basePath: string;
  readonly headers: readonly string[];
}

/** Visible ASCII without `#`; no `..` part, so that a call stays below the base address. */
const PATH = /^(?![^?]*\/(?:\.|%2e){1,2}(?:[/?]|$))\/[!"$-~]*$/i;
/** Larger answers do not fit the journal. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
const NOT_OURS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'authorization', 'idempotency-key', 'content-type']);

export class HttpCall {
  readonly #client: HttpClient;
  readonly #rules: EgressRules;
  readonly #prepared = new WeakMap<OpenConnection, Prepared>();

  constructor(client: HttpClient, rules: EgressRules) {
    this.#client = client;
    this.#rules = rules;
  }

  /** Sends the request once; the whole call is over after `timeoutMs`. Never rejects. */
  async run(
    connection: OpenConnection,
    { method = 'POST', path, body }: HttpCallInput,
    { idempotencyKey, mayLeave }: Pick<ActionCall, 'idempotencyKey' | 'mayLeave'>,
    timeoutMs: number,
  ): Promise<Outcome<HttpCallOutput>> {
    const prepared = this.#prepare(connection);
    if ('kind' in prepared) return prepared;
    if (!PATH.test(path)) return failed('input', 'The path starts with / and holds no spaces, no # and no .. part', { field: 'path' });
    if (method === 'GET' && body !== undefined) return failed('input', 'A GET has no body', { field: 'body' });
    const headers = [...prepared.headers, 'idempotency-key', idempotencyKey];
    if (body !== undefined) headers.push('content-type', 'application/json');
    const result = await this.#client.send({
      destination: prepared.destination,
      method,
      path: prepared.basePath + path,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs,
      deadlineMs: timeoutMs,
      mayLeave,
    });
    return outcomeOf(result, method === 'GET');
  }

  /** Whether the API is there and takes the credentials: any answer to a GET of the base address but 401, 403 and 5xx. */
  async check(connection: OpenConnection, signal: AbortSignal): Promise<{ ok: boolean; message?: string; refused: boolean }> {
    const prepared = this.#prepare(connection);
    if ('kind' in prepared) return { ok: false, message: prepared.message, refused: false };
    const { destination, basePath, headers } = prepared;
    const result = await this.#client.send({
      destination,
      method: 'GET',
      path: basePath || '/',
      headers: [...headers],
      timeoutMs: 10_000,
      signal,
    });
    if (result.kind === 'broken') return { ok: false, message: sentenceOf(result), refused: false };
    const refused = result.status === 401 || result.status === 403;
    return refused || result.status >= 500
      ? { ok: false, message: `The API answered ${result.status}`, refused }
      : { ok: true, refused: false };
  }

  #prepare(connection: OpenConnection): Prepared | (Outcome<never> & { kind: 'failed' }) {
    const known = this.#prepared.get(connection);
    if (known) return known;
    const {
      baseUrl,
      token,
      headers = {},
    } = connection.allSettings as { baseUrl: string; token?: string; headers?: Readonly<Record<string, string>> }; // checked when it was stored
    try {
      const url = parseAddress(baseUrl);
      const own = Object.entries(headers)
        .filter(([name]) => !NOT_OURS.has(name.toLowerCase()))
        .flat();
      const prepared: Prepared = {
        destination: this.#rules.destinationOf(url),
        basePath: url.pathname.replace(/\/+$/, ''),
        headers: [
          'user-agent',
          'Kassaflow',
          'accept',
          'application/json',
          ...(token === undefined ? [] : ['authorization', `Bearer ${token}`]),
          ...own,
        ],
      };
      this.#prepared.set(connection, prepared);
      return prepared;
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      return failed('permanent', error.message, { code: error.code, field: 'baseUrl' });
    }
  }
}

function outcomeOf(result: HttpResult, repeatable: boolean): Outcome<HttpCallOutput> {
  if (result.kind === 'broken') {
    if (result.reason === 'kept-back') return stoodStill();
    if (result.refusedBy !== undefined) return failed('permanent', sentenceOf(result), { code: result.refusedBy });
    return result.left && !repeatable ? unknown(sentenceOf(result)) : failed('temporary', sentenceOf(result));
  }
  const { status, headers, body } = result;
  if (status >= 200 && status < 300) {
    if (body.length > MAX_OUTPUT_BYTES)
      return repeatable ? failed('permanent', 'The answer is larger than 1 MiB') : unknown('The answer is larger than 1 MiB');
    return ok(outputOf(status, body));
  }
  const message = `The API answered ${status}`;
  const code = String(status);
  if (status >= 500) return repeatable ? failed('temporary', message, { code }) : unknown(message);
  if (status === 429) return failed('rate-limited', message, { code, retryAfterMs: retryAfterMs(headers['retry-after']) });
  if (status === 401) return failed('auth', message, { code });
  return failed(status === 400 || status === 422 ? 'input' : 'permanent', message, { code });
}

function outputOf(status: number, body: Buffer): HttpCallOutput {
  if (body.length === 0) return { status };
  const text = body.toString('utf8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { status, text };
  }
  if (Array.isArray(parsed) && parsed.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item)))
    return { status, items: parsed };
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { status, body: parsed } : { status, text };
}

/** Seconds only: a date would need the other side's clock. */
function retryAfterMs(header: string | string[] | undefined): number {
  const seconds = typeof header === 'string' && /^[0-9]{1,6}$/.test(header) ? Number(header) : 1;
  return Math.max(1, seconds) * 1_000;
}

function sentenceOf({ reason }: HttpResult & { kind: 'broken' }): string {
  return {
    refused: 'The host is not on the public internet',
    unreachable: 'The API cannot be reached',
    timeout: 'The API did not answer in time',
    reset: 'The connection broke',
    'too-large': 'The answer is larger than 5 MiB',
    aborted: 'The call was ended before the API answered',
    'kept-back': 'The call was not sent',
  }[reason];
}
