/**
 * What a run waits for from outside, what it has been told, and what the next checkpoint changes about both. A run that waits for
 * nothing has no mailbox.
 *
 * A signal stays here until the step that it is for comes to rest, because a run that is taken up again gets its signals before
 * it has walked back to that step. It counts as taken with the checkpoint that holds what it caused, or that its step is over.
 */
import type { JournalEntry } from './journal-entry.ts';
import type { ChildStart, EventInterest, Question, Signal } from './signals.ts';
import type { Outward } from './step-state.ts';

/** What a checkpoint writes about the outside. What is gone is deleted before what is set is inserted. */
export interface MailChanges {
  readonly interestsSet: readonly EventInterest[];
  /** Steps that wait for no event any more; empty text for the flow's `stop-on`. */
  readonly interestsGone: readonly string[];
  /** Ids of signals. */
  readonly signalsTaken: readonly string[];
  readonly children: readonly ChildStart[];
  readonly questions: readonly Question[];
  /** Steps whose question is answered or taken back. */
  readonly questionsGone: readonly string[];
}

type Changes = { -readonly [K in keyof MailChanges]: MailChanges[K][number][] };

/** Of a run that has nothing to do with the outside. */
export const NO_MAIL: MailChanges = {
  interestsSet: [],
  interestsGone: [],
  signalsTaken: [],
  children: [],
  questions: [],
  questionsGone: [],
};

/** The step under which the flow's `stop-on` is listened for. */
const WHOLE_RUN = '';

export class Mailbox {
  readonly #waits = new Set<string>();
  readonly #asks = new Set<string>();
  /** Steps that waited when the run ended: since a person let it go on they may wait again, by a row of which the journal does not speak. */
  readonly #renewable = new Set<string>();
  readonly #letters = new Map<string, Signal>();
  readonly #known = new Set<string>();
  #changes = noChanges();
  #changed = false;

  /** @param entries the journal so far: what it holds is written already */
  constructor(entries: readonly JournalEntry[] = []) {
    for (const entry of entries) this.#recall(entry);
  }

  /** Tells whether a journal speaks of anything outside. */
  static isNeededBy(entries: readonly JournalEntry[]): boolean {
    return entries.some(({ kind }) => kind === 'listen' || kind === 'asked' || kind === 'child');
  }

  get unwritten(): boolean {
    return this.#changed;
  }

  listen(interest: EventInterest): void {
    this.#waits.add(interest.step);
    this.#note().interestsSet.push(interest);
  }

  ask(question: Question): void {
    this.#asks.add(question.step);
    this.#note().questions.push(question);
  }

  /** The step waits again for what its journal says, after a run that had ended was taken up again by a person. */
  renew(outward: Outward): void {
    if (outward.kind === 'listen' && !this.#waits.has(outward.step)) this.listen(outward);
    else if (outward.kind === 'asked' && !this.#asks.has(outward.step)) this.ask({ ...outward, until: outward.until });
  }

  start(child: ChildStart): void {
    this.#note().children.push(child);
  }

  /** The step waits for nobody any more. What was not written yet never is. */
  forget(step: string): void {
    const mayWait = this.#renewable.delete(step);
    if (this.#waits.delete(step) || mayWait) this.#withdraw('interestsSet', 'interestsGone', step);
    if (this.#asks.delete(step) || mayWait) this.#withdraw('questions', 'questionsGone', step);
    for (const letter of this.#letters.values()) if (letter.step === step) this.took(letter.id);
  }

  /**
   * The run is over. News of a sub-flow that no step has recorded stays where it is: the run may be retried, its step waits again then,
   * and a sub-flow ends once.
   */
  forgetAll(): void {
    for (const step of [...this.#waits, ...this.#asks, ...this.#renewable]) this.forget(step);
    for (const { id, kind } of this.#letters.values()) if (kind !== 'child') this.took(id);
  }

  /** Puts a signal into the box. @returns false when it is or was in it already */
  receive(signal: Signal): boolean {
    if (this.#known.has(signal.id)) return false;
    this.#known.add(signal.id);
    this.#letters.set(signal.id, signal);
    return true;
  }

  /** Signals for the step, in the order of their arrival. */
  lettersFor(step: string): readonly Signal[] {
    return [...this.#letters.values()].filter((letter) => letter.step === step);
  }

  /** The signal has had its effect, or has none. */
  took(id: string): void {
    if (this.#letters.delete(id)) this.#note().signalsTaken.push(id);
  }

  /** Every branch sleeps: what is for none of `steps`, and not for the run as a whole, is for nobody. */
  keepOnly(steps: { has(step: string): boolean }): void {
    for (const step of [...this.#waits, ...this.#asks, ...this.#renewable]) if (step !== WHOLE_RUN && !steps.has(step)) this.forget(step);
    for (const { id, step } of this.#letters.values()) if (!steps.has(step) && !this.#waits.has(step)) this.took(id);
  }

  /** What is to be written; it stays with the taker. */
  take(): MailChanges {
    if (!this.#changed) return NO_MAIL;
    const changes = this.#changes;
    this.#changes = noChanges();
    this.#changed = false;
    return changes;
  }

  #note(): Changes {
    this.#changed = true;
    return this.#changes;
  }

  #withdraw(set: 'interestsSet' | 'questions', gone: 'interestsGone' | 'questionsGone', step: string): void {
    const changes = this.#note();
    const [before, list] = [changes[set].length, changes[set].filter((added) => added.step !== step)];
    // Each list keeps its own kind; TypeScript cannot see that through the union of the two.
    Object.assign(changes, { [set]: list });
    // One that is in the database is deleted; one that was set again and not yet written leaves the earlier deletion as it is.
    if (list.length === before) changes[gone].push(step);
  }

  #recall(entry: JournalEntry): void {
    switch (entry.kind) {
      case 'listen':
        this.#waits.add(entry.step);
        return;
      case 'asked':
        this.#asks.add(entry.step);
        return;
      case 'heard':
      case 'answered':
      case 'woke':
      case 'skipped':
        this.#waits.delete(entry.step);
        this.#asks.delete(entry.step);
        return;
      case 'end':
        for (const step of [...this.#waits, ...this.#asks]) this.#renewable.add(step);
        this.#waits.clear();
        this.#asks.clear();
        return;
      default:
        // The other kinds say nothing about the outside.
        return;
    }
  }
}

function noChanges(): Changes {
  return { interestsSet: [], interestsGone: [], signalsTaken: [], children: [], questions: [], questionsGone: [] };
}
