import type pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { DATABASE_TIME } from './queries/peek-timers.ts';

/** The database's clock, as this process last saw it: timers are due by it, so that no jump of a machine's clock loses one. */
export class DatabaseClock {
  #offset = 0;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds since 1970. */
  now(): number {
    return this.clock.elapsed() + this.#offset;
  }

  async adjust(pool: Pick<pg.Pool, 'query'>): Promise<void> {
    const { rows } = await pool.query<{ now: number }>(DATABASE_TIME);
    const now = rows[0]?.now;
    if (now !== undefined) this.#offset = now - this.clock.elapsed();
  }
}
