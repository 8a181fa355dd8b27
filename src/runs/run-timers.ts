/**
 * The timers of one run: which moments it wants a row for, and what the next checkpoint changes about that. A timer is one
 * row per run and moment, however many branches wait for it.
 *
 * Whether a row is there is not known for certain when a run is taken up again. Nothing rests on it: one that is there
 * already is written again, and one that is not is deleted, without effect.
 */
import type { JournalEntry } from './journal-entry.ts';

export class RunTimers {
  readonly #wanted = new Set<number>();
  /** Moments that may have a row from before. */
  readonly #left: Set<number> | undefined;
  #set: number[] = [];
  #gone: number[] = [];

  /** @param entries the journal so far, of a run that is taken up again */
  constructor(entries?: readonly JournalEntry[]) {
    this.#left = entries && new Set(asleep(entries).values());
  }

  get unwritten(): boolean {
    return this.#set.length > 0;
  }

  want(at: number): void {
    if (this.#wanted.has(at)) return;
    this.#wanted.add(at);
    this.#left?.delete(at);
    if (this.#gone.length > 0) this.#gone = this.#gone.filter((gone) => gone !== at);
    this.#set.push(at);
  }

  drop(at: number): void {
    this.#wanted.delete(at);
    this.#left?.delete(at);
    this.#set = this.#set.filter((set) => set !== at);
    if (!this.#gone.includes(at)) this.#gone.push(at);
  }

  keepOnly(needed: ReadonlySet<number | undefined>): void {
    for (const at of this.#wanted) if (!needed.has(at)) this.drop(at);
    for (const at of this.#left ?? NO_MOMENTS) if (!needed.has(at)) this.drop(at);
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

/** Kinds of entries that end what a step slept for. */
const OVER: ReadonlySet<JournalEntry['kind']> = new Set(['woke', 'heard', 'answered', 'skipped', 'edited']);
const NO_MOMENTS: readonly number[] = [];
const NOTHING = { set: [], gone: [] };

function asleep(entries: readonly JournalEntry[]): ReadonlyMap<string, number> {
  const moments = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind === 'sleep') moments.set(entry.step, entry.until);
    // Whether it was lifted is not recorded, and a step that was skipped since does not lift it.
    else if (entry.kind === 'deadline') moments.set(`deadline of ${entry.step ?? ''}`, entry.until);
    else if (entry.kind === 'listen' || entry.kind === 'asked' || entry.kind === 'parked') {
      if (entry.until !== undefined) moments.set(entry.step, entry.until);
    } else if (OVER.has(entry.kind) && 'step' in entry && entry.step !== undefined) moments.delete(entry.step);
  }
  return moments;
}
