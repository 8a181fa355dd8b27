/** How far this machine's clock is from the database's: due times are the database's, log lines and signatures are ours. */
import type { ClientBase } from 'pg';
import type { Clock } from '../../kernel/clock.ts';

/** Above it a person should look. */
export const SKEW_WARNING_MS = 5_000;
/** Above it signatures of providers fail and tokens expire at the wrong time: we do not start. */
export const SKEW_LIMIT_MS = 300_000;

/** Milliseconds that the database is ahead of `clock` (negative: behind), give or take half a round trip. */
export async function clockSkew(client: ClientBase, clock: Clock): Promise<number> {
  const before = clock.now().getTime();
  const { rows } = await client.query<{ ms: number }>(`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`);
  const after = clock.now().getTime();
  return Math.round((rows[0]?.ms ?? after) - (before + after) / 2);
}
