/**
 * The timers of one run as its journal has them: which moments have a row, and what the next checkpoint changes about that.
 * A timer is one row per run and moment, however many branches wait for it.
 */
export class RunTimers {
  readonly #rows: Set<number>;
  #set: number[] = [];
  #gone: number[] = [];

  /** @param rows moments that have a row already */
  constructor(rows: Iterable<number> = []) {
    this.#rows = new Set(rows);
  }

  get unwritten(): boolean {
    return this.#set.length > 0;
  }

  want(at: number): void {
    if (this.#rows.has(at)) return;
    this.#rows.add(at);
    if (this.#gone.includes(at)) this.#gone = this.#gone.filter((gone) => gone !== at);
    else this.#set.push(at);
  }

  /** Deletes the row of this moment; also one that another process may have written without our knowing. */
  drop(at: number): void {
    this.#rows.delete(at);
    if (this.#set.includes(at)) this.#set = this.#set.filter((set) => set !== at);
    else if (!this.#gone.includes(at)) this.#gone.push(at);
  }

  keepOnly(needed: ReadonlySet<number | undefined>): void {
    for (const at of this.#rows) if (!needed.has(at)) this.drop(at);
  }

  /** What is to be written. It stays with the taker: what is wanted later belongs to the next checkpoint. */
  take(): { readonly set: readonly number[]; readonly gone: readonly number[] } {
    if (this.#set.length === 0 && this.#gone.length === 0) return NOTHING;
    const changes = { set: this.#set, gone: this.#gone };
    this.#set = [];
    this.#gone = [];
    return changes;
  }
}

const NOTHING = { set: [], gone: [] };
