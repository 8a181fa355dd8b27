import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FaultScript } from './fault-script.ts';

/** A request with its whole body, as a handler gets it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RunningServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly faults: FaultScript;
  /** Answers a request; what it throws becomes a 500. */
  readonly handle: (request: Received) => Reply | Promise<Reply>;
  /** The provider's own words for a fault's answer. */
  readonly faultReply: (status: 429 | 500) => Reply;
}

/** No request of ours is larger; more is refused so that a runaway client cannot fill the memory. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Serves on 127.0.0.1 and lets the fault script strike before and after each request. */
export async function serveHttp(options: ServeOptions): Promise<RunningServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      process.stderr.write(
        `${request.method ?? ''} ${request.url ?? ''}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      if (response.headersSent) response.destroy();
      else send(response, options.faultReply(500));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('serveHttp: the server has no port');
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** A JSON answer. */
export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body: JSON.stringify(value) };
}

async function answer({ faults, handle, faultReply }: ServeOptions, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = await receive(incoming);
  if (typeof request === 'number') return send(response, { status: request, body: '' });
  const fault = request.path.startsWith('/__') ? undefined : faults.take(`${request.method} ${request.path}`);
  if (fault?.action === 'drop') return void incoming.socket.destroy();
  if (fault?.action === '429') return send(response, faultReply(429));
  if (fault?.action === '500-before') return send(response, faultReply(500));

  const reply = await handle(request);
  if (fault?.action === 'reset-after') return void incoming.socket.destroy();
  if (fault?.action === '500-after') return send(response, faultReply(500));
  if (fault?.action === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 2_000).unref());
  send(response, reply);
}

async function receive(incoming: IncomingMessage): Promise<Received | 400 | 413> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) return 413;
    chunks.push(bytes);
  }
  const url = new URL(incoming.url ?? '/', 'http://server.invalid');
  // What a proxy lets through as `/sandbox/…` must not arrive as another path: dots are not resolved here.
  if (!(incoming.url ?? '/').startsWith(url.pathname)) return 400;
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
}

function send(response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  response.writeHead(reply.status, { ...reply.headers, 'content-length': Buffer.byteLength(reply.body) }).end(reply.body);
}
