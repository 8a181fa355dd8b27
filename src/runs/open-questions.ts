/** Which steps of a run wait for a person, and what the next checkpoint changes about that. */
import type { AttentionKind, JournalEntry } from './journal-entry.ts';

/** A step that cannot go on without a person; `step` is empty when the run did not come to one. */
export interface Attention {
  readonly step: string;
  readonly kind: AttentionKind;
  readonly message: string;
}

export class OpenQuestions {
  readonly #open = new Set<string>();
  #opened: Attention[] = [];
  #closed: string[] = [];

  /** @param entries the journal so far: what it holds is written already */
  constructor(entries: readonly JournalEntry[] = []) {
    let aside: string | undefined;
    for (const entry of entries) {
      if (entry.kind === 'aside') aside = entry.step;
      if (entry.kind === 'attention' || entry.kind === 'aside') this.#open.add(entry.step);
      else if (SETTLED.has(entry.kind) && 'step' in entry) this.#open.delete(entry.step ?? '');
      else if (entry.kind === 'answer' && !isRefusal(entry)) this.#open.delete(entry.step);
      else if (entry.kind === 'retry' && aside !== undefined) this.#open.delete(aside);
      else if (entry.kind === 'end') this.#open.clear();
    }
  }

  get steps(): ReadonlySet<string> {
    return this.#open;
  }

  get unwritten(): boolean {
    return this.#opened.length > 0;
  }

  open(attention: Attention): void {
    this.#open.add(attention.step);
    this.#opened.push(attention);
  }

  /** One that is not written yet never is; an earlier one at the same step may be. */
  close(step: string): void {
    if (!this.#open.delete(step)) return;
    this.#opened = this.#opened.filter((attention) => attention.step !== step);
    this.#closed.push(step);
  }

  /** Nobody is needed at any other step: what a resumed run did not come back to ended without a word about its question. */
  keepOnly(steps: { has(step: string): boolean }): void {
    for (const step of this.#open) if (!steps.has(step)) this.close(step);
  }

  closeAll(): void {
    for (const step of this.#open) this.close(step);
  }

  /** Forgets what was opened and not yet written. */
  discard(): void {
    this.#opened = [];
  }

  /** What is to be written; it stays with the taker. */
  take(): { readonly opened: readonly Attention[]; readonly closed: readonly string[] } {
    if (this.#opened.length === 0 && this.#closed.length === 0) return NOTHING;
    const changes = { opened: this.#opened, closed: this.#closed };
    this.#opened = [];
    this.#closed = [];
    return changes;
  }
}

/** Kinds of entries by which a person has settled a step. */
const SETTLED: ReadonlySet<JournalEntry['kind']> = new Set(['resolved', 'skipped', 'edited']);
const NOTHING = { opened: [], closed: [] };

function isRefusal({ outcome }: Extract<JournalEntry, { kind: 'answer' }>): boolean {
  return outcome.kind === 'failed' && outcome.reason === 'auth';
}
