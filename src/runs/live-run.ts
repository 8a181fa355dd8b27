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
import { isKassaflowError } from '../kernel/errors.ts';
import { idOf, newUuid } from '../kernel/ids.ts';
import type { Gate } from '../guards/gate.ts';
import type { ActionDoor } from '../plugin-host/action-call.ts';
import { Deadlines } from './deadlines.ts';
import { haltOf, type Halt } from './halt.ts';
import { History, isProgress } from './history.ts';
import { interpret, type RunEnd } from './interpreter.ts';
import { JournaledContext } from './journaled-context.ts';
import type { EmittedEvent, JournaledRun } from './journaled-run.ts';
import type { JournalEntry, StepEntry } from './journal-entry.ts';
import { Mailbox, NO_MAIL, type MailChanges } from './mailbox.ts';
import { OpenQuestions, type Attention } from './open-questions.ts';
import { runErrors } from './run.errors.ts';
import { RunInterrupted, StepSkipped, timedOut, type ArrivedEvent, type EventWatch, type ReadPlan } from './run-context.ts';
import { carryOut, type OrderRefusal, type RunOrder } from './run-order.ts';
import type { RunSettings } from './run-settings.ts';
import { reasonOf } from './reason-of.ts';
import { sameJson } from './same-json.ts';
import type { ChildStart, Signal } from './signals.ts';
import { RunTimers } from './run-timers.ts';
import { timeOf } from './uuid-time.ts';
import { applyEntry, inDoubt, newStepState, type StepState } from './step-state.ts';

/** What a run wants written at once: one journal row and what goes with it. */
export interface Checkpoint extends MailChanges {
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
  /** The run follows this revision of its flow from now on. */
  readonly revision: number | undefined;
  readonly waiters: readonly (() => void)[];
}

/** What a run needs from the backend that keeps it. */
export interface RunHost {
  readonly door: ActionDoor;
  /** Guards of calls outside the flows; absent where there are none. */
  readonly gate?: Gate | undefined;
  readonly clock: Clock;
  readonly settings: RunSettings;
  /** The process is about to stop: calls under way are finished and recorded, no other one begins. */
  readonly stopping: boolean;
  random(): number;
  /** Ids of events and runs; absent where nothing must come out the same twice. */
  newId?(): string;
  /** The current state of the subjects that the run's event names; waits for as long as they cannot be read. */
  readSubjects(facts: RunFacts, names: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /** The run waits for a person, in the checkpoint that comes next. */
  asked(run: LiveRun, attention: Attention): void;
  /** The run has something to write. Called often; the backend remembers it. */
  touched(run: LiveRun): void;
  /** A defect of the program showed in this run. */
  defect(run: LiveRun, error: unknown): void;
  /** A replay hears of every recorded value that was computed again; without it a difference ends the run. */
  compare?(step: string, what: string, recorded: unknown, computed: unknown): void;
}

/** Where a run stands, and why. */
interface Standing {
  readonly step: string;
  readonly message: string;
}

interface Sleeper {
  readonly state: StepState;
  readonly until: number | undefined;
  readonly wake: () => void;
  readonly interrupt: (reason: Error) => void;
  /** What a signal comes to, of a step that waits for one. */
  readonly take: ((signal: Signal) => StepEntry | undefined) | undefined;
}

/** What is known of a run that is taken up again. */
export interface ResumedRun {
  /** Rows of its journal. */
  readonly rows: number;
  readonly entries: readonly JournalEntry[];
  /** Whether the process that had it in memory died: it did not give its lease back. */
  readonly afterDeath?: boolean;
  /** Why its flow cannot be read; the flow given in its place has no steps. */
  readonly unreadable?: string;
}

const MOST_ROWS = 10_000;
/** A run under which the process died this often without its getting on is set aside. */
const MOST_DEATHS = 3;

export class LiveRun implements JournaledRun {
  readonly door: ActionDoor;
  readonly gate: Gate | undefined;
  readonly settings: RunSettings;
  /** Set by the backend: waits in its queue for the next flush. */
  queued = false;
  /** Not in the database yet: the flush that holds its event writes its row. */
  isNew: boolean;
  history: History | undefined;
  halt: Halt | undefined;
  #seq: number;
  #status: OpenStatus | FinalStatus = 'running';
  #written: RunStatus;
  #reason: RunReason | undefined;
  #entries: string[] = [];
  #emitted: EmittedEvent[] = [];
  #waiters: (() => void)[] = [];
  readonly #sleepers = new Map<string, Sleeper>();
  readonly #timers: RunTimers;
  readonly #questions: OpenQuestions;
  /** Absent as long as the run has nothing to do with the outside. */
  #mail: Mailbox | undefined;
  #revision: number | undefined;
  #deadlines: Deadlines | undefined;
  #watches: readonly EventWatch[] = NOTHING;
  /** Steps that a person skipped since the run is in memory. */
  #skips: Map<string, Readonly<Record<string, unknown>>> | undefined;
  #cancels: readonly Extract<JournalEntry, { kind: 'cancel' }>[] = NOTHING;
  #done: number;
  /** What comes after a failure is under way. */
  #handling = false;
  #begun = false;
  /** Deaths of its process since it last got on. */
  #deaths = 0;
  #branches = 1;
  #calls = 0;
  #final: FinalStatus | undefined;
  #mode: 'computing' | 'ended' | 'leaving' | 'dropped' = 'computing';

