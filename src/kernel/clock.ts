/** Time as an argument: nothing else in `src/` reads the system's clock, so that tests and replays can turn it. */

/** A source of the present moment. */
export interface Clock {
  /** The present moment; a new object on each call. */
  now(): Date;
  /** Milliseconds that only ever go forward, for measuring how long something took. */
  elapsed(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  elapsed: () => performance.now(),
};
