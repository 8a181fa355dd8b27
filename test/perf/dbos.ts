/** DBOS as a contestant: its own PostgreSQL, from the same binaries and with the same settings as ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { PostgresProcess } from '../../src/platform/database/embedded/postgres-process.ts';
import { type Contestant, paymentReceived, processTree, startNode, stopChild } from './contestant.ts';
import { POSTGRES_SETTINGS } from './postgres-settings.ts';

const PEERS = join(dirname(fileURLToPath(import.meta.url)), 'peers');
const OPEN = "select count(*)::int as n from dbos.workflow_status where status in ('PENDING', 'ENQUEUED')";

export async function startDbos(sinkPort: number): Promise<Contestant> {
  const folder = mkdtempSync(join(tmpdir(), 'kb-'));
  const postgres = await PostgresProcess.start({ directory: join(folder, 'pg'), settings: POSTGRES_SETTINGS, log: () => {} });
  const address = { host: postgres.socketDirectory, port: 5432, user: 'postgres' };
  const admin = new pg.Client({ ...address, database: 'postgres' });
  await admin.connect();
  await admin.query('create database bench');
  const url = `postgresql://postgres@${encodeURIComponent(postgres.socketDirectory)}:5432/bench`;
  const app = await startNode(join(PEERS, 'dbos-app.ts'), [`http://127.0.0.1:${sinkPort}`, url], { cwd: PEERS });
  const watcher = new pg.Client({ ...address, database: 'bench' });
  await watcher.connect();
  return {
    name: 'dbos',
    target: {
      port: app.port,
      path: () => '/events',
      headers: { 'content-type': 'application/json' },
      body: (reference) => JSON.stringify(paymentReceived(reference)),
    },
    unfinished: async () => (await watcher.query<{ n: number }>(OPEN)).rows[0]?.n ?? 0,
    walPosition: async () =>
      BigInt((await watcher.query<{ n: string }>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as n")).rows[0]?.n ?? 0),
    processes: () => [...processTree(postgres.pid), ...processTree(app.child.pid ?? 0)],
    stop: async () => {
      await stopChild(app.child);
      await watcher.end();
      await admin.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
