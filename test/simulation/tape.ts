/**
 * The decisions of one schedule. 0 is always the dull one (nothing breaks, the first thing that can go on does), and behind its end a
 * tape goes on with zeros: a tape that is cut or lowered is a simpler schedule, which is how a failing one is shrunk.
 */
export interface Tape {
  /** A whole number from 0, below `bound`. */
  next(bound: number): number;
}

/** Decisions from a seed, kept so that they can be played again. */
export class SeededTape implements Tape {
  readonly values: number[] = [];
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** mulberry32, which is in the public domain: 32 bits of state are enough for a hundred decisions. */
  next(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const value = ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
    this.values.push(value);
    return value;
  }
}

export class RecordedTape implements Tape {
  readonly #values: readonly number[];
  #at = 0;

  constructor(values: readonly number[]) {
    this.#values = values;
  }

  next(bound: number): number {
    const value = this.#values[this.#at++] ?? 0;
    return value < bound ? value : value % bound;
  }
}
