import { join } from 'node:path';
import pg from 'pg';
import { EMBEDDED_DATABASE } from '../../src/platform/database/embedded/embedded-database.ts';
import { readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import type { AppProcess } from './app-process.ts';

/** What an installation still has to do, counted in its database. All zero: nothing is on its way, and nothing is stuck. */
export interface OpenWork {
  readonly deliveries: number;
  readonly providerCalls: number;
  readonly events: number;
  /** Runs that compute or wait for an answer. */
  readonly running: number;
  /** Runs that wait for a moment, or for a person. */
  readonly resting: number;
  readonly timers: number;
  readonly attention: number;
  readonly tasks: number;
}

export const NOTHING_OPEN: OpenWork = {
  deliveries: 0,
  providerCalls: 0,
  events: 0,
  running: 0,
  resting: 0,
  timers: 0,
  attention: 0,
  tasks: 0,
};

const COUNT = `select
  (select count(*) from inbox where next_at is not null or state = 'failed')::int as deliveries,
  (select count(*) from payment_attempt where next_at is not null)::int as "providerCalls",
  (select count(*) from event where not routed and seq > (select min(seq) from event_cursor))::int as events,
  (select count(*) from run where finished_at is null and status = 'running')::int as running,
  (select count(*) from run where finished_at is null and status <> 'running')::int as resting,
  (select count(*) from run_timer)::int as timers,
  (select count(*) from run_attention where resolved_at is null)::int as attention,
  (select count(*) from staff_task where state = 'open')::int as tasks`;

/** Asks the app's own PostgreSQL, as its owner. @throws while it does not run */
export async function openWork(app: AppProcess): Promise<OpenWork> {
  const host = readPostmaster(join(app.folder, 'data/postgres'))?.socketDirectory;
  if (host === undefined) throw new Error('The PostgreSQL of the app does not run');
  const client = new pg.Client({ host, port: 5432, user: 'postgres', database: EMBEDDED_DATABASE });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<OpenWork>(COUNT);
    return rows[0] ?? NOTHING_OPEN;
  } finally {
    await client.end().catch(() => undefined);
  }
}
