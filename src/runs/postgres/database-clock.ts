import type pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { DATABASE_TIME } from './queries/peek-timers.ts';

/**
 * The database's clock, as this process last saw it: timers are due by it, and runs write their moments by it, so that no jump of a
 * machine's clock loses a timer, makes a sleep longer, or lets a call be repeated after its key was forgotten. Before it was seen for
 * the first time it is the machine's.
 */
export class DatabaseClock {
  /** The same for who takes a {@link Clock}. */
  readonly asClock: Clock;
  #offset: number;

  constructor(private readonly clock: Clock) {
    this.#offset = clock.now().getTime() - clock.elapsed();
    this.asClock = { now: () => new Date(this.now()), elapsed: () => clock.elapsed() };
  }

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
