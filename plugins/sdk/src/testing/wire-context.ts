import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Context } from '../context.ts';
import { HOST_HEADER, type Wire } from './wire.ts';

export interface ContextOptions {
  /** The connection's id: what a plugin keeps, it keeps by this. */
  readonly connection: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hosts: readonly string[];
  readonly mode?: 'test' | 'live';
  readonly key?: string;
  readonly attempt?: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** False while a signature is checked: calling out is refused then, as the host does. */
  readonly mayCallOut?: boolean;
  readonly log: (level: 'info' | 'warn', line: string) => void;
}

/** A context as the host gives it, whose `fetch` and `agent` lead to the wire: https addresses and hosts of the manifest only. */
export function wireContext(wire: Wire, options: ContextOptions): Context {
  const { hosts, mayCallOut = true } = options;
  const write =
    (level: 'info' | 'warn') =>
    (message: string, facts?: Readonly<Record<string, unknown>>): void =>
      options.log(level, facts === undefined ? message : `${message} ${JSON.stringify(facts)}`);
  return {
    settings: structuredClone(options.settings),
    connection: { id: options.connection, name: 'conformance' },
    mode: options.mode ?? 'test',
    idempotencyKey: options.key ?? '',
    attempt: options.attempt ?? 1,
    signal: options.signal,
    fetch: async (input, init) => {
      const asked = new Request(input, init);
      const url = new URL(asked.url);
      if (url.protocol !== 'https:') throw refusal('only https addresses can be called');
      if (!mayCallOut) throw refusal('this call may not call out');
      if (!hosts.includes(url.host)) {
        wire.strangers.add(url.host);
        throw refusal(`the host ${url.host} is not in the manifest`);
      }
      const headers = new Headers(asked.headers);
      headers.set(HOST_HEADER, url.host);
      return fetch(`${wire.url}${url.pathname}${url.search}`, {
        method: asked.method,
        headers,
        body: asked.body === null ? null : await asked.arrayBuffer(),
        redirect: 'manual',
        signal: AbortSignal.any([asked.signal, options.signal]),
      });
    },
    agent: new WireAgent(mayCallOut ? wire.port : REFUSING_PORT),
    log: { info: write('info'), warn: write('warn') },
    now: () => new Date(options.now()),
  };
}

/** Nobody listens at the discard port of this machine. */
const REFUSING_PORT = 9;

/** Leads every connection to the wire, as the gateway's agent leads every connection to the gateway. */
class WireAgent extends Agent {
  readonly #port: number;

  constructor(port: number) {
    super({ keepAlive: false });
    this.#port = port;
  }

  override createConnection(): Socket {
    return connect(this.#port, '127.0.0.1');
  }
}

function refusal(message: string): Error {
  return Object.assign(new Error(message), { code: 'EGRESS_REFUSED' });
}
