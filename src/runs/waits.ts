/**
 * What a run waits for: its resting steps, the moments and the news that wake them, the deadlines that end them, the people who are
 * asked, and what the next checkpoint changes about all of that.
 */
import { Deadlines } from './deadlines.ts';
import type { JournalEntry, StepEntry } from './journal-entry.ts';
import { Mailbox, NO_MAIL, type MailChanges } from './mailbox.ts';
import { OpenQuestions, type Attention } from './open-questions.ts';
import { timedOut } from './run-context.ts';
import { IN_DOUBT, type RunFacts, type RunReason } from './run.ts';
import { RunTimers } from './run-timers.ts';
import type { ChildStart, Signal } from './signals.ts';
import { inDoubt, type StepState } from './step-state.ts';

/** A step that rests. */
export interface Sleeper {
  readonly state: StepState;
  readonly until: number | undefined;
  readonly wake: () => void;
  readonly interrupt: (reason: Error) => void;
  /** What a signal comes to, of a step that waits for one. */
  readonly take: ((signal: Signal) => StepEntry | undefined) | undefined;
}

/** The run around it. */
export interface WaitingRun {
  readonly facts: RunFacts;
  now(): number;
  append(entry: JournalEntry): void;
  /** Appends, and brings the state of the step up to date. */
  record(state: StepState, entry: StepEntry): void;
  touched(): void;
}

/** The part of a checkpoint that is about waiting. */
export interface WaitChanges extends MailChanges {
  readonly timersSet: readonly number[];
  readonly timersGone: readonly number[];
  readonly attentions: readonly Attention[];
  readonly attentionsOver: readonly string[];
}

export class Waits {
  readonly #sleepers = new Map<string, Sleeper>();
  readonly #timers: RunTimers;
  readonly #attentions: OpenQuestions;
  /** Absent as long as the run has nothing to do with the outside. */
  #mail: Mailbox | undefined;
  #deadlines: Deadlines | undefined;

  /** @param entries the journal so far, of a run that is taken up again */
  constructor(
    private readonly run: WaitingRun,
    entries?: readonly JournalEntry[],
  ) {
    this.#timers = new RunTimers(entries);
    this.#attentions = new OpenQuestions(entries);
    if (entries && Mailbox.isNeededBy(entries)) this.#mail = new Mailbox(entries);
  }

