/**
 * The pace of one connection in one process: calls leave at places in time that the database gives out to all processes, in blocks.
 *
 * Places are {@link spacing} apart, and a place that was not used within {@link USABLE_MS} is lost. So in any second no more calls leave
 * than the connection may make, whatever processes, pauses of the event loop and slow statements do; the price is that a busy connection
 * comes to 91 % of its limit. A block is a tenth of a second's worth: a busy connection costs ten statements a second per process.
 */
import type { Clock } from '../kernel/clock.ts';

/** Places of a block; the first is `first` milliseconds after the moment at which the database answered. */
export interface Block {
  readonly first: number;
  readonly count: number;
}

export interface PaceParts {
  readonly clock: Clock;
  readonly perSecond: number;
  /** Takes the next `count` places, `spacing` milliseconds apart. */
  lease(count: number, spacing: number): Promise<Block>;
}

/** How late a call may leave, counted from its place. */
const LATE_MS = 100;
/** Of that, what is left for the way from here to the wire. */
const USABLE_MS = LATE_MS - 20;
const BLOCK_S = 0.1;
/** After a statement that failed. */
const AGAIN_MS = 250;
const SWEEP_MS = 100;

/** Milliseconds between two places: as many places as a call may be late longer than a second have room for a second's calls. */
export function spacing(perSecond: number): number {
  return (1_000 + LATE_MS) / perSecond;
}

interface Place {
  readonly from: number;
  readonly until: number;
}

interface Waiter {
  readonly go: () => void;
  readonly giveUp: () => void;
  readonly deadline: number;
}

export class Pace {
  #places: Place[] = [];
  #line: Waiter[] = [];
  #timer: NodeJS.Timeout | undefined;
  #leasing = false;
  #sweptAt = 0;

  constructor(private readonly parts: PaceParts) {}

  get perSecond(): number {
    return this.parts.perSecond;
  }

  /** Milliseconds that a call which came now would wait, if no other process made any. */
  get wait(): number {
    return this.#line.length * spacing(this.parts.perSecond);
  }

  /** Resolves with true at a place, or with false when there is none within `withinMs`. First come, first served. */
  take(withinMs: number): Promise<boolean> {
    if (this.wait > withinMs) return Promise.resolve(false);
    return new Promise((resolve) => {
      const deadline = this.parts.clock.elapsed() + withinMs;
      this.#line.push({ go: () => resolve(true), giveUp: () => resolve(false), deadline });
      this.#serve();
    });
  }

  /** Lets places that were leased go unused, because the provider asked to be left alone. */
  forget(): void {
    this.#places = [];
  }

  #serve(): void {
    clearTimeout(this.#timer);
    const now = this.parts.clock.elapsed();
    if (now - this.#sweptAt > SWEEP_MS) this.#sweep(now);
    this.#places = this.#places.filter(({ until }) => until > now);
    while (this.#line.length > 0 && (this.#places[0]?.from ?? Infinity) <= now) {
      this.#places.shift();
      this.#line.shift()?.go();
    }
    if (this.#line.length === 0) return;
    const next = this.#places[0];
    if (next) this.#later(next.from - now);
    else void this.#lease();
  }

  /** Tells those whose time is over. Not at every place: a line may be long. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    const late = this.#line.filter(({ deadline }) => deadline <= now);
    if (late.length === 0) return;
    this.#line = this.#line.filter(({ deadline }) => deadline > now);
    for (const { giveUp } of late) giveUp();
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => this.#serve(), Math.max(1, Math.ceil(ms)));
  }

  async #lease(): Promise<void> {
    if (this.#leasing) return;
    this.#leasing = true;
    try {
      const { clock, perSecond } = this.parts;
      const apart = spacing(perSecond);
      const askedAt = clock.elapsed();
      const { first, count } = await this.parts.lease(Math.max(1, Math.ceil(perSecond * BLOCK_S)), apart);
      const answeredAt = clock.elapsed();
      for (let place = 0; place < count; place += 1) {
        const at = first + place * apart;
        // The database's moment lies between question and answer: nothing leaves before the earliest or after the latest it may mean.
        this.#places.push({ from: answeredAt + at, until: askedAt + at + USABLE_MS });
      }
      this.#leasing = false;
      this.#serve();
    } catch {
      this.#leasing = false;
      this.#later(AGAIN_MS);
    }
  }
}