  constructor(
    readonly facts: RunFacts,
    readonly flow: CompiledFlow,
    private readonly host: RunHost,
    private readonly resumed?: ResumedRun,
  ) {
    this.door = host.door;
    this.gate = host.gate;
    this.settings = host.settings;
    this.isNew = resumed === undefined;
    this.#seq = resumed?.rows ?? 0;
    this.#written = 'running';
    this.#timers = new RunTimers(resumed?.entries);
    this.#questions = new OpenQuestions(resumed?.entries);
    this.#done = 0;
    if (!resumed) return;
    this.history = new History(resumed.entries);
    if (Mailbox.isNeededBy(resumed.entries)) this.#mail = new Mailbox(resumed.entries);
    this.#done = this.history.doneCount;
    this.#cancels = this.history.cancels;
    this.halt = haltOf(this.#cancels, this.history.stopEvent);
    this.#deaths = this.history.resumed + (resumed.afterDeath === true ? 1 : 0);
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
    this.#begun = true;
    void this.#interpret();
  }

  /** Ends the run before its first step. Why is recorded with the run itself, so that it never begins after a crash either. */
  failToStart(reason: RunReason): void {
    this.append({ kind: 'unstartable', at: this.now(), reason });
    void this.onDisk().then(() => this.#end({ status: 'failed', reason, failed: [] }));
  }

  /** Its process died under it twice already: once more, and it is set aside. */
  get suspect(): boolean {
    return this.reachable && this.#deaths === MOST_DEATHS - 1;
  }

  /** True when every branch sleeps or waits for a person. */
  get idle(): boolean {
    return this.#mode === 'computing' && this.#branches > 0 && this.#sleepers.size === this.#branches;
  }

  /** True when a first checkpoint may ride with the run's own row, which may be refused: nothing but journal entries. */
  get plain(): boolean {
    return (
      this.#emitted.length === 0 && !this.#timers.unwritten && !this.#questions.unwritten && this.#mail?.unwritten !== true && !this.idle
    );
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
    if (!row && this.#entries.length === 0 && this.#mail?.unwritten !== true && this.#waiters.length === 0) return undefined;
    const seq = this.#entries.length > 0 ? this.#seq++ : undefined;
    const [timers, questions] = [this.#timers.take(), this.#questions.take()];
    const checkpoint: Checkpoint = {
      run: this,
      seq,
      entries: seq === undefined ? '' : `[${this.#entries.join(',')}]`,
      // The list goes with the checkpoint: what is added later belongs to the next one.
      emitted: this.#emitted.length > 0 ? this.#emitted : NOTHING,
      row,
      timersSet: timers.set,
      timersGone: timers.gone,
      attentions: questions.opened,
      attentionsOver: questions.closed,
      revision: this.#revision,
      ...(this.#mail?.take() ?? NO_MAIL),
      waiters: this.#waiters,
    };
    this.#entries = [];
    this.#waiters = [];
    this.#revision = undefined;
    if (this.#emitted.length > 0) this.#emitted = [];
    return checkpoint;
  }

  /** Wakes every branch whose moment has come, and ends those that rest when their deadline has passed. @returns how many */
  wakeDue(now: number): number {
    if (!this.reachable) return 0;
    let woken = 0;
    for (const late of this.#deadlines?.due(now) ?? NOTHING) woken += this.#interruptLate(late);
    for (const [path, sleeper] of this.#sleepers) {
      if (sleeper.until === undefined || sleeper.until > now) continue;
      this.#wake(path, sleeper, [{ kind: 'woke', step: path, at: this.now() }]);
      woken += 1;
    }
    return woken;
  }

  /**
   * Hands a signal to the run, which records what it makes of it; the checkpoint that holds this names the signal in
   * `signalsTaken`. One that the run has already is no second one. Also before `begin`, for a run that was just loaded.
   *
   * @returns false when the run is over or on its way out of memory: whoever has it next is to be given the signal; for a run
   * that is over it may be deleted
   */
  deliver(signal: Signal): boolean {
    if (!this.reachable) return false;
    this.#mail ??= new Mailbox();
    if (!this.#mail.receive(signal)) return true;
    if (signal.step === '') this.#hearStop();
    else this.#offer(signal.step);
    this.host.touched(this);
    return true;
  }

  /**
   * Carries out what a person wants of the run, also before `begin`, for a run that was just loaded. For `move`, and a retry on another
   * revision, the run must have been loaded with that revision's flow.
   *
   * @returns the code of the reason why it makes no sense now; `undefined` when it was done and is in the next checkpoint
   */
  order(order: RunOrder): OrderRefusal | undefined {
    if (this.#begun && !this.reachable) return 'runs.in-memory';
    return carryOut(order, {
      begun: this.#begun,
      history: this.history,
      resting: [...this.#sleepers.keys()],
      now: () => this.now(),
      restingState: (step) => this.#sleepers.get(step)?.state,
      tell: (entry) => this.tell(entry),
      tellStep: (step, entries) => this.#tellStep(step, entries),
      skip: (entry) => this.#skip(entry),
      cancel: (entry) => this.#cancel(entry),
    });
  }

  /** What kept the step at `step` from its call does so no more. @returns false when no guard keeps it */
  unpark(step: string): boolean {
    const sleeper = this.#sleepers.get(step);
    if (!this.reachable || sleeper?.state.parked === undefined) return false;
    this.#wake(step, sleeper, [{ kind: 'woke', step, at: this.now() }]);
    return true;
  }

  /** Steps that wait for a person. */
  get needing(): readonly string[] {
    return [...this.#questions.steps];
  }

  /** Adds what a person decided to the journal of a run that was just loaded and has not begun. */
  tell(entry: JournalEntry): void {
    const aside = entry.kind === 'retry' ? this.history?.aside : undefined;
    if (aside) this.#questions.close(aside.step);
    this.history?.add(entry);
    if (entry.kind === 'cancel') this.halt = haltOf(this.#cancels, this.history?.stopEvent);
    this.append(entry);
  }

  /** Ends the run in memory: whatever it still does goes nowhere. */
  drop(): void {
    this.#mode = 'dropped';
    this.#calls = 0;
    this.#entries = [];
    this.#waiters = [];
    this.#sleepers.clear();
    this.#mail = undefined;
  }

  /** The database refuses what this run wants to record: it ends here, with a reason that holds none of its values. */
  refuse(): void {
    if (this.#mode === 'dropped') return;
    this.#mode = 'computing';
    this.#written = 'running';
    this.#entries = [];
    this.#emitted = [];
    this.#questions.discard();
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

  get flowName(): string {
    return this.flow.name;
  }

  newId(): string {
    return this.host.newId?.() ?? newUuid();
  }

  get beganAt(): number {
    const { event, id } = this.facts;
    // By the id's own time, which is the same each time; a clock that stands behind it, as in a simulation, has its way.
    return Math.min(timeOf(event?.id ?? id), this.now());
  }

  append(entry: JournalEntry): void {
    // An intent whose call will not leave would look like an unknown outcome after the restart.
    if (this.#mode !== 'computing' || (this.host.stopping && entry.kind === 'intent')) return;
    this.#entries.push(JSON.stringify(entry));
    this.#trackChange(entry);
    this.host.touched(this);
  }

  /** A recorded value was computed again. @throws runs.replay-diverged when it is another one */
  compare(step: string, what: string, recorded: unknown, computed: unknown): void {
    if (this.host.compare) return this.host.compare(step, what, recorded, computed);
    if (!sameJson(recorded, computed)) throw runErrors['replay-diverged']({ step });
  }

  record(state: StepState, entry: StepEntry): void {
    if (entry.kind === 'answer') this.#calls -= 1;
    applyEntry(state, entry);
    this.append(entry);
    if (entry.kind === 'answer' && state.attention === undefined) this.#questions.close(entry.step);
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

  bind(path: string, timeoutMs: number): void {
    const known = this.history?.deadline(path);
    const until = known ?? this.now() + timeoutMs;
    (this.#deadlines ??= new Deadlines()).set(path, until, this.history?.timedOut(path) ?? false);
    if (known === undefined) this.append({ kind: 'deadline', until, ...(path !== '' && { step: path }) });
  }

  unbind(path: string): void {
    const until = this.#deadlines?.lift(path);
    if (until !== undefined) this.#dropTimers([until]);
  }

  isLate(path: string): boolean {
    return this.#deadlines !== undefined && this.#deadlines.isLate(path, this.now());
  }

  /** Records that the time is over, once: a resumed run takes the same way even if its clock has gone back. */
  timeOut(path: string): void {
    const until = this.#deadlines?.pass(path);
    if (until === undefined) return;
    this.#dropTimers([until]);
    this.append({ kind: 'timed-out', at: this.now(), ...(path !== '' && { step: path }) });
  }

  /** What comes after a failure begins: no deadline holds any more. */
  handle(): void {
    this.#handling = true;
    this.#liftDeadlines();
  }

  done(path: string): number {
    const known = this.history?.doneAt(path);
    if (known !== undefined) return known;
    this.append({ kind: 'done', step: path });
    return this.#done++;
  }

  noteUndone(path: string, problem: string | undefined): void {
    if (this.history?.undone(path) !== undefined) return;
    const at = this.now();
    if (problem === undefined) return this.append({ kind: 'undone', step: path, at });
    this.append({ kind: 'undo-failed', step: path, at, message: problem });
    this.#report('run.needs-attention', { step: path, message: `It was done and could not be taken back: ${problem}` });
  }

  skipped(path: string): Readonly<Record<string, unknown>> | undefined {
    return this.#skips?.get(path) ?? this.history?.skipped(path);
  }

  watch(watches: readonly EventWatch[]): void {
    this.#watches = watches;
    const since = this.beganAt;
    const listens = this.history?.listens === true;
    for (const { events, key } of listens ? NOTHING : watches)
      this.append({ kind: 'listen', step: '', at: this.now(), events, since, ...(key !== undefined && { key }) });
    this.#hearStop();
  }

  readSubjects(plan: ReadPlan): Promise<Readonly<Record<string, unknown>>> {
    return this.host.readSubjects(this.facts, plan.subjects);
  }

  rest(path: string, state: StepState, until: number | undefined): Promise<void> {
    return this.#rest(path, state, until, undefined);
  }

  listen(path: string, state: StepState, take: (signal: Signal) => StepEntry | undefined): Promise<void> {
    const rest = this.#rest(path, state, state.sleepUntil, take);
    this.#offer(path);
    return rest;
  }

  /** A branch becomes several, or the last of several comes back. */
  branched(by: number): void {
    this.#branches += by;
    if (this.idle) this.host.touched(this);
  }

  interruptSleepers(concerned: (path: string) => boolean, reason: RunInterrupted): void {
    for (const [path, sleeper] of this.#sleepers) {
      if (!concerned(path)) continue;
      this.#leave(path);
      sleeper.interrupt(reason);
    }
    this.#dropUnusedTimers();
  }

  #rest(path: string, state: StepState, until: number | undefined, take: Sleeper['take']): Promise<void> {
    if (until !== undefined) this.#timers.want(until);
    return new Promise((wake, interrupt) => {
      this.#sleepers.set(path, { state, until, wake, interrupt, take });
      this.host.touched(this);
    });
  }

  #wake(path: string, sleeper: Sleeper, entries: readonly StepEntry[]): void {
    this.#sleepers.delete(path);
    for (const entry of entries) this.record(sleeper.state, entry);
    sleeper.wake();
  }

  /** The step at `path` does not rest any more, and nobody is to answer it. */
  #leave(path: string): void {
    this.#sleepers.delete(path);
    this.#questions.close(path);
    this.#mail?.forget(path);
  }

  /** Gives the step at `path`, if it waits for it, what has come for it. */
  #offer(path: string): void {
    for (const letter of this.#mail?.lettersFor(path) ?? NOTHING) {
      const sleeper = this.#sleepers.get(path);
      if (!sleeper) return;
      const entry = sleeper.take?.(letter);
      this.#mail?.took(letter.id);
      if (entry) this.#wake(path, sleeper, [entry]);
    }
  }

  /** Ends the run when one of the events that it stops on has come. */
  #hearStop(): void {
    if (this.#watches.length === 0) return;
    for (const letter of this.#mail?.lettersFor('') ?? NOTHING) {
      this.#mail?.took(letter.id);
      if (this.halt || this.#handling || letter.kind !== 'event' || letter.event.id === this.facts.event?.id) continue;
      const { id, type, data } = letter.event;
      if (!this.#watches.some(({ events, meant }) => events.includes(type) && this.#isMeant(meant, { id, type, data }))) continue;
      const entry = { kind: 'heard', step: '', at: this.now(), event: id, type, data: {} } as const;
      this.append(entry);
      this.#stopFor(haltOf(NOTHING, entry));
    }
  }

  /** An event of which it cannot be told whether it ends the run does not; a person hears of it. */
  #isMeant(meant: EventWatch['meant'], event: ArrivedEvent): boolean {
    try {
      return meant(event);
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      this.#report('run.needs-attention', { step: '', message: `Whether ${event.type} ends the run cannot be told: ${error.message}` });
      return false;
    }
  }

  /** Ends what rests, but for steps that must find out first, and for what comes after a failure. */
  #stopFor(halt: Halt | undefined): void {
    this.halt = halt;
    if (!halt || (this.#handling && !halt.final)) return;
    const reason = new RunInterrupted(halt.why, halt.message, undefined, { undo: halt.undo });
    const waits = ({ state }: Sleeper) => halt.settles && inDoubt(state) && (halt.why === 'stopped' || state.attention === undefined);
    const ending = new Set([...this.#sleepers].filter(([, sleeper]) => !waits(sleeper)).map(([path]) => path));
    this.interruptSleepers((path) => ending.has(path), reason);
  }

  #cancel(entry: Extract<JournalEntry, { kind: 'cancel' }>): void {
    if (!this.#begun) return this.tell(entry);
    this.#cancels = [...this.#cancels, entry];
    this.append(entry);
    this.#stopFor(haltOf(this.#cancels, undefined));
  }

  #tellStep(step: string, entries: readonly StepEntry[]): void {
    const sleeper = this.#sleepers.get(step);
    if (sleeper) return this.#wake(step, sleeper, entries);
    for (const entry of entries) this.tell(entry);
  }

  #skip(entry: Extract<JournalEntry, { kind: 'skipped' }>): void {
    if (!this.#begun) return this.tell(entry);
    const sleeper = this.#sleepers.get(entry.step);
    (this.#skips ??= new Map()).set(entry.step, entry.output ?? {});
    this.append(entry);
    this.#leave(entry.step);
    this.#dropUnusedTimers();
    sleeper?.interrupt(new StepSkipped(entry.step));
  }

  async #interpret(): Promise<void> {
    try {
      const { history } = this;
      if (history?.end) return this.#ended(history.end);
      if (history?.unstartable) return this.#end({ status: 'failed', reason: history.unstartable, failed: [] });
      const obstacle = this.#obstacle();
      if (obstacle) return await this.#standAside(obstacle);
      if (this.#deaths > 0) {
        // Counted before anything is done: what comes next may be what kills the process.
        this.append({ kind: 'resumed', at: this.now() });
        await this.onDisk();
      }
      if (this.flow.timeoutMs !== undefined) this.bind('', this.flow.timeoutMs);
      const end = await interpret(this.flow, new JournaledContext(this), this.host.settings.publicUrl);
      const unused = end.status === 'cancelled' ? undefined : history?.unused();
      if (unused !== undefined) throw runErrors['replay-diverged']({ step: unused });
      this.#end(end);
    } catch (error) {
      this.host.defect(this, error);
      this.#end({ status: 'failed', reason: reasonOf(error) });
    }
  }

  /** Where and why this run must not go on by itself. */
  #obstacle(): Standing | undefined {
    const { history, resumed } = this;
    if (!history || !resumed) return undefined;
    if (history.aside) return history.aside;
    const step = history.standing;
    if (resumed.unreadable !== undefined) return { step, message: `The flow of this run cannot be read: ${resumed.unreadable}` };
    if (this.#deaths < MOST_DEATHS) return undefined;
    return { step, message: `The process died ${this.#deaths} times while this run stood at the same step.` };
  }

  /** Sets the run aside, unless it is so already, and leaves it alone until a person says what is to become of it. */
  async #standAside(obstacle: Standing): Promise<void> {
    if (this.halt?.why === 'cancelled') return this.#end({ status: 'cancelled', reason: { message: this.halt.message } });
    if (!this.history?.aside) {
      const entry = { kind: 'aside', at: this.now(), ...obstacle } as const;
      this.history?.add(entry);
      this.append(entry);
      this.#timers.keepOnly(NO_MOMENTS);
    }
    try {
      await this.rest(obstacle.step, newStepState(), undefined);
    } catch (reason) {
      if (!(reason instanceof RunInterrupted)) throw reason;
      this.#end({ status: 'cancelled', reason: { message: reason.message } });
    }
  }

  /** Ends the rest of every branch inside `bound` that surely has nothing under way. @returns how many */
  #interruptLate(bound: string): number {
    this.timeOut(bound);
    const isInside = (path: string) => bound === '' || path === bound || path.startsWith(`${bound}.`);
    const resting = [...this.#sleepers].filter(([path, { state }]) => isInside(path) && !inDoubt(state)).map(([path]) => path);
    if (resting.length > 0) this.interruptSleepers((path) => resting.includes(path), timedOut(resting[0], bound));
    return resting.length;
  }

  /** Resolves when everything recorded so far is on disk, and the run itself. */
  onDisk(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.host.touched(this);
    });
  }

  #end(end: RunEnd): void {
    if (this.#mode !== 'computing') return;
    const { status, reason, failed } = end;
    this.append({ kind: 'end', at: this.now(), status, ...(reason && { reason }), ...(failed && { failed }) });
    if (status === 'failed') this.#report('run.failed', { step: reason?.step ?? '', message: reason?.message ?? '' });
    this.#ended(end);
  }

  /** Records an event about the run itself, with whatever is written next. A repeat after a crash has the same key. */
  #report(type: 'run.failed' | 'run.needs-attention', { step, message }: Standing): void {
    const { id, revision } = this.facts;
    const run = { id: idOf('run', id), flow: this.flow.name, revision, step, reason: message };
    const key = `${id}/${this.#seq}/${type}/${step}`;
    this.emit({ id: newUuid(), type, subject: `run/${run.id}`, occurredAt: new Date(this.now()), data: { run }, key });
  }

  #ended({ status, reason }: RunEnd): void {
    this.#status = status;
    this.#final = status;
    this.#reason = reason;
    this.#liftDeadlines();
    this.#timers.keepOnly(NO_MOMENTS);
    this.#questions.closeAll();
    this.#mail?.forgetAll();
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
    const status: OpenStatus = this.#questions.steps.size > 0 ? 'attention' : leaves ? 'waiting' : 'running';
    if (!leaves && status === this.#written) return undefined;
    this.#written = status;
    if (leaves) this.#mode = 'leaving';
    // A run that stays in memory sees its deadline by itself.
    for (const at of leaves ? (this.#deadlines?.moments ?? NOTHING) : NOTHING) this.#timers.want(at);
    if (leaves) this.#mail?.discardExcept(new Set(this.#sleepers.keys()));
    return { status, reason: this.#standing(), leaves, ended: false };
  }

  /** Where a run that waits stands, for people. */
  #standing(): RunReason | undefined {
    if (this.history?.aside) return this.history.aside;
    const [step] = this.#questions.steps.size > 0 ? this.#questions.steps : this.#sleepers.keys();
    if (step === undefined) return undefined;
    const { parked, outcome } = this.#sleepers.get(step)?.state ?? {};
    return { step, message: parked ?? (outcome && 'message' in outcome ? outcome.message : '') };
  }

  #trackChange(entry: JournalEntry): void {
    if (this.#deaths > 0 && isProgress(entry)) this.#deaths = 0;
    switch (entry.kind) {
      case 'woke':
      case 'heard':
      case 'answered':
      case 'child-ended':
        this.#mail?.forget(entry.step);
        return this.#dropUnusedTimers();
      case 'listen':
        return this.#mailbox().listen(entry);
      case 'asked':
        return this.#mailbox().ask({ ...entry, until: entry.until });
      case 'child':
        return this.#mailbox().start(this.#childOf(entry));
      case 'moved':
        this.#revision = entry.revision;
        return;
      case 'edited':
        this.#questions.close(entry.step);
        return this.#dropUnusedTimers();
      case 'attention':
        return this.#ask({ step: entry.step, kind: entry.why, message: entry.message });
      case 'aside':
        return this.#ask({ step: entry.step, kind: 'failed', message: entry.message });
      case 'resolved':
        return this.#questions.close(entry.step);
      case 'intent':
        if (this.#seq >= MOST_ROWS) throw runErrors['journal-limit']();
        return;
      default:
        // The other kinds say nothing that waits, for a person or a moment.
        return;
    }
  }

  #mailbox(): Mailbox {
    return (this.#mail ??= new Mailbox());
  }

  #childOf({ run, flow, inputs, waits, step }: Extract<JournalEntry, { kind: 'child' }>): ChildStart {
    const { id, depth = 0 } = this.facts;
    return { id: run, flow, inputs, parent: waits ? { run: id, step } : undefined, depth: depth + 1 };
  }

  #ask(attention: Attention): void {
    this.#questions.open(attention);
    this.#report('run.needs-attention', attention);
    this.host.asked(this, attention);
  }

  #liftDeadlines(): void {
    if (!this.#deadlines) return;
    const { moments } = this.#deadlines;
    this.#deadlines.clear();
    this.#dropTimers(moments);
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
