import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What goes wrong between plugin and provider:
 * - `drop-before`: the connection breaks, and the provider has seen nothing.
 * - `drop-after`: the provider has carried it out, and the connection breaks.
 * - `503-before`, `500-after`: an error, without and with the effect.
 * - `429`: refused, with `Retry-After: 7`.
 * - `html-after`, `truncated-after`: carried out, and the answer is a page, or JSON that ends in the middle.
 * - `hang-before`, `hang-after`: no answer comes.
 */
export type WireFault =
  'drop-before' | 'drop-after' | '503-before' | '500-after' | '429' | 'html-after' | 'truncated-after' | 'hang-before' | 'hang-after';

export const RETRY_AFTER_SECONDS = 7;

/** One request that the plugin sent. */
export interface Sent {
  readonly host: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The provider's status; 0 when it saw nothing. */
  status: number;
  /** The plugin gave the exchange up before an answer came. */
  abandoned: boolean;
}

interface Scripted {
  readonly fault: WireFault;
  readonly on: 'changes' | 'reads';
  left: number;
}

/** Whose request it is, where it does not say so in `Host`. */
export const HOST_HEADER = 'x-conformance-host';

/**
 * The line between a plugin and the provider on this machine. It plays the part of the host's egress gateway, keeps every request, and
 * breaks where a test wants it to: so no provider's server has to know of faults.
 */
export class Wire {
  readonly #origins: Readonly<Record<string, string>>;
  readonly #tokenPath: RegExp | undefined;
  readonly #problem: (status: number) => { readonly body: string; readonly headers?: Readonly<Record<string, string>> };
  readonly #server = createServer((request, response) => {
    this.#carry(request, response).catch(() => response.destroy());
  });
  #faults: Scripted[] = [];
  #down = false;
  /** Everything that was sent, oldest first. */
  readonly sent: Sent[] = [];
  /** Hosts that were asked for and are not among the origins. */
  readonly strangers = new Set<string>();

  constructor(
    origins: Readonly<Record<string, string>>,
    tokenPath?: RegExp,
    problem: (status: number) => { readonly body: string; readonly headers?: Readonly<Record<string, string>> } = anyProblem,
  ) {
    this.#origins = origins;
    this.#tokenPath = tokenPath;
    this.#problem = problem;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens on a port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Requests other than those for a token that changed something, or asked to. */
  get changes(): readonly Sent[] {
    return this.sent.filter((one) => this.#isChange(one));
  }

  /** Requests for an access token. */
  get tokens(): readonly Sent[] {
    return this.sent.filter((one) => this.#isToken(one.path));
  }

  /** From now on, `times` requests meet this fault; those for a token never do. */
  script(fault: WireFault, on: 'changes' | 'reads' = 'changes', times = Number.POSITIVE_INFINITY): void {
    this.#faults.push({ fault, on, left: times });
  }

  /** The provider cannot be reached at all. */
  cut(): void {
    this.#down = true;
  }

  /** All is well again. */
  mend(): void {
    this.#faults = [];
    this.#down = false;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #carry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#down) return void request.socket.destroy();
    const host = String(request.headers[HOST_HEADER] ?? request.headers.host ?? '').replace(/:(80|443)$/, '');
    const body = await bodyOf(request);
    const { method = 'GET', url: path = '/' } = request;
    const sent: Sent = { host, method, path, headers: request.headers, body: body.toString('utf8'), status: 0, abandoned: false };
    this.sent.push(sent);
    response.once('close', () => (sent.abandoned = !response.writableFinished));
    const origin = this.#origins[`https://${host}`];
    if (origin === undefined) {
      this.strangers.add(host);
      return void response.writeHead(502, { 'x-kassaflow-egress-refused': 'egress.host-not-listed' }).end();
    }
    const fault = this.#take(sent);
    if (fault === 'drop-before') return void request.socket.destroy();
    if (fault === 'hang-before') return;
    if (fault === '503-before') return this.#answerProblem(response, 503);
    if (fault === '429') return this.#answerProblem(response, 429, { 'retry-after': String(RETRY_AFTER_SECONDS) });
    const answer = await forward(origin, host, request, body);
    sent.status = answer.status;
    if (fault === 'drop-after') return void request.socket.destroy();
    if (fault === 'hang-after') return;
    if (fault === '500-after') return this.#answerProblem(response, 500);
    if (fault === 'html-after')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Maintenance</title>');
    const whole = fault === 'truncated-after' ? answer.body.subarray(0, Math.floor(answer.body.length / 2)) : answer.body;
    response.writeHead(answer.status, { ...answer.headers, 'content-length': whole.length }).end(whole);
  }

  #take(sent: Sent): WireFault | undefined {
    if (this.#isToken(sent.path)) return undefined;
    const kind = this.#isChange(sent) ? 'changes' : 'reads';
    const found = this.#faults.find(({ on, left }) => on === kind && left > 0);
    if (found) found.left -= 1;
    return found?.fault;
  }

  #isChange({ method, path }: Pick<Sent, 'method' | 'path'>): boolean {
    return method !== 'GET' && method !== 'HEAD' && !this.#isToken(path);
  }

  #isToken(path: string): boolean {
    return this.#tokenPath?.test(path) ?? false;
  }

  #answerProblem(response: ServerResponse, status: number, more: Readonly<Record<string, string>> = {}): void {
    const { body, headers = {} } = this.#problem(status);
    response.writeHead(status, { 'content-type': 'application/json', ...headers, ...more }).end(body);
  }
}

function anyProblem(status: number): { readonly body: string } {
  return { body: JSON.stringify({ status, error: { code: 'scripted', message: 'A fault of the conformance kit.' } }) };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk as Uint8Array)); // no encoding is set, so chunks are bytes
  return Buffer.concat(chunks);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

const NOT_FORWARDED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'expect', 'host', HOST_HEADER]);

function forward(origin: string, host: string, request: IncomingMessage, body: Buffer): Promise<Answer> {
  const target = new URL(origin);
  return new Promise((resolve, reject) => {
    const outgoing = send(
      {
        host: target.hostname,
        port: target.port,
        method: request.method,
        path: request.url,
        headers: { ...endToEnd(request.headers), host, ...(body.length > 0 ? { 'content-length': body.length } : {}) },
        agent: false,
      },
      (incoming) => {
        bodyOf(incoming).then((whole) => {
          resolve({ status: incoming.statusCode ?? 0, headers: endToEnd(incoming.headers), body: whole });
        }, reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined && !NOT_FORWARDED.has(entry[0])),
  );
}
