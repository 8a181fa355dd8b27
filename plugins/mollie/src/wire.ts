import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';

/** Mollie, or something before it, answered 5xx. */
export class ServerBroke extends Error {
  readonly status: number;
  /** The answer is in Mollie's own words (JSON) and not the page of a gateway in between. */
  readonly isMollies: boolean;

  constructor(status: number, isMollies: boolean) {
    super(`Mollie answered ${status}.`);
    this.status = status;
    this.isMollies = isMollies;
  }
}

/**
 * The agent of one call. It hands requests to the host's agent and looks at what the library hides:
 *
 * - the status of an answer that is not JSON, and `Retry-After`: its errors have neither;
 * - why a connection broke: its errors keep the message alone;
 * - a 5xx: the library asks three times with two seconds between. Here the first one ends the call and the other two never leave;
 *   whether to ask again is the host's decision.
 */
export class Wire extends Agent {
  readonly #inner: RequestTaker;
  readonly #open = new Set<ClientRequest>();
  readonly #broke = Promise.withResolvers<never>();
  #over = false;
  /** Of the last request: its answer's status and headers, or the code of its error. */
  status: number | undefined;
  headers: IncomingMessage['headers'] = {};
  errorCode: string | undefined;
  /** How many requests were begun. With none, nothing can have happened. */
  begun = 0;

  constructor(inner: Agent) {
    // Node asks the agent that it is given, this one, whether a connection is worth keeping; the inner one keeps it.
    super({ keepAlive: true });
    // not in the type definitions, but the contract between http.request and every agent since Node 0.x
    this.#inner = inner as unknown as RequestTaker;
    this.#broke.promise.catch(() => undefined);
  }

  /** The last answer came out of Mollie's memory of keys: it tells how things were when the request was first carried out. */
  get isReplay(): boolean {
    return this.headers['idempotent-replayed'] === 'true';
  }

  /** Rejects with {@link ServerBroke} at the first 5xx. */
  get broke(): Promise<never> {
    return this.#broke.promise;
  }

  addRequest(request: ClientRequest, options: object): void {
    if (this.#over) return void request.destroy(new Error('This call is over'));
    this.status = this.errorCode = undefined;
    this.headers = {};
    this.begun += 1;
    this.#open.add(request);
    request.once('close', () => this.#open.delete(request));
    request.once('error', (error: NodeJS.ErrnoException) => {
      this.errorCode = error.code;
    });
    request.once('response', (response) => this.#look(response));
    this.#inner.addRequest(request, options);
  }

  /** Nothing leaves any more, and what is still under way is broken off. */
  end(): void {
    this.#over = true;
    for (const request of this.#open) request.destroy();
  }

  #look({ statusCode = 0, headers }: IncomingMessage): void {
    this.status = statusCode;
    this.headers = headers;
    if (statusCode < 500) return;
    this.#over = true;
    this.#broke.reject(new ServerBroke(statusCode, /\bjson\b/.test(headers['content-type'] ?? '')));
  }
}

interface RequestTaker {
  addRequest(request: ClientRequest, options: object): void;
}
