/**
 * A run in memory: its interpreter, what it has recorded and not yet written, and which of its branches sleep.
 *
 * It is in one of these modes:
 * - *computing*: some branch is between two awaits, or waits for a commit or a provider. The backend writes what is pending.
 * - *idle*: every branch sleeps or waits for a person. The next checkpoint says so (`leaves`), and once that is on disk the
 *   backend drops the run: its promises are never settled and are collected as garbage. It comes back by its journal.
 * - *ended*: the interpreter returned; the next checkpoint holds the end and is the last.
 * - *dropped*: nothing it still does has any effect. Entered when the lease is lost, the event was a duplicate, or the run left.
 *
 * Between `checkpoint()` with `leaves` and the drop nobody may wake it, because another process may have taken it by then.
 */
import type { FinalStatus, OpenStatus, RunFacts, RunReason, RunStatus } from './run.ts';
import type { CompiledFlow } from '../flows/language/compiled-flow.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ActionDoor } from '../plugin-host/action-call.ts';
import type { StepHost } from './execute-step.ts';
import { History } from './history.ts';
import { handlerPaths, interpret, type RunEnd } from './interpreter.ts';
import { JournaledContext } from './journaled-context.ts';
import type { AttentionKind, JournalEntry, Resolution, StepEntry } from './journal-entry.ts';
import { runErrors } from './run.errors.ts';
import { RunInterrupted, StepFailed, type ReadPlan } from './run-context.ts';
import type { RunSettings } from './run-settings.ts';
import { applyEntry, type StepState } from './step-state.ts';

/** An event that a flow recorded. */
export interface EmittedEvent {
  /** `uuid`. */
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly occurredAt: Date;
  readonly data: Readonly<Record<string, unknown>>;
  /** Unique per run and step: recording it again changes nothing. */
  readonly key: string;
}

export interface Attention {
  readonly step: string;
  readonly kind: AttentionKind;
  readonly message: string;
}

/** What a run wants written at once: one journal row and what goes with it. */
export interface Checkpoint {
  readonly run: LiveRun;
  /** Number of the journal row; absent when there are no entries. */
  readonly seq: number | undefined;
  /** The entries as a JSON array; empty text when there are none. */
  readonly entries: string;
  readonly emitted: readonly EmittedEvent[];
  /** The run row changes: status, reason and, when the run leaves memory or is over, its owner. */
  readonly row:
    { readonly status: RunStatus; readonly reason: RunReason | undefined; readonly leaves: boolean; readonly ended: boolean } | undefined;
  readonly timersSet: readonly number[];
  readonly timersGone: readonly number[];
  readonly attentions: readonly Attention[];
  readonly attentionsOver: readonly string[];
  readonly waiters: readonly (() => void)[];
}

/** What a run needs from the backend that keeps it. */
export interface RunHost {
  readonly door: ActionDoor;
  readonly clock: Clock;
  readonly settings: RunSettings;
  /** The process is about to stop: calls under way are finished and recorded, no other one begins. */
  readonly stopping: boolean;
  random(): number;
  /** The current state of the subjects that the run's event names; waits for as long as they cannot be read. */
  readSubjects(facts: RunFacts, names: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /** The run has something to write. Called often; the backend remembers it. */
  touched(run: LiveRun): void;
  /** A defect of the program showed in this run. */
  defect(run: LiveRun, error: unknown): void;
}

interface Sleeper {
  readonly state: StepState;
  readonly until: number | undefined;
  readonly wake: () => void;
  readonly interrupt: (reason: RunInterrupted) => void;
}

const MOST_ROWS = 10_000;

export class LiveRun implements StepHost {
  readonly door: ActionDoor;
  readonly settings: RunSettings;
  /** Set by the backend: waits in its queue for the next flush. */
  queued = false;
  /** Not in the database yet: the flush that holds its event writes its row. */
  isNew: boolean;
  history: History | undefined;
  cancelledBy: string | undefined;
  #seq: number;
  #status: OpenStatus | FinalStatus = 'running';
  #written: RunStatus;
  #reason: RunReason | undefined;
  #entries: string[] = [];
  #emitted: EmittedEvent[] = [];
  #waiters: (() => void)[] = [];
  #timersSet: number[] = [];
  #timersGone: number[] = [];
  #attentions: Attention[] = [];
  #attentionsOver: string[] = [];
  readonly #sleepers = new Map<string, Sleeper>();
  readonly #timers = new Set<number>();
  readonly #needed = new Set<string>();
  #branches = 1;
  #calls = 0;
  #final: FinalStatus | undefined;
  #mode: 'computing' | 'ended' | 'leaving' | 'dropped' = 'computing';

