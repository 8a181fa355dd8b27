/**
 * Kassaflow as a contestant: the built program as people run it, with its own PostgreSQL, no demo, events over HTTP, a flow
 * in YAML with a template and an expression, and two calls through a connection.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { type Contestant, paymentReceived } from './contestant.ts';
import { startOurApp, type OurApp } from './our-app.ts';

const HERE = dirname(fileURLToPath(import.meta.url));

export interface KassaflowOptions {
  /** Events to a request; 1 unless told. */
  readonly batch?: number;
  /** The two HTTP calls are actions of an isolated plugin instead of the built-in `http.call`. */
  readonly plugin?: boolean;
  /** A folder for a CPU profile of the process, written when it stops. */
  readonly profileTo?: string | undefined;
}

/** Kassaflow with what only the benchmark of growth needs. */
export interface KassaflowContestant extends Contestant {
  readonly database: OurApp['database'];
  /** The process without its PostgreSQL. */
  processId(): number;
  /** Calls its API. */
  call(path: string, body: unknown): Promise<void>;
  /** Stops it cleanly and starts it again. @returns milliseconds from the start of the process to the ready line */
  restart(): Promise<number>;
}

export async function startKassaflow(
  sinkPort: number,
  { batch = 1, plugin = false, profileTo }: KassaflowOptions = {},
): Promise<KassaflowContestant> {
  const app = await startOurApp({
    settings: {
      ...(plugin && { KASSAFLOW_PLUGINS_DIR: join(HERE, 'plugins') }),
      KASSAFLOW_EGRESS_MAP: `https://sink.example.com=http://127.0.0.1:${sinkPort}`,
    },
    profileTo,
  });
  const { port, apiKey } = app;
  const call = async (path: string, body: unknown): Promise<void> => void (await app.call(path, body));
  await call('/v1/connections', { name: 'sink', plugin: plugin ? 'sink' : 'http', settings: { baseUrl: 'https://sink.example.com' } });
  const flow = plugin ? 'payment-received-by-plugin.yaml' : 'payment-received.yaml';
  await call('/v1/flows', { source: readFileSync(join(HERE, flow), 'utf8') });
  // Runs of the benchmark: what was there before it may wait for months.
  let beginning = await lowestId(app.client);
  const event = (reference: number) =>
    `{"specversion":"1.0","id":"event-${reference}","source":"/bench","type":"custom.payment-received","data":${JSON.stringify(paymentReceived(reference))}}`;
  const authorization = `Bearer ${apiKey}`;
  return {
    name: 'ours',
    target: {
      port,
      path: () => '/v1/events',
      headers: { authorization, 'content-type': 'application/cloudevents+json' },
      body: event,
      ...(batch > 1 && {
        batch: {
          events: batch,
          headers: { authorization, 'content-type': 'application/cloudevents-batch+json' },
          body: (references) => `[${references.map(event).join(',')}]`,
        },
      }),
    },
    unfinished: async () =>
      (await app.client.query<{ n: number }>('select count(*)::int as n from run where id >= $1 and finished_at is null', [beginning]))
        .rows[0]?.n ?? 0,
    walPosition: async () =>
      BigInt((await app.client.query<{ n: string }>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as n")).rows[0]?.n ?? 0),
    processes: () => app.processes(),
    get database() {
      return app.database;
    },
    processId: () => app.processId(),
    call,
    restart: async () => {
      const ms = await app.restart();
      beginning = await lowestId(app.client);
      return ms;
    },
    stop: () => app.stop(),
  };
}

async function lowestId(client: pg.Client): Promise<string | undefined> {
  return (await client.query<{ id: string }>('select uuid_floor(now())::text as id')).rows[0]?.id;
}
