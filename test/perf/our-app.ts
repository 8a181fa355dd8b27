/** The built program as people run it, for a benchmark: a process of its own with its own PostgreSQL, a tenant and a key for everything. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import { processTree, stopChild } from './contestant.ts';
import { freePort } from './free-port.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const BINARY = join(HERE, '../../bin/kassaflow.mjs');
const run = promisify(execFile);
/** What `npm start` gives to Node. */
const AS_STARTED = ['--enable-source-maps', '--max-semi-space-size=128'];

export interface OurAppOptions {
  /** Settings on top of: no demo, flows in the database, warnings logged. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A folder for a CPU profile of the process, written when it stops. */
  readonly profileTo?: string | undefined;
}

export interface OurApp {
  readonly port: number;
  readonly apiKey: string;
  /** A superuser of its database. */
  readonly database: { readonly host: string; readonly port: number; readonly user: string; readonly database: string };
  /** A connection as that superuser. */
  readonly client: pg.Client;
  /** Calls its API. @throws with what was answered, unless that is a 2xx */
  call<T = unknown>(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
  /** The process without its PostgreSQL. */
  processId(): number;
  /** With its PostgreSQL and plugins. */
  processes(): number[];
  /** Stops it cleanly and starts it again. @returns milliseconds from the start of the process to the ready line */
  restart(): Promise<number>;
  stop(): Promise<void>;
}

export async function startOurApp({ settings = {}, profileTo }: OurAppOptions = {}): Promise<OurApp> {
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
    ...settings,
  };
  const profiling = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
  const launch = async (): Promise<ChildProcess> => {
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
  const connect = async () => {
    const host = readPostmaster(join(folder, 'data/postgres'))?.socketDirectory ?? '';
    const address = { host, port: 5432, user: 'postgres', database: 'kassaflow' };
    const client = new pg.Client(address);
    await client.connect();
    return { address, client };
  };
  let connected = await connect();
  return {
    port,
    apiKey,
    get database() {
      return connected.address;
    },
    get client() {
      return connected.client;
    },
    call: async <T>(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T; // the caller knows the route
    },
    processId: () => child.pid ?? 0,
    processes: () => processTree(child.pid ?? 0),
    restart: async () => {
      await connected.client.end();
      await stopChild(child);
      const since = performance.now();
      child = await launch();
      const ms = performance.now() - since;
      connected = await connect();
      return ms;
    },
    stop: async () => {
      await connected.client.end();
      await stopChild(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ready(output: NodeJS.ReadableStream | null): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    output?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Kassaflow is ready at')) resolve();
    });
    output?.once('end', () => reject(new Error(`Kassaflow ended before it was ready:\n${text}`)));
  });
}
