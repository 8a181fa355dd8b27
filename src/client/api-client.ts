import { KassaflowError } from '../kernel/errors.ts';
import { clientErrors } from './client-errors.ts';

/** Where the running Kassaflow is, and who calls. */
export interface ApiSettings {
  readonly url: string;
  readonly apiKey: string | undefined;
}

/** What the API says of a problem (RFC 9457), as far as the command line shows it. */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly help?: string;
  readonly errors?: readonly { readonly pointer?: string; readonly code: string; readonly detail: string; readonly help?: string }[];
}

/** The HTTP API of a running Kassaflow, as the command line and the demo use it. */
export class ApiClient {
  constructor(private readonly settings: ApiSettings) {}

  get<T>(path: string): Promise<T> {
    return this.#call<T>('GET', path);
  }

  /** `idempotencyKey` makes a repeat of the same command safe; routes that move money require it. */
  post<T>(path: string, body: unknown, options: { readonly idempotencyKey?: string; readonly contentType?: string } = {}): Promise<T> {
    return this.#call<T>('POST', path, body, options);
  }

  put<T>(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    return this.#call<T>('PUT', path, body, { headers });
  }

  delete<T>(path: string): Promise<T> {
    return this.#call<T>('DELETE', path);
  }

  async #call<T>(
    method: string,
    path: string,
    body?: unknown,
    options: { readonly idempotencyKey?: string; readonly contentType?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<T> {
    if (!this.settings.apiKey) throw clientErrors['no-key']();
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.settings.url), {
        method,
        headers: {
          authorization: `Bearer ${this.settings.apiKey}`,
          ...(body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
          ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
          ...options.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      throw clientErrors.unreachable({ address: this.settings.url }, { cause: error });
    }
    const text = await answer.text();
    if (!answer.ok) throw refusal(answer.status, text);
    // The one place where an answer of our own API is taken at its word.
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

/** The server's own error, with its code: what it says of itself is more than this side knows. */
function refusal(status: number, text: string): Error {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not from Kassaflow itself, a proxy perhaps: the status is all there is to show.
  }
  const { code, detail, title, help, errors = [] } = problem;
  if (code === undefined) return clientErrors.refused({ status });
  const spec = { status, title: detail ?? title ?? code, remedy: 'fix', ...(help !== undefined && { help }) } as const;
  return new KassaflowError(code, spec).with(
    errors.map((one) => ({
      pointer: one.pointer ?? '',
      code: one.code,
      detail: one.detail,
      ...(one.help !== undefined && { help: one.help }),
    })),
  );
}