  /** @param resumed rows and entries of the journal, for a run that is taken up again */
  constructor(
    readonly facts: RunFacts,
    readonly flow: CompiledFlow,
    private readonly host: RunHost,
    resumed?: { readonly rows: number; readonly entries: readonly JournalEntry[] },
  ) {
    this.door = host.door;
    this.settings = host.settings;
    this.isNew = resumed === undefined;
    this.#seq = resumed?.rows ?? 0;
    this.#written = 'running';
    if (!resumed) return;
    this.history = new History(resumed.entries, handlerPaths(flow));
    this.cancelledBy = this.history.cancelledBy;
    this.#trackOpen(resumed.entries);
  }

  /** How it ended, once it has. */
  get finalStatus(): FinalStatus | undefined {
    return this.#final;
  }

  /** A call is under way whose answer is worth waiting for before the process stops. */
  get calling(): boolean {
    return this.#calls > 0;
  }

  /** Starts to interpret; returns at the first await. */
  begin(): void {
    void this.#interpret();
  }

  /** Ends the run before its first step. */
  failToStart(reason: RunReason): void {
    this.#end({ status: 'failed', reason, failed: [] });
  }

  /** True when every branch sleeps or waits for a person. */
  get idle(): boolean {
    return this.#mode === 'computing' && this.#branches > 0 && this.#sleepers.size === this.#branches;
  }

  /** True when a first checkpoint may ride with the run's own row, which may be refused: nothing but journal entries. */
  get plain(): boolean {
    return this.#emitted.length === 0 && this.#timersSet.length === 0 && this.#attentions.length === 0 && !this.idle;
  }

  /** True while it may be told things: woken, cancelled, resolved. */
  get reachable(): boolean {
    return this.#mode === 'computing';
  }

  get ended(): boolean {
    return this.#mode === 'ended';
  }

