/** The clock of the program's own PostgreSQL, set forward as a machine's is: the timers of runs are due by it. */
import { join } from 'node:path';
import pg from 'pg';

/**
 * From now on every new connection to the database of the program in this folder sees the time so much later. Its functions of the time
 * stand before PostgreSQL's own in the search path; functions with a path of their own, and columns' defaults, keep the real time.
 */
export async function setDatabaseForward(folder: string, ms: number): Promise<void> {
  const administrator = new pg.Client({ host: join(folder, 'data/postgres'), port: 5432, user: 'postgres', database: 'kassaflow' });
  await administrator.connect();
  const later = (name: string, volatility: string): string =>
    `create or replace function later.${name}() returns timestamptz language sql ${volatility}
     as $$ select pg_catalog.${name}() + ${Math.trunc(ms)} * interval '1 millisecond' $$;`;
  try {
    await administrator.query(
      `create schema if not exists later;
       grant usage on schema later to public;
       ${later('now', 'stable')} ${later('statement_timestamp', 'stable')} ${later('clock_timestamp', 'volatile')}
       alter database kassaflow set search_path = later, pg_catalog, public;`,
    );
  } finally {
    await administrator.end();
  }
}
