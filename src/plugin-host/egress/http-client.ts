/**
 * The one place that sends HTTP requests to providers: for plugins behind the egress gateway and for `http.call`.
 *
 * One keep-alive pool per origin. Redirects are never followed and nothing is sent twice. What matters to the caller above
 * all is whether a request left: undici calls `onRequestStart` on a connected socket directly before it writes the first
 * byte, so a name that does not resolve, a refused connection or a request still queued for a socket surely did nothing.
 */
import { Pool, errors, type Dispatcher } from 'undici';
import { isKassaflowError } from '../../kernel/errors.ts';
import { currentSpan, type OpenSpan } from '../../platform/observability/tracing.ts';
import type { Destination } from './egress-rules.ts';
import { guardedLookup } from './public-address.ts';

/** Largest body in either direction. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

export interface HttpRequest {
  readonly destination: Destination;
  readonly method: Dispatcher.HttpMethod;
  /** Path and query. */
  readonly path: string;
  /** Name, value, name, value …, without `host`. */
  readonly headers: string[];
  readonly body?: string | Uint8Array;
  /** For the answer's head and between parts of its body. The whole call is bounded by `deadlineMs` or by `signal`. */
  readonly timeoutMs: number;
  /** After this long the call is ended as by `signal`; a timer costs a tenth of an AbortController with one. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Called once, directly before the first byte is written. */
  readonly onLeaving?: () => void;
  /** Asked before that: on `false` nothing is written, and the result is `kept-back`. */
  readonly mayLeave?: (() => boolean) | undefined;
}

export type HttpResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly body: Buffer;
    }
  /** `left` is false when not one byte of the request was written. `refusedBy` is the code of the rule that closed the way. */
  | {
      readonly kind: 'broken';
      readonly left: boolean;
      readonly reason: 'refused' | 'unreachable' | 'timeout' | 'reset' | 'too-large' | 'aborted' | 'kept-back';
      readonly refusedBy?: string;
    };

/** Pools by origin. {@link close} ends them all. */
export class HttpClient {
  readonly #open = new Map<string, Pool>();
  readonly #guarded = new Map<string, Pool>();
  readonly #lookup: ReturnType<typeof guardedLookup>;

  constructor(lookup = guardedLookup()) {
    this.#lookup = lookup;
  }

  /** Sends one request, once. Never rejects. */
  send(request: HttpRequest): Promise<HttpResult> {
    const step = currentSpan.getStore();
    return step ? traced(step, request, () => this.#send(request)) : this.#send(request);
  }

  #send(request: HttpRequest): Promise<HttpResult> {
    return new Promise((resolve) => {
      const exchange = new Exchange(request, resolve);
      if (request.signal?.aborted) return exchange.abort();
      request.headers.push('host', request.destination.host);
      this.#poolFor(request.destination).dispatch(
        {
          method: request.method,
          path: request.path,
          headers: request.headers,
          body: request.body ?? null,
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
        },
        exchange,
      );
    });
  }

  /** Ends all connections; requests under way are cut. */
  async close(): Promise<void> {
    const pools = [...this.#open.values(), ...this.#guarded.values()];
    this.#open.clear();
    this.#guarded.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #poolFor({ origin, guarded }: Destination): Pool {
    const pools = guarded ? this.#guarded : this.#open;
    let pool = pools.get(origin);
    if (!pool) {
      // 128 sockets: above it a provider sees a burst, and requests wait in the pool without having left.
      pool = new Pool(origin, {
        connections: 128,
        maxResponseSize: MAX_BODY_BYTES,
        connect: guarded ? { timeout: 5_000, lookup: this.#lookup } : { timeout: 5_000 },
      });
      pools.set(origin, pool);
    }
    return pool;
  }
}

/** The path is left out: it may name a customer. Nothing of the trace goes to the provider. */
async function traced(step: OpenSpan, { method, destination }: HttpRequest, send: () => Promise<HttpResult>): Promise<HttpResult> {
  const span = step.start(method, { kind: 'client', attributes: { 'http.request.method': method, 'server.address': destination.host } });
  const result = await send();
  if (result.kind === 'answered') span.set({ 'http.response.status_code': result.status });
  span.end(result.kind === 'broken' ? result.reason : result.status >= 400 ? String(result.status) : undefined);
  return result;
}

/** One request as undici reports on it. Settles exactly once. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #settle: (result: HttpResult) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #left = false;
  #settled = false;
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #chunks: Buffer[] = [];
  #deadline: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => this.abort();

  constructor(request: HttpRequest, settle: (result: HttpResult) => void) {
    this.#request = request;
    this.#settle = settle;
    request.signal?.addEventListener('abort', this.#onAbort);
    if (request.deadlineMs !== undefined) this.#deadline = setTimeout(this.#onAbort, request.deadlineMs);
  }

  abort(): void {
    // A request that waits for a socket is not written any more: `onRequestStart` sees that it is settled.
    this.#finish({ kind: 'broken', left: this.#left, reason: 'aborted' });
    this.#controller?.abort(new errors.RequestAbortedError());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#request.mayLeave?.() === false) this.#finish({ kind: 'broken', left: false, reason: 'kept-back' });
    if (this.#settled) return controller.abort(new errors.RequestAbortedError());
    this.#controller = controller;
    this.#left = true;
    this.#request.onLeaving?.();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [only, another] = this.#chunks;
    const body = only && !another ? only : Buffer.concat(this.#chunks);
    this.#finish({ kind: 'answered', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finish({ kind: 'broken', left: this.#left, ...reasonOf(error) });
  }

  #finish(result: HttpResult): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#deadline);
    this.#settle(result);
  }
}

function reasonOf(error: Error): Pick<HttpResult & { kind: 'broken' }, 'reason' | 'refusedBy'> {
  if (isKassaflowError(error)) return { reason: 'refused', refusedBy: error.code };
  if (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  )
    return { reason: 'timeout' };
  if (error instanceof errors.ResponseExceededMaxSizeError) return { reason: 'too-large' };
  if (error instanceof errors.RequestAbortedError) return { reason: 'aborted' };
  const code = 'code' in error ? error.code : undefined;
  return {
    reason:
      code === 'ENOTFOUND' || code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EAI_AGAIN'
        ? 'unreachable'
        : 'reset',
  };
}