  /** Steps that rest. */
  get resting(): readonly string[] {
    return [...this.#sleepers.keys()];
  }

  get restingCount(): number {
    return this.#sleepers.size;
  }

  stateOf(path: string): StepState | undefined {
    return this.#sleepers.get(path)?.state;
  }

  /** Steps that wait for a person. */
  get needing(): ReadonlySet<string> {
    return this.#attentions.steps;
  }

  /** More is to be written than journal entries. */
  get unwritten(): boolean {
    return this.#timers.unwritten || this.#attentions.unwritten || this.mailUnwritten;
  }

  /** A signal was taken, or the like: to be written even without a journal entry. */
  get mailUnwritten(): boolean {
    return this.#mail?.unwritten === true;
  }

  /** What is to be written; it stays with the taker. */
  take(): WaitChanges {
    const [timers, attentions] = [this.#timers.take(), this.#attentions.take()];
    return {
      timersSet: timers.set,
      timersGone: timers.gone,
      attentions: attentions.opened,
      attentionsOver: attentions.closed,
      ...(this.#mail?.take() ?? NO_MAIL),
    };
  }

  /** Resolves when the step is woken, or `take` has made something of a signal. @throws what interrupts it */
  rest(path: string, state: StepState, until: number | undefined, take?: Sleeper['take']): Promise<void> {
    if (until !== undefined) this.#timers.want(until);
    const rest = new Promise<void>((wake, interrupt) => {
      this.#sleepers.set(path, { state, until, wake, interrupt, take });
    });
    this.run.touched();
    if (take) {
      if (state.outward) this.#mailbox().renew(state.outward);
      this.#offer(path);
    }
    return rest;
  }

  /** The step at `path` goes on, by what `entries` say. @returns false when it does not rest here */
  wake(path: string, entries: readonly StepEntry[]): boolean {
    const sleeper = this.#sleepers.get(path);
    if (!sleeper) return false;
    this.#sleepers.delete(path);
    for (const entry of entries) this.run.record(sleeper.state, entry);
    sleeper.wake();
    return true;
  }

  /** Wakes every step whose moment has come, and ends those whose deadline has passed. @returns how many */
  wakeDue(now: number): number {
    let woken = 0;
    for (const bound of this.#deadlines?.due(now) ?? NOTHING) woken += this.#interruptLate(bound);
    for (const [path, { until }] of this.#sleepers) {
      if (until === undefined || until > now) continue;
      this.wake(path, [{ kind: 'woke', step: path, at: this.run.now() }]);
      woken += 1;
    }
    return woken;
  }

  /** Ends the rest of these steps; nobody need answer them any more. */
  interrupt(concerned: (path: string, state: StepState) => boolean, reason: Error): void {
    for (const [path, sleeper] of this.#sleepers) {
      if (!concerned(path, sleeper.state)) continue;
      this.#sleepers.delete(path);
      this.#leave(path);
      sleeper.interrupt(reason);
    }
    this.#dropUnusedTimers();
  }

  /** Takes a signal in, for the step that it names. @returns false when it is here already */
  deliver(signal: Signal): boolean {
    this.#mail ??= new Mailbox();
    if (!this.#mail.receive(signal)) return false;
    if (signal.step !== '') this.#offer(signal.step);
    return true;
  }

  /** Signals for the run as a whole; they count as taken. */
  takeLetters(): readonly Signal[] {
    const letters = this.#mail?.lettersFor('') ?? NOTHING;
    for (const { id } of letters) this.#mail?.took(id);
    return letters;
  }

  /** A person is asked for help. */
  ask(attention: Attention): void {
    this.#attentions.open(attention);
  }

  /** Nobody need help this step any more. */
  helped(path: string): void {
    this.#attentions.close(path);
  }

  /** What is at `path` must be done by then. @param over it is recorded that it was not */
  bind(path: string, until: number, over: boolean): void {
    (this.#deadlines ??= new Deadlines()).set(path, until, over);
  }

  unbind(path: string): void {
    const until = this.#deadlines?.lift(path);
    if (until !== undefined) this.#dropTimers([until]);
  }

  isLate(path: string): boolean {
    return this.#deadlines !== undefined && this.#deadlines.isLate(path, this.run.now());
  }

  /** Records that the time is over, once: a resumed run takes the same way even if its clock has gone back. */
  timeOut(path: string): void {
    const until = this.#deadlines?.pass(path);
    if (until === undefined) return;
    this.#dropTimers([until]);
    this.run.append({ kind: 'timed-out', at: this.run.now(), ...(path !== '' && { step: path }) });
  }

  liftDeadlines(): void {
    if (!this.#deadlines) return;
    const { moments } = this.#deadlines;
    this.#deadlines.clear();
    this.#dropTimers(moments);
  }

  /**
   * Every branch rests, and the run leaves memory: its deadlines get timers, and what is for nobody is dropped. A step that a resumed
   * run did not come back to, because it was halted or late before, left its timer, its wait and its question behind; each of them
   * would take the run into memory again and again.
   */
  leave(): void {
    // A run that stays in memory sees its deadlines by itself.
    for (const at of this.#deadlines?.moments ?? NOTHING) this.#timers.want(at);
    this.#dropUnusedTimers();
    this.#attentions.keepOnly(this.#sleepers);
    this.#mail?.keepOnly(this.#sleepers);
  }

  /** Where a run that waits stands, for people: at what needs one, else at a call in doubt, else at its first pause. */
  get standing(): RunReason | undefined {
    const step = this.#standingStep();
    const state = step === undefined ? undefined : this.stateOf(step);
    if (step === undefined || !state) return step === undefined ? undefined : { step, message: '' };
    const { parked, outcome, doubtAt, firstAt } = state;
    const message = parked ?? (outcome && 'message' in outcome ? outcome.message : '');
    return { step, message, ...(inDoubt(state) && { code: IN_DOUBT, since: new Date(doubtAt ?? firstAt).toISOString() }) };
  }

  /** Brings what is waited for up to date with one more entry. */
  note(entry: JournalEntry): void {
    switch (entry.kind) {
      case 'woke':
        this.#mail?.forget(entry.step);
        return this.#dropUnusedTimers();
      case 'heard':
      case 'answered':
      case 'child-ended':
      case 'resolved':
      case 'edited':
      case 'skipped':
        this.#leave(entry.step);
        return this.#dropUnusedTimers();
      case 'listen':
        return this.#mailbox().listen(entry);
      case 'asked':
        return this.#mailbox().ask({ ...entry, until: entry.until });
      case 'child':
        return this.#mailbox().start(childOf(this.run.facts, entry));
      default:
        // The other kinds say nothing about waiting.
        return;
    }
  }

  /** No timer is needed any more: the run is over, or left alone. */
  dropTimers(): void {
    this.#timers.keepOnly(NO_MOMENTS);
  }

  /** The run is over. */
  end(): void {
    this.liftDeadlines();
    this.dropTimers();
    this.#attentions.closeAll();
    this.#mail?.forgetAll();
  }

  /** What was asked and not yet written never is. */
  discard(): void {
    this.#attentions.discard();
  }

  /** Nothing rests here any more, and nothing is written of it. */
  drop(): void {
    this.#sleepers.clear();
    this.#mail = undefined;
  }

  #standingStep(): string | undefined {
    const [needing] = this.needing;
    if (needing !== undefined) return needing;
    let first: string | undefined;
    for (const [path, { state }] of this.#sleepers) {
      if (inDoubt(state)) return path;
      first ??= path;
    }
    return first;
  }

  #mailbox(): Mailbox {
    return (this.#mail ??= new Mailbox());
  }

  #leave(path: string): void {
    this.#attentions.close(path);
    this.#mail?.forget(path);
  }

  /** Gives the step at `path`, if it waits for it, what has come for it. */
  #offer(path: string): void {
    for (const letter of this.#mail?.lettersFor(path) ?? NOTHING) {
      const sleeper = this.#sleepers.get(path);
      // A run that was set aside rests at a step that may wait for news, and makes nothing of it: the news stays for when it goes on.
      if (!sleeper?.take) return;
      const entry = sleeper.take(letter);
      this.#mail?.took(letter.id);
      if (entry) this.wake(path, [entry]);
    }
  }

  /** Ends the rest of every step inside `bound` that surely has nothing under way. @returns how many */
  #interruptLate(bound: string): number {
    this.timeOut(bound);
    const isInside = (path: string) => bound === '' || path === bound || path.startsWith(`${bound}.`);
    const late = [...this.#sleepers].filter(([path, { state }]) => isInside(path) && !inDoubt(state)).map(([path]) => path);
    if (late.length > 0) this.interrupt((path) => late.includes(path), timedOut(late[0], bound));
    return late.length;
  }

  #dropUnusedTimers(): void {
    this.#timers.keepOnly(this.#neededMoments());
  }

  /** Drops timers of deadlines, which may have a row from before. */
  #dropTimers(moments: readonly number[]): void {
    const needed = this.#neededMoments();
    for (const at of moments) if (!needed.has(at)) this.#timers.drop(at);
  }

  #neededMoments(): ReadonlySet<number | undefined> {
    const resting = [...this.#sleepers.values()].map(({ until }) => until);
    return new Set(resting.concat(this.#deadlines?.moments ?? NOTHING));
  }
}

const NOTHING: readonly never[] = [];
const NO_MOMENTS: ReadonlySet<number> = new Set();

function childOf({ id, depth = 0 }: RunFacts, { run, flow, inputs, waits, step }: Extract<JournalEntry, { kind: 'child' }>): ChildStart {
  return { id: run, flow, inputs, parent: waits ? { run: id, step } : undefined, depth: depth + 1 };
}
