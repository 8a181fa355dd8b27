import type { Model } from './model.ts';

/** Counts what has happened in histories, so that one can see that it does. */
export class Kinds {
  readonly #counts = new Map<string, number>();

  saw(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  /** What it came to. */
  sawEnd({ state, allocated, unallocated }: ReturnType<Model['books']>): void {
    this.saw(`ends ${state}`);
    if (allocated.length > 1) this.saw('several invoices');
    if (unallocated > 0) this.saw('ends with more than the invoices take');
    if (unallocated < 0) this.saw('ends with more gone than came');
  }

  /** The most frequent first. */
  toString(): string {
    return [...this.#counts]
      .toSorted(([, a], [, b]) => b - a)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(' · ');
  }

  count(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }
}
