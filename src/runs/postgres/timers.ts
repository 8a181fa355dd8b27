/**
 * Durable timers. A sleeping run costs one row of `run_timer` and no memory; this queue knows only the timers of the next
 * minute, of all runs. A timer only says that a run is to be looked at: whether a step's sleep is over is decided by the
 * `sleep` entry in its journal, and the row is deleted in the flush that records the wake-up. So a timer that is seen by two
 * processes, or twice, does nothing the second time.
 */
import type pg from 'pg';
import { PEEK_TIMERS } from './queries/peek-timers.ts';
import { TimerQueue, type Due } from './timer-queue.ts';

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
const PEEK_EVERY_MS = 10_000;
/** Rows of one look, divided among the tenants; each gets at least a few. */
const PEEK_MOST = 4_000;
const PEEK_LEAST_EACH = 20;
const WAKE_MOST = 200;
const CROWDED_MS = 20;

export class Timers {
  readonly #queue = new TimerQueue();
  /** Timers written while a look at the table is under way: it may have begun before they were there. */
  #arrived: Due[] | undefined;
  /** Up to where the queue holds all timers; for a tenant with many due it may be nearer. */
  #horizon = 0;
  #horizons = new Map<string, number>();
  #tenants = 1;
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
  add(at: number, runId: string, tenantId: string): void {
    const due = { tenantId, at, runId };
    this.#arrived?.push(due);
    if (!this.#isWithin(due)) return;
    const isFirst = at < this.#queue.next;
    this.#queue.add(due);
    if (isFirst) this.#schedule(Math.max(0, at - this.ports.now()));
  }

  /** Looks at the table now: timers that were known to another process only may be nobody's any more. */
  lookAgain(): void {
    this.#peekAt = 0;
    this.#schedule(0);
  }

  #isWithin({ tenantId, at }: Due): boolean {
    return at < (this.#horizons.get(tenantId) ?? this.#horizon);
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
    const first = this.#queue.next;
    if (first <= now) return this.ports.room() > 0 ? 0 : CROWDED_MS;
    return Math.max(1, Math.min(first, this.#peekAt) - now);
  }

  async #turn(): Promise<void> {
    try {
      if (this.ports.now() >= this.#peekAt) await this.#peek();
      const due = this.#queue.takeDue(this.ports.now(), Math.max(0, Math.min(WAKE_MOST, this.ports.room())));
      if (due.length > 0) await this.ports.wake(due);
      // Of a tenant whose slice is used up there are more in the table.
      for (const tenantId of this.#horizons.keys()) if (!this.#queue.has(tenantId)) this.#peekAt = this.ports.now();
    } catch {
      // The database is away: what was taken off the queue is found again by the next look.
      this.#peekAt = this.ports.now() + 1_000;
    }
  }

  async #peek(): Promise<void> {
    await this.ports.adjustClock();
    const each = Math.max(PEEK_LEAST_EACH, Math.ceil(PEEK_MOST / this.#tenants));
    const arrived: Due[] = [];
    this.#arrived = arrived;
    const { rows } = await this.ports.pool
      .query<{ tenant_id: string; run_id: string; at: number }>(PEEK_TIMERS, [HORIZON_MS, each])
      .finally(() => (this.#arrived = undefined));
    const now = this.ports.now();
    const byTenant = Map.groupBy(rows, ({ tenant_id }) => tenant_id);
    this.#tenants = Math.max(1, byTenant.size);
    this.#horizon = now + HORIZON_MS;
    this.#horizons = new Map([...byTenant].flatMap(([id, own]) => (own.length < each ? [] : [[id, own.at(-1)?.at ?? now] as const])));
    this.#queue.clear();
    for (const { tenant_id: tenantId, run_id: runId, at } of rows) this.#queue.add({ tenantId, at, runId });
    for (const due of arrived) if (this.#isWithin(due)) this.#queue.add(due);
    this.#peekAt = now + PEEK_EVERY_MS;
  }
}
