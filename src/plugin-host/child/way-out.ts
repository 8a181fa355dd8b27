/**
 * The child's end of the egress gateway: `context.fetch` and `context.agent`, both over one unix socket.
 *
 * They put the call's id on every request. That id is not a secret of the plugin from itself; it is how the host knows which
 * call a request belongs to.
 */
import { Agent, type ClientRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { CALL_HEADER, REFUSAL_HEADER } from './protocol.ts';

/** Makes `fetch` and an agent for each call. */
export class WayOut {
  readonly #socketPath: string;
  readonly #sockets: SocketAgent;
  #gateway: Promise<Dispatcher> | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#sockets = new SocketAgent(socketPath);
  }

  agentFor(callId: string): Agent {
    return new CallAgent(this.#sockets, callId);
  }

  fetchFor(callId: string, signal: AbortSignal): typeof fetch {
    return async (input, init) => {
      this.#gateway ??= openGateway(this.#socketPath);
      const gateway = await this.#gateway;
      const request = new Request(input, init);
      const url = new URL(request.url);
      if (url.protocol !== 'https:') throw refusal('egress.scheme', 'Only https addresses can be called');
      const body = request.body === null ? null : Buffer.from(await request.arrayBuffer());
      const answer = await gateway.request({
        // plain http to the gateway, which speaks TLS to the provider; a port other than 443 stays in `Host`
        origin: `http://${url.host}`,
        path: url.pathname + url.search,
        method: request.method as Dispatcher.HttpMethod, // `Request` has checked it
        headers: { ...Object.fromEntries(request.headers), [CALL_HEADER]: callId },
        body,
        signal: init?.signal || input instanceof Request ? AbortSignal.any([signal, request.signal]) : signal,
      });
      const response = await responseOf(answer, request.url);
      const refused = response.headers.get(REFUSAL_HEADER);
      if (refused === null) return response;
      const { message } = (await response.json()) as { message: string }; // written by our own gateway
      throw refusal(refused, message);
    };
  }
}

/** Keep-alive connections to the gateway, shared by all calls. */
class SocketAgent extends Agent {
  readonly #path: string;

  constructor(path: string) {
    super({ keepAlive: true });
    this.#path = path;
  }

  override createConnection(): Socket {
    return connect(this.#path);
  }
}

/** Hands requests to the shared agent, with the call's id on them. `addRequest` is what `http.request` calls on its agent. */
class CallAgent extends Agent {
  readonly #shared: SocketAgent;
  readonly #callId: string;

  constructor(shared: SocketAgent, callId: string) {
    super();
    this.#shared = shared;
    this.#callId = callId;
  }

  addRequest(request: ClientRequest, options: object): void {
    request.setHeader(CALL_HEADER, this.#callId);
    // not in the type definitions, but the contract between http.request and every agent since Node 0.x
    (this.#shared as unknown as { addRequest(request: ClientRequest, options: object): void }).addRequest(request, options);
  }
}

/** A body is read whole: the gateway has it whole before it passes it on, and it is at most 5 MiB. */
async function responseOf({ statusCode, headers, body }: Dispatcher.ResponseData, url: string): Promise<Response> {
  const bytes = await body.arrayBuffer();
  const pairs = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, one]));
  const response = new Response(NO_BODY.has(statusCode) ? null : bytes, { status: statusCode, headers: pairs });
  // What `fetch` would have said; the constructor cannot be told.
  return Object.defineProperty(response, 'url', { value: url });
}

/**
 * undici's plain request and not its `fetch`, which costs 170–270 µs of CPU for each call instead of about 60, and that in the
 * process that all calls of a plugin share. Loaded when first needed (40 ms).
 */
async function openGateway(socketPath: string): Promise<Dispatcher> {
  const { Agent: UndiciAgent } = await import('undici');
  return new UndiciAgent({ connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 });
}

/** Statuses whose answers have no body: a `Response` with one cannot be made. */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function refusal(code: string, message: string): Error {
  return Object.assign(new Error(`${message} (${code})`), { code: 'EGRESS_REFUSED' });
}
