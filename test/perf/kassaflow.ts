/**
 * Kassaflow as a contestant: the built program as people run it, with its own PostgreSQL, no demo, events over HTTP, a flow
 * in YAML with a template and an expression, and two calls through a connection.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { execFile, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import { type Contestant, paymentReceived, processTree, stopChild } from './contestant.ts';
import { freePort } from './free-port.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const BINARY = join(HERE, '../../bin/kassaflow.mjs');
const run = promisify(execFile);
/** What `npm start` gives to Node. */
const AS_STARTED = ['--enable-source-maps', '--max-semi-space-size=128'];

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
  /** A superuser of its database. */
  readonly database: { readonly host: string; readonly port: number; readonly user: string; readonly database: string };
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
  const folder = mkdtempSync(join(tmpdir(), 'kb-'));
  const port = await freePort();
  const environment = {
    PATH: process.env['PATH'],
    HOME: folder,
    NODE_ENV: 'development',
    LOG_LEVEL: 'warn',
    PORT: String(port),
    KASSAFLOW_DATA_DIR: join(folder, 'data'),
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    ...(plugin && { KASSAFLOW_PLUGINS_DIR: join(HERE, 'plugins') }),
    KASSAFLOW_EGRESS_MAP: `https://sink.example.com=http://127.0.0.1:${sinkPort}`,
  };
  const profiling = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
  const launch = async () => {
    const started = spawn(process.execPath, [...profiling, ...AS_STARTED, BINARY, 'start'], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await ready(started.stdout);
    return started;
  };
  let child = await launch();
  const { stdout } = await run(process.execPath, [BINARY, 'key', 'create', 'bench', '--tenant', 'bench', '--json'], {
    cwd: folder,
    env: environment,
  });
  const apiKey = (JSON.parse(stdout) as { secret: string }).secret;
  const call = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  await call('/v1/connections', { name: 'sink', plugin: plugin ? 'sink' : 'http', settings: { baseUrl: 'https://sink.example.com' } });
  const flow = plugin ? 'payment-received-by-plugin.yaml' : 'payment-received.yaml';
  await call('/v1/flows', { source: readFileSync(join(HERE, flow), 'utf8') });
  const watch = async () => {
    const host = readPostmaster(join(folder, 'data/postgres'))?.socketDirectory ?? '';
    const address = { host, port: 5432, user: 'postgres', database: 'kassaflow' };
    const client = new pg.Client(address);
    await client.connect();
    return { address, client };
  };
  let watcher = await watch();
  // Runs of the benchmark: what was there before it may wait for months.
  let beginning = await lowestId(watcher.client);
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
      (await watcher.client.query<{ n: number }>('select count(*)::int as n from run where id >= $1 and finished_at is null', [beginning]))
        .rows[0]?.n ?? 0,
    walPosition: async () =>
      BigInt((await watcher.client.query<{ n: string }>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as n")).rows[0]?.n ?? 0),
    processes: () => processTree(child.pid ?? 0),
    get database() {
      return watcher.address;
    },
    processId: () => child.pid ?? 0,
    call,
    restart: async () => {
      await watcher.client.end();
      await stopChild(child);
      const since = performance.now();
      child = await launch();
      const ms = performance.now() - since;
      watcher = await watch();
      beginning = await lowestId(watcher.client);
      return ms;
    },
    stop: async () => {
      await watcher.client.end();
      await stopChild(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function lowestId(client: pg.Client): Promise<string | undefined> {
  return (await client.query<{ id: string }>('select uuid_floor(now())::text as id')).rows[0]?.id;
}

function ready(output: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    output.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Kassaflow is ready at')) resolve();
    });
    output.once('end', () => reject(new Error(`Kassaflow ended before it was ready:\n${text}`)));
  });
}
