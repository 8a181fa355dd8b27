import type { Clock } from '../../kernel/clock.ts';
import { eventErrors } from '../../events/event-errors.ts';

/** How long an event waits for room before it is refused. */
const WAIT_MS = 250;

/**
 * Bounds what is in memory: an event is let in while there is room, waits a moment when there is none, and is refused with
 * 429 after that. It is never taken in and dropped.
 */
export class Admission {
  readonly #waiting: { readonly enter: () => void; readonly refuse: (error: Error) => void; readonly since: number }[] = [];
  #sweep: NodeJS.Timeout | undefined;

  /** @param load what is in memory now */
  constructor(
    private readonly most: number,
    private readonly load: () => number,
    private readonly clock: Clock,
  ) {}

  get free(): boolean {
    return this.#waiting.length === 0 && this.load() < this.most;
  }

  /** Resolves when there is room. @throws events.overloaded */
  wait(): Promise<void> {
    if (this.#waiting.length >= this.most) return Promise.reject(eventErrors.overloaded().after(1_000));
    return new Promise((enter, refuse) => {
      this.#waiting.push({ enter, refuse, since: this.clock.elapsed() });
      this.#sweep ??= setInterval(() => this.#refuseLate(), WAIT_MS / 5).unref();
    });
  }

  /** Something left memory. */
  released(): void {
    if (this.#waiting.length > 0 && this.load() < this.most) this.#waiting.shift()?.enter();
  }

  #refuseLate(): void {
    const late = this.clock.elapsed() - WAIT_MS;
    while (this.#waiting[0] && this.#waiting[0].since < late) this.#waiting.shift()?.refuse(eventErrors.overloaded().after(1_000));
    while (this.#waiting[0] && this.load() < this.most) this.#waiting.shift()?.enter();
    if (this.#waiting.length > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
