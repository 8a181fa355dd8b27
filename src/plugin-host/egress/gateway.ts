/**
 * The only way out for a plugin: an HTTP server on a unix socket that belongs to one child process.
 *
 * The child speaks plain HTTP to it and names the provider in `Host`. Every request carries the id of the host's call that
 * it is part of ({@link CALL_HEADER}); the gateway checks that the call is open and may call out, that the manifest lists
 * the host, that the address is public, and then sends the request over TLS itself. It writes down per call whether anything
 * left, which decides later whether a call that died is `failed` or `unknown`.
 *
 * A refusal is answered 502 with {@link REFUSAL_HEADER}. A broken connection to the provider breaks the child's connection
 * too, so that libraries see what they would have seen.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { isKassaflowError } from '../../kernel/errors.ts';
import { CALL_HEADER, REFUSAL_HEADER } from '../child/protocol.ts';
import { currentSpan, type OpenSpan } from '../../platform/observability/tracing.ts';
import { egressErrors } from './egress-errors.ts';
import { parseAddress, type EgressRules } from './egress-rules.ts';
import { MAX_BODY_BYTES, type HttpClient, type HttpRequest } from './http-client.ts';

/** What a call of the host did on the network so far. */
export interface CallTraffic {
  /** True from directly before the first byte of the first request. */
  readonly left: boolean;
  readonly requests: number;
  /** A request was kept back, because its run may be another process's. */
  readonly keptBack: boolean;
}

/** What a call may do on the network. */
export interface CallRights {
  readonly mayCallOut: boolean;
  /** As {@link HttpRequest.mayLeave}. */
  readonly mayLeave?: (() => boolean) | undefined;
}

/** One exchange, for logs and metrics: no query, no headers, no bodies. */
export interface ExchangeNote {
  readonly callId: string;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  /** The provider's status, or why there is none. */
  readonly result: number | string;
}

interface OpenCall {
  left: boolean;
  requests: number;
  keptBack: boolean;
  readonly rights: CallRights;
  readonly signal: AbortSignal;
  /** The span that the call is made in. */
  readonly span: OpenSpan | undefined;
}

/** Deadline of one exchange when the call has none that is nearer. */
const EXCHANGE_MS = 15_000;
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  CALL_HEADER,
  REFUSAL_HEADER,
]);

/** The gateway of one plugin. */
export class EgressGateway {
  readonly #rules: EgressRules;
  readonly #client: HttpClient;
  readonly #note: (note: ExchangeNote) => void;
  readonly #calls = new Map<string, OpenCall>();
  readonly #server: Server;
  #hosts: ReadonlySet<string> = new Set();

  constructor(rules: EgressRules, client: HttpClient, note: (note: ExchangeNote) => void = () => undefined) {
    this.#rules = rules;
    this.#client = client;
    this.#note = note;
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => void this.#handle(request, response));
  }

  /** Listens at `socketPath`, which must lie in a directory that only we can enter. */
  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** The hosts of the plugin's manifest; nobody can be called before they are set. */
  allowHosts(hosts: readonly string[]): void {
    this.#hosts = new Set(hosts);
  }

  /** Opens the way out for one call and returns its live traffic. `signal` ends its requests. */
  open(callId: string, rights: CallRights, signal: AbortSignal): CallTraffic {
    const call: OpenCall = { left: false, requests: 0, keptBack: false, rights, signal, span: currentSpan.getStore() };
    this.#calls.set(callId, call);
    return call;
  }

  /** No later request in the name of this call gets out. */
  shut(callId: string): void {
    this.#calls.delete(callId);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = String(request.headers.host ?? '')
      .toLowerCase()
      .replace(/:(80|443)$/, '');
    const callId = String(request.headers[CALL_HEADER] ?? '');
    const path = request.url ?? '';
    const note = (result: number | string): void =>
      this.#note({ callId, host: host.slice(0, 253), method: request.method ?? '', path: path.split('?', 1)[0] ?? '', result });
    try {
      const call = this.#admit(callId, host);
      const url = parseAddress(path.startsWith('/') ? `https://${host}${path}` : '');
      const destination = this.#rules.destinationOf(url);
      const body = await bodyOf(request);
      call.requests += 1;
      const send = (exchange: HttpRequest) => this.#client.send(exchange);
      const exchange: HttpRequest = {
        destination,
        method: (request.method ?? 'GET') as Dispatcher.HttpMethod, // node:http has parsed it against its list of methods
        path: url.pathname + url.search,
        headers: endToEnd(request.rawHeaders),
        ...(body.length > 0 ? { body } : {}),
        timeoutMs: EXCHANGE_MS,
        signal: call.signal,
        onLeaving: () => {
          call.left = true;
        },
        mayLeave: call.rights.mayLeave,
      };
      const result = await (call.span ? currentSpan.run(call.span, send, exchange) : send(exchange));
      if (result.kind === 'answered') {
        note(result.status);
        response.writeHead(
          result.status,
          endToEnd(
            Object.entries(result.headers).flatMap(([name, value]) =>
              Array.isArray(value) ? value.flatMap((one) => [name, one]) : [name, value ?? ''],
            ),
          ),
        );
        response.end(result.body);
      } else if (result.refusedBy !== undefined) {
        note(result.refusedBy);
        refuse(response, result.refusedBy, 'The host is not on the public internet');
      } else {
        if (result.reason === 'kept-back') call.keptBack = true;
        note(result.reason);
        response.destroy();
      }
    } catch (error) {
      if (!isKassaflowError(error)) return void response.destroy();
      note(error.code);
      refuse(response, error.code, error.message);
    }
  }

  #admit(callId: string, host: string): OpenCall {
    const call = this.#calls.get(callId);
    if (!call) throw egressErrors['no-call']();
    if (!call.rights.mayCallOut) throw egressErrors['calls-nobody']();
    if (!this.#hosts.has(host)) throw egressErrors['host-not-listed']({ host: host.slice(0, 253) });
    return call;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer; // no encoding is set, so chunks are buffers
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw egressErrors['request-too-large']();
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}

/** Headers as flat pairs, without those that belong to one connection only. */
function endToEnd(pairs: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const name = pairs[index] ?? '';
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, pairs[index + 1] ?? '');
  }
  return kept;
}

function refuse(response: ServerResponse, code: string, message: string): void {
  const body = JSON.stringify({ code, message });
  response.writeHead(502, { 'content-type': 'application/json', [REFUSAL_HEADER]: code, connection: 'close' }).end(body);
}
