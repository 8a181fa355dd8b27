/** The real time, moved on by as much as a test likes, with things that are due at their moment. */
export class StripeClock {
  #ahead = 0;
  #due: { readonly at: number; readonly run: () => unknown }[] = [];
  /** Waited for before time moves: what is on its way arrives at the moment at which it left. */
  arrived: () => Promise<void> = () => Promise.resolve();

  now(): number {
    return Date.now() + this.#ahead;
  }

  /** As Stripe tells times. */
  seconds(): number {
    return Math.floor(this.now() / 1000);
  }

  at(moment: number, run: () => unknown): void {
    this.#due.push({ at: moment, run });
  }

  after(ms: number, run: () => unknown): void {
    this.at(this.now() + ms, run);
  }

  /** Moves on, through everything that falls due on the way, in its order. */
  async advance(ms: number): Promise<void> {
    const until = this.now() + ms;
    for (;;) {
      await this.arrived();
      const next = this.#due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#due = this.#due.filter((one) => one !== next);
      this.#ahead += Math.max(0, next.at - this.now());
      await next.run();
    }
    this.#ahead += Math.max(0, until - this.now());
  }
}
