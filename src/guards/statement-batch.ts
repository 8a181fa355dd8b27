/**
 * Gathers what is asked for in one turn of the event loop, and sends it as one statement.
 *
 * The statement must be one that may be sent again: a connection that breaks says nothing about whether it was carried out, and then
 * it is sent again until there is an answer, so that a run does not fail because the database is away.
 */
import { isKassaflowError } from '../kernel/errors.ts';
import { asDatabaseError } from '../platform/database/sql-state.ts';

const MOST = 200;
const PAUSE_MS = 500;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export class StatementBatch<T, R> {
  #waiting: Waiting<T, R>[] = [];

  /** @param send carries out all items, and answers in their order */
  constructor(private readonly send: (items: readonly T[]) => Promise<readonly R[]>) {}

  /** @throws what the database says to a statement that it will never take */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < all.length; at += MOST) void this.#carryOut(all.slice(at, at + MOST));
  }

  async #carryOut(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await untilAnswered(() => this.send(batch.map(({ item }) => item)));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result === undefined) reject(new TypeError('StatementBatch: a statement answered for fewer items than it was given'));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** Sends again while the database is away or too busy. */
export async function untilAnswered<T>(send: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      const passes = isKassaflowError(error) ? error.spec.remedy === 'retry' : asDatabaseError(error) !== undefined;
      if (!passes) throw error;
    }
    // A process that stops does not wait for it: the run is taken up again by the next.
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
  }
}
