/**
 * Durable timers. A sleeping run costs one row of `run_timer` and no memory; this queue knows only the timers of the next
 * minute, of all runs. A timer only says that a run is to be looked at: whether a step's sleep is over is decided by the
 * `sleep` entry in its journal, and the row is deleted in the flush that records the wake-up. So a timer that is seen by two
 * processes, or twice, does nothing the second time.
 */
import type pg from 'pg';
import { PEEK_TIMERS } from './queries/peek-timers.ts';

export interface TimerPorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  /** Milliseconds since 1970 by the database's clock. */
  now(): number;
  adjustClock(): Promise<void>;
  /** How many more runs may be taken into memory. */
  room(): number;
  /** Looks at these runs, whose moment has come. */
  wake(runIds: readonly string[]): Promise<void>;
}

const HORIZON_MS = 60_000;
const PEEK_EVERY_MS = 30_000;
const PEEK_MOST = 2_000;
const WAKE_MOST = 200;
const CROWDED_MS = 100;

/** A moment at which a run is to be looked at. */
interface Due {
  readonly at: number;
  readonly runId: string;
}

export class Timers {
  /** Moments in ascending order; a run may be in it more than once. */
  #queue: Due[] = [];
  /** Timers written while a look at the table is under way: it may have begun before they were there. */
  #arrived: Due[] | undefined;
  #horizon = 0;
  #peekAt = 0;
  #timeout: NodeJS.Timeout | undefined;
  #turning: Promise<void> | undefined;
  #stopped = true;

  constructor(private readonly ports: TimerPorts) {}

  start(): void {
    this.#stopped = false;
    this.#schedule(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timeout);
    await this.#turning;
  }

  /** Takes in a timer that this process has just written. */
  add(at: number, runId: string): void {
    this.#arrived?.push({ at, runId });
    if (at >= this.#horizon) return;
    this.#insert(at, runId);
    if (this.#queue[0]?.runId === runId) this.#schedule(Math.max(0, at - this.ports.now()));
  }

  #insert(at: number, runId: string): void {
    let low = 0;
    for (let high = this.#queue.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, { at, runId });
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timeout);
    this.#timeout = setTimeout(() => {
      this.#turning ??= this.#turn().finally(() => {
        this.#turning = undefined;
        this.#schedule(this.#pause());
      });
    }, ms);
  }

  #pause(): number {
    const now = this.ports.now();
    const first = this.#queue[0]?.at ?? Infinity;
    if (first <= now) return this.ports.room() > 0 ? 0 : CROWDED_MS;
    return Math.max(1, Math.min(first, this.#peekAt) - now);
  }

  async #turn(): Promise<void> {
    try {
      if (this.ports.now() >= this.#peekAt) await this.#peek();
      const due = new Set<string>();
      const most = Math.min(WAKE_MOST, this.ports.room());
      const now = this.ports.now();
      while (due.size < most && (this.#queue[0]?.at ?? Infinity) <= now) due.add(this.#queue.shift()?.runId ?? '');
      if (due.size > 0) await this.ports.wake([...due]);
    } catch {
      // The database is away: what was taken off the queue is found again by the next look.
      this.#peekAt = this.ports.now() + 1_000;
    }
  }

  async #peek(): Promise<void> {
    await this.ports.adjustClock();
    const arrived: Due[] = [];
    this.#arrived = arrived;
    const { rows } = await this.ports.pool
      .query<{ run_id: string; at: number }>(PEEK_TIMERS, [HORIZON_MS, PEEK_MOST])
      .finally(() => (this.#arrived = undefined));
    const now = this.ports.now();
    const full = rows.length === PEEK_MOST;
    this.#horizon = full ? (rows.at(-1)?.at ?? now) : now + HORIZON_MS;
    this.#queue = rows.map(({ run_id, at }) => ({ at, runId: run_id }));
    for (const { at, runId } of arrived) if (at < this.#horizon) this.#insert(at, runId);
    this.#peekAt = full ? Math.min(this.#horizon, now + PEEK_EVERY_MS) : now + PEEK_EVERY_MS;
  }
}
