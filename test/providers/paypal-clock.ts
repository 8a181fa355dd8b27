/** A clock that a test can put forward: key windows, expiries and retries of days pass in no time. It never goes back. */
export class PaypalClock {
  #ahead = 0;
  #listeners: (() => void)[] = [];

  /** Epoch milliseconds. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  advance(ms: number): void {
    this.#ahead += ms;
    for (const listener of this.#listeners) listener();
  }

  onAdvance(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** As PayPal writes times: whole seconds, `Z`. */
  stamp(at = this.now()): string {
    return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
  }
}
