/** Runs one piece of work at a time: a call while it runs makes it run once more right after. */
export class RepeatedLook {
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  /** @param failed hears of a rejection of `work`, which is not tried again by itself */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  now(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#looking = this.work()
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.#looking = undefined;
        if (this.#again) this.now();
      });
  }

  /** Resolves when the look that is going on is over; no other follows. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
  }
}
