/** A clock that a test moves: expiry, due dates and retries of days pass in a moment, in their order. */

export interface VippsClockOptions {
  /** Epoch milliseconds at the start; default is the present. */
  readonly startAt?: number;
  /** Time passes only by {@link VippsClock.advance}. Without it, real time passes too, as a long-running server needs it. */
  readonly frozen?: boolean;
}

interface Timer {
  readonly at: number;
  readonly run: () => void | Promise<void>;
}

/** The longest delay that a timer of Node takes. */
const MAX_TIMER_MS = 2_147_483_647;

export class VippsClock {
  readonly #frozen: boolean;
  #now: number;
  #realStart = Date.now();
  #timers: Timer[] = [];
  #wake: NodeJS.Timeout | undefined;
  #isRunning = false;

  constructor({ startAt = Date.now(), frozen = false }: VippsClockOptions = {}) {
    this.#now = startAt;
    this.#frozen = frozen;
  }

  now(): number {
    return this.#frozen ? this.#now : this.#now + (Date.now() - this.#realStart);
  }

  date(): Date {
    return new Date(this.now());
  }

  /** Runs `run` when it is `at`. */
  at(at: number, run: Timer['run']): void {
    this.#timers.push({ at, run });
    this.#arm();
  }

  /** Lets time pass and waits for everything that was to happen in it. */
  async advance(ms: number): Promise<void> {
    const until = this.now() + ms;
    for (;;) {
      const due = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (!due || due.at > until) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#set(Math.max(this.now(), due.at));
      await due.run();
    }
    this.#set(Math.max(this.now(), until));
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#wake);
    this.#timers = [];
  }

  #set(now: number): void {
    this.#now = now;
    this.#realStart = Date.now();
  }

  #arm(): void {
    if (this.#frozen) return;
    clearTimeout(this.#wake);
    const next = Math.min(...this.#timers.map(({ at }) => at));
    if (!Number.isFinite(next)) return;
    this.#wake = setTimeout(() => this.#wakeUp(), Math.min(Math.max(0, next - this.now()), MAX_TIMER_MS));
    this.#wake.unref();
  }

  #wakeUp(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.advance(0).finally(() => {
      this.#isRunning = false;
      this.#arm();
    });
  }
}
