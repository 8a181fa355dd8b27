import { until } from './until.ts';

/** An answer of the HTTP API as it came. */
export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Answers after which a careful client sends the same request again: still running, too many, not available. */
const AGAIN = new Set([409, 429, 502, 503]);

/**
 * A careful client of the HTTP API. What was not answered, or answered with "later", is sent again with the same
 * Idempotency-Key, as the API asks its clients to do: so a test may kill the app under a request.
 */
export class Api {
  readonly #url: string;
  readonly #key: string;
  readonly #patienceMs: number;

  /** @param patienceMs for how long a request is sent again; 0 takes the first answer, whatever it is */
  constructor(url: string, key: string, patienceMs = 0) {
    this.#url = url;
    this.#key = key;
    this.#patienceMs = patienceMs;
  }

  /** @throws when the answer is no success */
  async get<T = Record<string, unknown>>(path: string): Promise<T> {
    return this.#successful<T>('GET', path);
  }

  /** @throws when the answer is no success */
  async post<T = Record<string, unknown>>(path: string, body: unknown, idempotencyKey?: string): Promise<T> {
    return this.#successful<T>('POST', path, body, idempotencyKey);
  }

  /** The answer of one try, also when it is a refusal. */
  async send(method: string, path: string, body?: unknown, idempotencyKey?: string): Promise<Answer> {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  async #successful<T>(method: string, path: string, body?: unknown, idempotencyKey?: string): Promise<T> {
    let last: Answer | undefined;
    let broken: unknown;
    const attempt = async (): Promise<boolean> => {
      try {
        last = await this.send(method, path, body, idempotencyKey);
        return !AGAIN.has(last.status) || this.#patienceMs === 0;
      } catch (error) {
        if (this.#patienceMs === 0) throw error;
        broken = error;
        return false;
      }
    };
    await until(attempt, () => `${method} ${path} was never answered: ${JSON.stringify(last?.body ?? String(broken))}`, this.#patienceMs);
    if (!last || last.status >= 300) throw new Error(`${method} ${path}: ${last?.status} ${JSON.stringify(last?.body)}`);
    // Our own API, taken at its word: what a story needs of it is compared afterwards.
    return last.body as T;
  }
}
