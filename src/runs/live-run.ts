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
import { idOf, newUuid } from '../kernel/ids.ts';
import type { Gate } from '../guards/gate.ts';
import type { ActionDoor } from '../plugin-host/action-call.ts';
import type { Halt } from './halt.ts';
import { Halting } from './halting.ts';
import { History, isProgress } from './history.ts';
import { interpret, type RunEnd } from './interpreter.ts';
import { JournaledContext } from './journaled-context.ts';
import type { EmittedEvent, JournaledRun } from './journaled-run.ts';
import type { JournalEntry, StepEntry } from './journal-entry.ts';
import { MOST_DEATHS, obstacleOf, type Standing } from './obstacle.ts';
import type { Attention } from './open-questions.ts';
import { runErrors } from './run.errors.ts';
import { RunInterrupted, StepSkipped, type EventWatch, type ReadPlan } from './run-context.ts';
import { carryOut, type OrderRefusal, type RunOrder } from './run-order.ts';
import type { CheckpointOf, HostOf } from './run-host.ts';
import type { RunSettings } from './run-settings.ts';
import { reasonOf } from './reason-of.ts';
import { sameJson } from './same-json.ts';
import type { Signal } from './signals.ts';
import { timeOf } from './uuid-time.ts';
import { applyEntry, newStepState, type StepState } from './step-state.ts';
import { Waits, type WaitingRun } from './waits.ts';

/** What the run wants written at once. */
export type Checkpoint = CheckpointOf<LiveRun>;
/** What it needs of the backend that keeps it. */
export type RunHost = HostOf<LiveRun>;

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
export class LiveRun implements JournaledRun, WaitingRun {
  readonly door: ActionDoor;
  readonly gate: Gate | undefined;
  readonly settings: RunSettings;
  /** Set by the backend: waits in its queue for the next flush. */
  queued = false;
  /** Not in the database yet: the flush that holds its event writes its row. */
  isNew: boolean;
  history: History | undefined;
  #seq: number;
  #status: OpenStatus | FinalStatus = 'running';
  #written: RunStatus;
  #reason: RunReason | undefined;
  #entries: string[] = [];
  #emitted: EmittedEvent[] = [];
  #waiters: (() => void)[] = [];
  readonly #waits: Waits;
  /** Absent as long as nothing ends the run before its time, and nothing may. */
  #halting: Halting | undefined;
  #revision: number | undefined;
  /** Steps that a person skipped since the run is in memory. */
  #skips: Map<string, Readonly<Record<string, unknown>>> | undefined;
  #done: number;
  #begun = false;
  /** What comes after a failure is under way. */
  #handling = false;
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
    this.#waits = new Waits(this, resumed?.entries);
    this.#done = 0;
    if (!resumed) return;
    this.history = new History(resumed.entries);
    this.#done = this.history.doneCount;
    this.#recallHalt();
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

  /** True when it waits for its turn while its key is taken, in place of not being started. */
  get takesTurns(): boolean {
    const { ifRunning } = this.flow.onePer ?? {};
    return this.facts.onePer !== undefined && (ifRunning === 'queue' || ifRunning === 'replace');
  }

  /** True when every branch sleeps or waits for a person. */
  get idle(): boolean {
    return this.#mode === 'computing' && this.#branches > 0 && this.#waits.restingCount === this.#branches;
  }

