const TICK_MS = 200;

/** Time that stands still until a test moves it, with things that are due at their moment. */
export class VirtualClock {
  #now: number;
  #following: NodeJS.Timeout | undefined;
  /** Waited for before time moves: what is on its way arrives at the moment at which it left. */
  arrived: () => Promise<void> = () => Promise.resolve();
  #due: { readonly at: number; readonly run: () => unknown }[] = [];

  constructor(start = Date.now()) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** In Mollie's writing: seconds, and the offset instead of a `Z`. */
  stamp(at = this.#now): string {
    return new Date(at).toISOString().replace(/\.\d+Z$/, '+00:00');
  }

  /** From now on it goes with the real time, for people; without this a test moves it. */
  follow(): void {
    let last = Date.now();
    this.#following = setInterval(() => {
      const now = Date.now();
      void this.advance(now - last);
      last = now;
    }, TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#following);
  }

  at(moment: number, run: () => unknown): void {
    this.#due.push({ at: moment, run });
  }

  /** Moves on, through everything that falls due on the way, in its order. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.arrived();
      const next = this.#due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#due = this.#due.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      await next.run();
    }
    this.#now = until;
  }
}