  /** Takes what is to be written; `undefined` when there is nothing. */
  checkpoint(): Checkpoint | undefined {
    const row = this.#rowChange();
    if (!row && this.#entries.length === 0) return undefined;
    const seq = this.#entries.length > 0 ? this.#seq++ : undefined;
    const checkpoint: Checkpoint = {
      run: this,
      seq,
      entries: seq === undefined ? '' : `[${this.#entries.join(',')}]`,
      emitted: orNothing(this.#emitted),
      row,
      timersSet: orNothing(this.#timersSet),
      timersGone: orNothing(this.#timersGone),
      attentions: orNothing(this.#attentions),
      attentionsOver: orNothing(this.#attentionsOver),
      waiters: this.#waiters,
    };
    this.#entries = [];
    this.#waiters = [];
    if (this.#emitted.length > 0) this.#emitted = [];
    if (this.#timersSet.length > 0) this.#timersSet = [];
    if (this.#timersGone.length > 0) this.#timersGone = [];
    if (this.#attentions.length > 0) this.#attentions = [];
    if (this.#attentionsOver.length > 0) this.#attentionsOver = [];
    return checkpoint;
  }

  /** Wakes every branch whose moment has come. @returns how many */
  wakeDue(now: number): number {
    if (!this.reachable) return 0;
    let woken = 0;
    for (const [path, sleeper] of this.#sleepers) {
      if (sleeper.until === undefined || sleeper.until > now) continue;
      this.#sleepers.delete(path);
      this.record(sleeper.state, { kind: 'woke', step: path, at: this.now() });
      sleeper.wake();
      woken += 1;
    }
    return woken;
  }

  /** When the next branch wants to be woken. */
  nextDue(): number | undefined {
    const dues = [...this.#sleepers.values()].flatMap(({ until }) => (until === undefined ? [] : [until]));
    return dues.length > 0 ? Math.min(...dues) : undefined;
  }

  /** Steps that wait for a person. */
  get needing(): readonly string[] {
    return [...this.#needed];
  }

  /** A person's decision about a step that waits for one. @returns false when that step does not */
  resolve(step: string, by: string, resolution: Resolution): boolean {
    const sleeper = this.#sleepers.get(step);
    if (!this.reachable || !sleeper || sleeper.state.attention === undefined) return false;
    this.#sleepers.delete(step);
    if (sleeper.until !== undefined) this.record(sleeper.state, { kind: 'woke', step, at: this.now() });
    // A refused connection did nothing for certain: there is nothing to decide, only to try again.
    if (sleeper.state.attention === 'unknown-outcome')
      this.record(sleeper.state, { kind: 'resolved', step, at: this.now(), by, resolution });
    sleeper.wake();
    return true;
  }

  /** Keeps every branch from beginning another step; calls under way are finished and recorded. */
  cancel(by: string): boolean {
    if (!this.reachable) return false;
    this.cancelledBy = by;
    this.append({ kind: 'cancel', at: this.now(), by });
    this.interruptSleepers(() => true, new RunInterrupted('cancelled', `Cancelled by ${by}.`));
    return true;
  }

  /** Adds what a person decided to the journal of a run that was just loaded and has not begun. */
  tell(entry: JournalEntry): void {
    this.history?.add(entry);
    this.cancelledBy = this.history?.cancelledBy;
    this.append(entry);
  }

  /** Ends the run in memory: whatever it still does goes nowhere. */
  drop(): void {
    this.#mode = 'dropped';
    this.#calls = 0;
    this.#entries = [];
    this.#waiters = [];
    this.#sleepers.clear();
  }

  /** The database refuses what this run wants to record: it ends here, with a reason that holds none of its values. */
  refuse(): void {
    if (this.#mode === 'dropped') return;
    this.#mode = 'computing';
    this.#written = 'running';
    this.#entries = [];
    this.#emitted = [];
    this.#attentions = [];
    this.#branches = 0;
    const { code, message } = runErrors['journal-refused']();
    this.#end({ status: 'failed', reason: { code, message } });
    // Branches that are still under way must not write behind the end.
    this.#waiters = [];
  }

  // For JournaledContext and executeStep.

  now(): number {
    return this.host.clock.now().getTime();
  }

  random(): number {
    return this.host.random();
  }

  append(entry: JournalEntry): void {
    // An intent whose call will not leave would look like an unknown outcome after the restart.
    if (this.#mode !== 'computing' || (this.host.stopping && entry.kind === 'intent')) return;
    this.#entries.push(JSON.stringify(entry));
    this.#trackChange(entry);
    this.host.touched(this);
  }

  record(state: StepState, entry: StepEntry): void {
    if (entry.kind === 'answer') this.#calls -= 1;
    applyEntry(state, entry);
    this.append(entry);
    if (entry.kind === 'answer' && state.attention === undefined && this.#needed.delete(entry.step)) this.#attentionsOver.push(entry.step);
  }

  emit(event: EmittedEvent): void {
    this.#emitted.push(event);
  }

  /** Resolves when everything recorded so far is on disk; never, when the process is stopping. */
  commit(): Promise<void> {
    return new Promise((resolve) => {
      if (this.host.stopping) return;
      this.#calls += 1;
      this.#waiters.push(resolve);
      this.host.touched(this);
    });
  }

  readSubjects(plan: ReadPlan): Promise<Readonly<Record<string, unknown>>> {
    return this.host.readSubjects(this.facts, plan.subjects);
  }

  rest(path: string, state: StepState, until: number | undefined): Promise<void> {
    if (until !== undefined) this.#setTimer(until);
    return new Promise((wake, interrupt) => {
      this.#sleepers.set(path, { state, until, wake, interrupt });
      this.host.touched(this);
    });
  }

  /** A branch becomes several, or the last of several comes back. */
  branched(by: number): void {
    this.#branches += by;
    if (this.idle) this.host.touched(this);
  }

  interruptSleepers(concerned: (path: string) => boolean, reason: RunInterrupted): void {
    for (const [path, sleeper] of this.#sleepers) {
      if (!concerned(path)) continue;
      this.#sleepers.delete(path);
      this.#timerOver(sleeper.until);
      if (this.#needed.delete(path)) this.#attentionsOver.push(path);
      sleeper.interrupt(reason);
    }
  }

  async #interpret(): Promise<void> {
    try {
      const recorded = this.history?.end;
      if (recorded) return this.#ended(recorded);
      const end = await interpret(this.flow, new JournaledContext(this), this.host.settings.publicUrl);
      const unused = end.status === 'cancelled' ? undefined : this.history?.unused();
      if (unused !== undefined) throw runErrors['replay-diverged']({ step: unused });
      this.#end(end);
    } catch (error) {
      this.host.defect(this, error);
      const failure = error instanceof StepFailed ? error : undefined;
      this.#end({ status: 'failed', reason: { message: failure?.message ?? describe(error), code: codeOf(error) } });
    }
  }

  #end(end: RunEnd): void {
    if (this.#mode !== 'computing') return;
    const { status, reason, failed } = end;
    this.append({ kind: 'end', at: this.now(), status, ...(reason && { reason }), ...(failed && { failed }) });
    this.#ended(end);
  }

  #ended({ status, reason }: RunEnd): void {
    this.#status = status;
    this.#final = status;
    this.#reason = reason;
    for (const until of this.#timers) this.#dropTimer(until);
    this.#attentionsOver.push(...this.#needed);
    this.#mode = 'ended';
    this.host.touched(this);
  }

  #rowChange(): Checkpoint['row'] {
    if (this.#mode === 'dropped' || this.#mode === 'leaving') return undefined;
    if (this.#mode === 'ended') {
      if (this.#written === this.#status) return undefined;
      this.#written = this.#status;
      return { status: this.#status, reason: this.#reason, leaves: true, ended: true };
    }
    const leaves = this.idle;
    const status: OpenStatus = this.#needed.size > 0 ? 'attention' : leaves ? 'waiting' : 'running';
    if (!leaves && status === this.#written) return undefined;
    this.#written = status;
    if (leaves) this.#mode = 'leaving';
    return { status, reason: this.#standing(), leaves, ended: false };
  }

  /** Where a run that waits stands, for people. */
  #standing(): RunReason | undefined {
    const [step] = this.#needed.size > 0 ? this.#needed : this.#sleepers.keys();
    const outcome = step === undefined ? undefined : this.#sleepers.get(step)?.state.outcome;
    return step === undefined ? undefined : { step, message: outcome && 'message' in outcome ? outcome.message : '' };
  }

  #trackChange(entry: JournalEntry): void {
    if (entry.kind === 'woke') {
      this.#wokeTimers();
    } else if (entry.kind === 'attention') {
      this.#needed.add(entry.step);
      this.#attentions.push({ step: entry.step, kind: entry.why, message: entry.message });
    } else if (entry.kind === 'resolved' && this.#needed.delete(entry.step)) {
      this.#attentionsOver.push(entry.step);
    }
    if (entry.kind === 'intent' && this.#seq >= MOST_ROWS) throw runErrors['journal-limit']();
  }

  #setTimer(until: number): void {
    if (this.#timers.has(until)) return;
    this.#timers.add(until);
    if (this.#timersGone.includes(until)) this.#timersGone = this.#timersGone.filter((gone) => gone !== until);
    else this.#timersSet.push(until);
  }

  /** Timers that no sleeper needs any more: a timer is one row per run and moment, however many branches wait for it. */
  #wokeTimers(): void {
    const needed = new Set([...this.#sleepers.values()].map(({ until }) => until));
    for (const until of this.#timers) if (!needed.has(until)) this.#dropTimer(until);
  }

  #timerOver(until: number | undefined): void {
    if (until !== undefined && ![...this.#sleepers.values()].some((sleeper) => sleeper.until === until)) this.#dropTimer(until);
  }

  #dropTimer(until: number): void {
    this.#timers.delete(until);
    if (this.#timersSet.includes(until)) this.#timersSet = this.#timersSet.filter((set) => set !== until);
    else this.#timersGone.push(until);
  }

  /** Rebuilds from the journal which timers and open questions are in the database. */
  #trackOpen(entries: readonly JournalEntry[]): void {
    const asleep = new Map<string, number>();
    for (const entry of entries) {
      if (entry.kind === 'sleep') asleep.set(entry.step, entry.until);
      if (entry.kind === 'woke') asleep.delete(entry.step);
      if (entry.kind === 'attention') this.#needed.add(entry.step);
      if (entry.kind === 'resolved' || (entry.kind === 'answer' && !isRefusal(entry))) this.#needed.delete(entry.step);
      if (entry.kind === 'end') {
        asleep.clear();
        this.#needed.clear();
      }
    }
    for (const until of asleep.values()) this.#timers.add(until);
  }
}

const NOTHING: readonly never[] = [];

/** A list that stays with the run must not be in a checkpoint: what is added later belongs to the next one. */
function orNothing<T>(list: readonly T[]): readonly T[] {
  return list.length > 0 ? list : NOTHING;
}

function isRefusal({ outcome }: Extract<JournalEntry, { kind: 'answer' }>): boolean {
  return outcome.kind === 'failed' && outcome.reason === 'auth';
}

function describe(error: unknown): string {
  return codeOf(error) === 'internal.unexpected'
    ? 'Something went wrong inside Kassaflow.'
    : error instanceof Error
      ? error.message
      : String(error);
}

function codeOf(error: unknown): string {
  if (error instanceof StepFailed) return error.code;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('runs.')
    ? error.code
    : 'internal.unexpected';
}
