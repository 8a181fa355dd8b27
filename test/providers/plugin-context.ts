import { Agent, type ClientRequestArgs } from 'node:http';
import net from 'node:net';
import type { Context } from '@kassaflow/plugin-sdk';

export interface PluginContext<Settings> extends Context<Settings> {
  /** Every line the plugin logged, as one text: tests look here for secrets that must not be. */
  readonly logged: string[];
}

export interface ContextOptions<Settings> {
  readonly settings: Settings;
  /** Where the requests of the plugin end, whatever host they name: the base address of a local server. */
  readonly server?: string;
  readonly idempotencyKey?: string;
  readonly attempt?: number;
  readonly mode?: 'test' | 'live';
  readonly now?: () => Date;
  readonly signal?: AbortSignal;
}

/** What the host would give to a plugin, with a straight way to a local server in place of the egress gateway. */
export function pluginContext<Settings>(options: ContextOptions<Settings>): PluginContext<Settings> {
  const { server = 'http://127.0.0.1:9' } = options;
  const logged: string[] = [];
  const write = (message: string, facts?: Readonly<Record<string, unknown>>): void => void logged.push(JSON.stringify([message, facts]));
  return {
    settings: options.settings,
    connection: { id: '01981f2e-0000-7000-8000-000000000001', name: 'test' },
    mode: options.mode ?? 'test',
    idempotencyKey: options.idempotencyKey ?? 'run-1:step-1',
    attempt: options.attempt ?? 1,
    signal: options.signal ?? AbortSignal.timeout(15_000),
    fetch: (input, init) => {
      const { pathname, search } = new URL(input instanceof Request ? input.url : input);
      return fetch(`${server}${pathname}${search}`, { ...init, redirect: 'error' });
    },
    agent: new LocalAgent(new URL(server)),
    log: { info: write, warn: write },
    now: options.now ?? (() => new Date()),
    logged,
  };
}

/** Leads every connection to one server, as the gateway's agent leads every connection to the gateway. */
class LocalAgent extends Agent {
  readonly #server: URL;

  constructor(server: URL) {
    super({ keepAlive: false });
    this.#server = server;
  }

  override createConnection(_options: ClientRequestArgs, callback?: (error: Error | null, socket: net.Socket) => void): net.Socket {
    const socket = net.connect(Number(this.#server.port), this.#server.hostname);
    if (callback) {
      socket.once('connect', () => callback(null, socket));
      socket.once('error', (error) => callback(error, socket));
    }
    return socket;
  }
}
