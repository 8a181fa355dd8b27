/**
 * The child's end of the egress gateway: `context.fetch` and `context.agent`, both over one unix socket.
 *
 * They put the call's id on every request. That id is not a secret of the plugin from itself; it is how the host knows which
 * call a request belongs to.
 */
import { Agent, type ClientRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { CALL_HEADER, REFUSAL_HEADER } from './protocol.ts';

/** Makes `fetch` and an agent for each call. */
export class WayOut {
  readonly #socketPath: string;
  readonly #sockets: SocketAgent;
  #dispatcher: Promise<{ fetch: typeof fetch; dispatcher: unknown }> | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#sockets = new SocketAgent(socketPath);
  }

  agentFor(callId: string): Agent {
    return new CallAgent(this.#sockets, callId);
  }

  fetchFor(callId: string, signal: AbortSignal): typeof fetch {
    return async (input, init) => {
      this.#dispatcher ??= loadFetch(this.#socketPath);
      const { fetch: send, dispatcher } = await this.#dispatcher;
      const request = new Request(input, init);
      const url = new URL(request.url);
      if (url.protocol !== 'https:') throw refusal('egress.scheme', 'Only https addresses can be called');
      // plain http to the gateway, which speaks TLS to the provider; a port other than 443 stays in `Host`
      const plain = `http://${url.host}${url.pathname}${url.search}`;
      const headers = new Headers(request.headers);
      headers.set(CALL_HEADER, callId);
      const body = request.body === null ? undefined : await request.arrayBuffer();
      const response = await send(plain, {
        method: request.method,
        headers,
        redirect: 'manual',
        signal: AbortSignal.any([signal, request.signal]),
        ...(body === undefined ? {} : { body }),
        // `dispatcher` is undici's own option; the type of the global `fetch` does not know it
        ...({ dispatcher } as object),
      });
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

async function loadFetch(socketPath: string): Promise<{ fetch: typeof fetch; dispatcher: unknown }> {
  // undici's own `fetch`, because the one built into Node takes no socket path; loaded when first needed (40 ms)
  const { Agent: UndiciAgent, fetch: send } = await import('undici');
  return {
    fetch: send as unknown as typeof fetch,
    dispatcher: new UndiciAgent({ connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 }),
  };
}

function refusal(code: string, message: string): Error {
  return Object.assign(new Error(`${message} (${code})`), { code: 'EGRESS_REFUSED' });
}
