/** What the engine in memory has "on disk": it survives a crash. */
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { hasKey } from '../event-key.ts';
import type { JournalEntry } from '../journal-entry.ts';
import type { EmittedEvent } from '../journaled-run.ts';
import type { Checkpoint } from '../live-run.ts';
import type { FinalStatus, RunEvent, RunFacts, RunReason, RunStatus } from '../run.ts';
import type { EventInterest, Question, Signal } from '../signals.ts';

/** A run as it is "on disk". */
export interface StoredRun {
  readonly facts: RunFacts;
  flow: CompiledFlow;
  rows: number;
  status: RunStatus;
  reason: RunReason | undefined;
  readonly entries: JournalEntry[];
  readonly timers: Set<number>;
  readonly attentions: Set<string>;
  interests: readonly EventInterest[];
  readonly questions: Map<string, Question>;
  /** News that it has not taken, by id. */
  readonly signals: Map<string, Signal>;
}

interface LoggedEvent {
  readonly event: RunEvent;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const FINAL: ReadonlySet<RunStatus> = new Set(['completed', 'stopped', 'failed', 'cancelled']);

export class MemoryStore {
  readonly runs = new Map<string, StoredRun>();
  readonly events: EmittedEvent[] = [];
  readonly #log: LoggedEvent[] = [];
  /** Signals that were ever written: an event is offered to a wait once. */
  readonly #written = new Set<string>();

  add(flow: CompiledFlow, facts: RunFacts, status: 'running' | 'queued' = 'running'): StoredRun {
    const stored: StoredRun = {
      facts,
      flow,
      rows: 0,
      status,
      reason: undefined,
      entries: [],
      timers: new Set(),
      attentions: new Set(),
      interests: [],
      questions: new Map(),
      signals: new Map(),
    };
    this.runs.set(facts.id, stored);
    return stored;
  }

  /** Records an event and offers it to every wait. */
  record(event: RunEvent, at: number): void {
    const logged = { event, at };
    this.#log.push(logged);
    for (const run of this.runs.values()) for (const interest of run.interests) this.#offer(run, interest, logged);
  }

  /** @returns false when nobody is asked there any more */
  answer(run: string, step: string, answer: { readonly choice: string; readonly by: string; readonly note: string }): boolean {
    const stored = this.runs.get(run);
    if (!stored?.questions.delete(step)) return false;
    this.#signal(stored, { ...answer, kind: 'answer', step, id: `answer/${run}/${step}` });
    return true;
  }

  /** Tells the run that waits for it that `child` is over. */
  tellParent({ facts, status, reason }: StoredRun): void {
    const parent = facts.parent && this.runs.get(facts.parent.run);
    if (!parent || !facts.parent || !FINAL.has(status)) return;
    const message = reason?.message ?? '';
    // Final, as was just looked at.
    const final = status as FinalStatus;
    this.#signal(parent, { kind: 'child', step: facts.parent.step, run: facts.id, status: final, message, id: `child/${facts.id}` });
  }

  /** Writes what a checkpoint holds. */
  apply(stored: StoredRun, checkpoint: Checkpoint): void {
    const { seq, entries, row, timersSet, timersGone, attentions, attentionsOver, emitted } = checkpoint;
    if (seq !== undefined) {
      stored.rows = seq + 1;
      stored.entries.push(...(JSON.parse(entries) as JournalEntry[])); // what JournalEntry was written by `append`
    }
    if (row) Object.assign(stored, { status: row.status, reason: row.reason });
    for (const at of timersGone) stored.timers.delete(at);
    for (const at of timersSet) stored.timers.add(at);
    // What is asked in the same checkpoint is asked anew.
    for (const step of attentionsOver) stored.attentions.delete(step);
    for (const { step } of attentions) stored.attentions.add(step);
    this.events.push(...emitted);
    this.#applyMail(stored, checkpoint);
    if (row?.ended === true) stored.signals.clear();
  }

  #applyMail(stored: StoredRun, { interestsSet, interestsGone, questions, questionsGone, signalsTaken }: Checkpoint): void {
    const gone = new Set(interestsGone);
    if (gone.size > 0 || interestsSet.length > 0)
      stored.interests = [...stored.interests.filter(({ step }) => !gone.has(step)), ...interestsSet];
    for (const step of questionsGone) stored.questions.delete(step);
    for (const question of questions) stored.questions.set(question.step, question);
    for (const id of signalsTaken) stored.signals.delete(id);
    for (const interest of interestsSet) for (const logged of this.#log) this.#offer(stored, interest, logged);
  }

  #offer(run: StoredRun, { step, events, key, since }: EventInterest, { event, at }: LoggedEvent): void {
    if (at < since || !events.includes(event.type) || !hasKey(event.data, key)) return;
    this.#signal(run, { kind: 'event', step, event, id: `event/${run.facts.id}/${step}/${event.id}` });
  }

  #signal(run: StoredRun, signal: Signal): void {
    if (this.#written.has(signal.id) || FINAL.has(run.status)) return;
    this.#written.add(signal.id);
    run.signals.set(signal.id, signal);
  }
}