  /** True when a first checkpoint may ride with the run's own row, which may be refused: nothing but journal entries. */
  get plain(): boolean {
    return this.#emitted.length === 0 && !this.#waits.unwritten && !this.idle;
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
    // Branches of a run that was dropped or refused may still be under way; what they want written is nobody's.
    if (this.#mode === 'dropped' || this.#mode === 'leaving' || (this.#mode === 'ended' && this.#written === this.#status))
      return undefined;
    const row = this.#rowChange();
    if (!row && this.#entries.length === 0 && !this.#waits.mailUnwritten && this.#waiters.length === 0) return undefined;
    const seq = this.#entries.length > 0 ? this.#seq++ : undefined;
    const checkpoint: Checkpoint = {
      run: this,
      seq,
      entries: seq === undefined ? '' : `[${this.#entries.join(',')}]`,
      // The list goes with the checkpoint: what is added later belongs to the next one.
      emitted: this.#emitted.length > 0 ? this.#emitted : NOTHING,
      row,
      revision: this.#revision,
      ...this.#waits.take(),
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
    return this.reachable ? this.#waits.wakeDue(now) : 0;
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
    if (!this.#waits.deliver(signal)) return true;
    if (signal.step === '') this.#hearStop();
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
      resting: this.#waits.resting,
      now: () => this.now(),
      restingState: (step) => this.#waits.stateOf(step),
      tell: (entry) => this.tell(entry),
      tellStep: (step, entries) => this.#tellStep(step, entries),
      skip: (entry) => this.#skip(entry),
      cancel: (entry) => (this.#begun ? this.#ensureHalting().cancel(entry) : this.tell(entry)),
    });
  }

  /** What kept the step at `step` from its call does so no more. @returns false when no guard keeps it */
  unpark(step: string): boolean {
    const isParked = this.reachable && this.#waits.stateOf(step)?.parked !== undefined;
    return isParked && this.#waits.wake(step, [{ kind: 'woke', step, at: this.now() }]);
  }

  /** Steps that wait for a person. */
  get needing(): readonly string[] {
    return [...this.#waits.needing];
  }

  /** Adds what a person decided to the journal of a run that was just loaded and has not begun. */
  tell(entry: JournalEntry): void {
    const aside = entry.kind === 'retry' ? this.history?.aside : undefined;
    if (aside) this.#waits.helped(aside.step);
    this.history?.add(entry);
    this.#recallHalt();
    this.append(entry);
  }

  /** Ends the run in memory: whatever it still does goes nowhere. */
  drop(): void {
    this.#mode = 'dropped';
    this.#calls = 0;
    this.#entries = [];
    this.#waiters = [];
    this.#waits.drop();
  }

  /** The database refuses what this run wants to record: it ends here, with a reason that holds none of its values. */
  refuse(): void {
    if (this.#mode === 'dropped') return;
    this.#mode = 'computing';
    this.#written = 'running';
    this.#entries = [];
    this.#emitted = [];
    this.#waits.discard();
    this.#branches = 0;
    const { code, message } = runErrors['journal-refused']();
    this.#end({ status: 'failed', reason: { code, message } });
    // Branches that are still under way must not write behind the end.
    this.#waiters = [];
  }

  // For JournaledContext and executeStep.

  get halt(): Halt | undefined {
    return this.#halting?.halt;
  }

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
    if (entry.kind === 'answer' && state.attention === undefined) this.#waits.helped(entry.step);
  }

  emit(event: EmittedEvent): void {
    this.#emitted.push(event);
  }

  mayLeave(): boolean {
    return this.#mode !== 'dropped' && this.host.mayLeave?.() !== false;
  }

  /** Resolves when everything recorded so far is on disk; never, when the process is stopping or the run is no longer its own. */
  commit(): Promise<void> {
    return new Promise((resolve) => {
      if (this.host.stopping || this.#mode !== 'computing') return;
      this.#calls += 1;
      this.#waiters.push(resolve);
      this.host.touched(this);
    });
  }

  bind(path: string, timeoutMs: number): void {
    const known = this.history?.deadline(path);
    const until = known ?? this.now() + timeoutMs;
    this.#waits.bind(path, until, this.history?.timedOut(path) ?? false);
    if (known === undefined) this.append({ kind: 'deadline', until, ...(path !== '' && { step: path }) });
  }

  unbind(path: string): void {
    this.#waits.unbind(path);
  }

  isLate(path: string): boolean {
    return this.#waits.isLate(path);
  }

  timeOut(path: string): void {
    this.#waits.timeOut(path);
  }

  /** What comes after a failure begins: no deadline holds any more. */
  handle(): void {
    this.#handling = true;
    this.#waits.liftDeadlines();
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

  watch(watches: readonly EventWatch[]): Promise<void> | undefined {
    this.#ensureHalting().watch(watches);
    const since = this.beganAt;
    const listens = this.history?.listens === true;
    for (const { events, key } of listens ? NOTHING : watches)
      this.append({ kind: 'listen', step: '', at: this.now(), events, since, ...(key !== undefined && { key }) });
    this.#hearStop();
    return this.#stoodInLine ? this.#hearMissed(watches) : undefined;
  }

  readSubjects(plan: ReadPlan): Promise<Readonly<Record<string, unknown>>> {
    return this.host.readSubjects(this.facts, plan.subjects);
  }

  rest(path: string, state: StepState, until: number | undefined): Promise<void> {
    // A run that had ended took its questions back; once it goes on where it stood, they are asked again.
    const { attention: why, attentionMessage: message } = state;
    if (why !== undefined && !this.#waits.needing.has(path))
      this.record(state, { kind: 'attention', step: path, at: this.now(), why, message });
    return this.#waits.rest(path, state, until);
  }

  listen(path: string, state: StepState, take: (signal: Signal) => StepEntry | undefined): Promise<void> {
    return this.#waits.rest(path, state, state.sleepUntil, take);
  }

  /** A branch becomes several, or the last of several comes back. */
  branched(by: number): void {
    this.#branches += by;
    if (this.idle) this.host.touched(this);
  }

  interruptSleepers(concerned: (path: string, state: StepState) => boolean, reason: RunInterrupted): void {
    this.#waits.interrupt(concerned, reason);
  }

  touched(): void {
    this.host.touched(this);
  }

  #ensureHalting(): Halting {
    const { facts } = this;
    return (this.#halting ??= new Halting({
      startedBy: facts.event?.id,
      isHandling: () => this.#handling || this.history?.handling === true,
      now: () => this.now(),
      append: (entry) => this.append(entry),
      interrupt: (concerned, reason) => this.#waits.interrupt(concerned, reason),
      report: (message) => this.#report('run.needs-attention', { step: '', message }),
    }));
  }

  #recallHalt(): void {
    const { cancels, stopEvent } = this.history ?? {};
    if ((cancels && cancels.length > 0) || stopEvent) this.#ensureHalting().recall(cancels ?? [], stopEvent);
  }

  /** It had to wait for its turn, and has done nothing yet. */
  get #stoodInLine(): boolean {
    return this.takesTurns && this.history?.isUntouched === true && this.facts.event !== undefined;
  }

  /** The matcher tells the run of them too, but later than its first step may begin. */
  async #hearMissed(watches: readonly EventWatch[]): Promise<void> {
    const events = (await this.host.missed?.(this.facts, watches)) ?? NOTHING;
    this.#ensureHalting().hear(events.map((event) => ({ id: event.id, step: '', kind: 'event', event })));
  }

  /** Signals that came before it is known which events end the run wait for that. */
  #hearStop(): void {
    if (this.#halting?.watches === true) this.#halting.hear(this.#waits.takeLetters());
  }

  #tellStep(step: string, entries: readonly StepEntry[]): void {
    if (!this.#waits.wake(step, entries)) for (const entry of entries) this.tell(entry);
  }

  #skip(entry: Extract<JournalEntry, { kind: 'skipped' }>): void {
    if (!this.#begun) return this.tell(entry);
    (this.#skips ??= new Map()).set(entry.step, entry.output ?? {});
    this.append(entry);
    this.#waits.interrupt((path) => path === entry.step, new StepSkipped(entry.step));
  }

  async #interpret(): Promise<void> {
    try {
      const { history } = this;
      if (history?.end) return this.#ended(history.end);
      if (history?.unstartable) return this.#end({ status: 'failed', reason: history.unstartable, failed: [] });
      const obstacle = history && obstacleOf(history, this.resumed?.unreadable, this.#deaths);
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

  /** Sets the run aside, unless it is so already, and leaves it alone until a person says what is to become of it. */
  async #standAside(obstacle: Standing): Promise<void> {
    if (this.halt?.why === 'cancelled') return this.#end({ status: 'cancelled', reason: { message: this.halt.message } });
    if (!this.history?.aside) {
      const entry = { kind: 'aside', at: this.now(), ...obstacle } as const;
      this.history?.add(entry);
      this.append(entry);
      this.#waits.dropTimers();
    }
    try {
      await this.rest(obstacle.step, newStepState(), undefined);
    } catch (reason) {
      if (!(reason instanceof RunInterrupted)) throw reason;
      this.#end({ status: 'cancelled', reason: { message: reason.message } });
    }
  }

  /** Resolves when everything recorded so far is on disk, and the run itself. */
  onDisk(): Promise<void> {
    return new Promise((resolve) => {
      // What such a run recorded goes nowhere: nothing may be done on the strength of it.
      if (this.#mode !== 'computing') return;
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
    this.emit({ id: this.newId(), type, subject: `run/${run.id}`, occurredAt: new Date(this.now()), data: { run }, key });
  }

  #ended({ status, reason }: RunEnd): void {
    this.#status = status;
    this.#final = status;
    this.#reason = reason;
    this.#waits.end();
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
    // One that is set aside does not know what it will need once a person lets it go on.
    if (leaves && !this.history?.aside) this.#waits.leave();
    const status: OpenStatus = this.#waits.needing.size > 0 ? 'attention' : leaves ? 'waiting' : 'running';
    if (!leaves && status === this.#written) return undefined;
    this.#written = status;
    if (leaves) this.#mode = 'leaving';
    return { status, reason: this.history?.aside ?? this.#waits.standing, leaves, ended: false };
  }

  #trackChange(entry: JournalEntry): void {
    if (this.#deaths > 0 && isProgress(entry)) this.#deaths = 0;
    this.#waits.note(entry);
    switch (entry.kind) {
      case 'moved':
        this.#revision = entry.revision;
        return;
      case 'attention':
        return this.#ask({ step: entry.step, kind: entry.why, message: entry.message });
      case 'aside':
        return this.#ask({ step: entry.step, kind: 'failed', message: entry.message });
      case 'intent':
        if (this.#seq >= MOST_ROWS) throw runErrors['journal-limit']();
        return;
      default:
        // The other kinds ask nothing of anybody.
        return;
    }
  }

  #ask(attention: Attention): void {
    this.#waits.ask(attention);
    this.#report('run.needs-attention', attention);
    this.host.asked(this, attention);
  }
}

const NOTHING: readonly never[] = [];
