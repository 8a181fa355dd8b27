/** The {@link RunContext} over a run's journal: hands back what is recorded, does and records the rest. One per branch. */
import { isKassaflowError } from '../kernel/errors.ts';
import { idempotencyKey } from './idempotency-key.ts';
import { executeStep } from './execute-step.ts';
import type { StepEntry } from './journal-entry.ts';
import type { JournaledRun } from './journaled-run.ts';
import { runErrors } from './run.errors.ts';
import type { RunFacts } from './run.ts';
import {
  RunInterrupted,
  StepFailed,
  timedOut,
  type ArrivedEvent,
  type Branch,
  type ChildRequest,
  type ChildResult,
  type EventWait,
  type EventWatch,
  type Note,
  type PersonAnswer,
  type PersonQuestion,
  type ReadPlan,
  type Reads,
  type RunContext,
  type StepRequest,
  type StepValue,
} from './run-context.ts';
import { settlesFirst } from './halt.ts';
import type { Signal } from './signals.ts';
import { timeOf } from './uuid-time.ts';
import { inDoubt, isListening, isResting, newStepState, type Outward, type StepState } from './step-state.ts';

/** A parallel step in progress. */
interface Group {
  readonly path: string;
  /** The branch that told the others to stop, by its place. */
  stoppedBy: number | undefined;
}

/** Where a branch belongs. */
interface Place {
  readonly group: Group;
  readonly branch: number;
  readonly outer: Place | undefined;
}

/** Which events a branch has yet to see. */
interface Window {
  /** When the event came, or the time was over, by which a wait for an event last let it go. */
  since: number;
  /** Events that ended its waits. */
  readonly heard: string[];
}

/** Where in the run a context stands. */
interface Standpoint {
  readonly place: Place | undefined;
  /** Paths whose deadlines hold here; the flow's own is the empty one. */
  readonly bounds: readonly string[];
  readonly window: Window;
  /** What comes after a failure. */
  readonly handles: boolean;
}

const FLOW_ONLY: readonly string[] = [''];
/** Runs above a run. */
const DEEPEST = 5;

export class JournaledContext implements RunContext {
  readonly facts: RunFacts;
  readonly #at: Standpoint;

  constructor(
    private readonly run: JournaledRun,
    at?: Standpoint,
  ) {
    this.facts = run.facts;
    this.#at = at ?? { place: undefined, bounds: FLOW_ONLY, window: { since: run.beganAt, heard: [] }, handles: false };
  }

  proceed(path: string): void {
    if (!this.run.halt && !this.#at.place && !this.#lateBound()) return;
    if (this.run.history?.has(path)) return;
    this.#checkInterrupt(path);
  }

  async read(path: string, plan: ReadPlan): Promise<Reads> {
    const recorded = this.run.history?.read(path);
    if (recorded) return { subjects: recorded.subjects ?? {}, ...(recorded.now !== undefined && { now: recorded.now }) };
    const subjects = plan.subjects.length > 0 ? await this.run.readSubjects(plan) : {};
    const now = plan.now ? new Date(this.run.now()).toISOString() : undefined;
    this.run.append({ kind: 'read', step: path, ...(now !== undefined && { now }), ...(plan.subjects.length > 0 && { subjects }) });
    return { subjects, ...(now !== undefined && { now }) };
  }

  step(request: StepRequest): Promise<StepValue> {
    const state = this.#state(request.path);
    return executeStep(this.run, request, state, () => this.#checkInterrupt(request.path, state));
  }

  async sleep(path: string, until: (now: Date) => Date): Promise<void> {
    const state = this.#state(path);
    if (state.rested) return;
    this.#checkInterrupt(path, state);
    if (state.sleepUntil === undefined)
      this.run.record(state, { kind: 'sleep', step: path, until: until(new Date(this.run.now())).getTime() });
    await this.run.rest(path, state, state.sleepUntil);
  }

  async waitFor({ path, events, key, meant, until }: EventWait): Promise<ArrivedEvent | undefined> {
    const state = this.#state(path);
    const { window } = this.#at;
    if (state.outward) this.#compare(path, state, 'wait', { events: listened(state)?.events, key: listened(state)?.key }, { events, key });
    else {
      this.#checkInterrupt(path, state);
      const at = this.run.now();
      const since = Math.min(window.since, at);
      const end = until?.(new Date(at)).getTime();
      const interest = { events, ...(key !== undefined && { key }), since, ...(end !== undefined && { until: end }) };
      this.run.record(state, { kind: 'listen', step: path, at, ...interest });
    }
    if (isListening(state)) {
      this.#checkInterrupt(path, state);
      await this.run.listen(path, state, (signal) => this.#heard(path, signal, events, meant));
    }
    return this.#arrived(path, state, meant);
  }

  async ask({ path, text, who, choices, until }: PersonQuestion): Promise<PersonAnswer | undefined> {
    const state = this.#state(path);
    const asked = state.outward?.kind === 'asked' ? state.outward : undefined;
    if (state.outward) this.#compare(path, state, 'question', asked && [asked.text, asked.who, asked.choices], [text, who, choices]);
    else {
      this.#checkInterrupt(path, state);
      const at = this.run.now();
      const end = until?.(new Date(at)).getTime();
      this.run.record(state, { kind: 'asked', step: path, at, text, who, choices, ...(end !== undefined && { until: end }) });
    }
    if (isListening(state)) {
      this.#checkInterrupt(path, state);
      await this.run.listen(path, state, (signal) =>
        signal.kind === 'answer' && choices.includes(signal.choice)
          ? { kind: 'answered', step: path, at: this.run.now(), choice: signal.choice, by: signal.by, note: signal.note }
          : undefined,
      );
    }
    if (state.told?.kind !== 'answered') return undefined;
    const { choice, by, note } = state.told;
    return { choice, by, note };
  }

  async child({ path, flow, inputs, waits }: ChildRequest): Promise<ChildResult> {
    const state = this.#state(path);
    if (state.outward)
      this.#compare(path, state, 'sub-flow', started(state) && [started(state)?.flow, started(state)?.inputs], [flow, inputs]);
    else {
      this.#checkInterrupt(path, state);
      if ((this.facts.depth ?? 0) >= DEEPEST)
        throw new StepFailed(`A flow may run another one, but not deeper than ${DEEPEST} levels.`, [path], 'flow.too-deep');
      this.run.record(state, { kind: 'child', step: path, at: this.run.now(), run: this.run.newId(), flow, inputs, waits });
    }
    const run = started(state)?.run ?? '';
    if (!waits) return { run, status: 'running' };
    if (isListening(state)) {
      this.#checkInterrupt(path, state);
      await this.run.listen(path, state, (signal) =>
        signal.kind === 'child' && signal.run === run
          ? { kind: 'child-ended', step: path, at: this.run.now(), run, status: signal.status, message: signal.message }
          : undefined,
      );
    }
    const { told } = state;
    if (told?.kind === 'child-ended' && (told.status === 'completed' || told.status === 'stopped')) return { run, status: told.status };
    const message = told?.kind === 'child-ended' ? told.message : 'It did not end.';
    throw new StepFailed(`The flow ${flow} did not succeed: ${message}`, [path], 'flow.child-failed');
  }

  stopOn(watches: readonly EventWatch[]): Promise<void> | undefined {
    return this.run.watch(watches);
  }

  async parallel(
    path: string,
    branches: readonly Branch[],
    whenOneFails: 'finish-others' | 'stop-others',
    atOnce = branches.length,
  ): Promise<void> {
    const group: Group = { path, stoppedBy: this.run.history?.stoppedBy(path) };
    const problems: (StepFailed | RunInterrupted | undefined)[] = [];
    const windows: Window[] = [];
    const lines = Math.min(atOnce, branches.length);
    let next = 0;
    const goThrough = async (): Promise<void> => {
      for (let index = next++; index < branches.length; index = next++) {
        const window = { since: this.#at.window.since, heard: [...this.#at.window.heard] };
        windows[index] = window;
        const branch = branches[index];
        const place = { group, branch: index, outer: this.#at.place };
        if (branch) problems[index] = await this.#runBranch(branch, { ...this.#at, place, window }, whenOneFails);
      }
      this.run.branched(-1);
    };
    this.run.branched(lines - 1);
    await Promise.all(Array.from({ length: lines }, goThrough));
    this.run.branched(1);
    for (const { heard } of windows) this.#at.window.heard.push(...heard.slice(this.#at.window.heard.length));
    throwDecisive(problems.filter((problem) => problem !== undefined));
  }

  async within(path: string, timeoutMs: number, body: Branch): Promise<void> {
    this.run.bind(path, timeoutMs);
    try {
      await body(new JournaledContext(this.run, { ...this.#at, bounds: [...this.#at.bounds, path] }));
    } catch (problem) {
      if (!(problem instanceof RunInterrupted) || problem.why !== 'timed-out' || problem.bound !== path) throw problem;
      throw new StepFailed(problem.message, [path], 'step.timed-out');
    } finally {
      this.run.unbind(path);
    }
  }

  skipped(path: string): Readonly<Record<string, unknown>> | undefined {
    return this.run.skipped(path);
  }

  done(path: string): number {
    return this.run.done(path);
  }

  noteUndone(path: string, problem?: string): void {
    this.run.noteUndone(path, problem);
  }

  list(path: string, elements: readonly unknown[]): readonly unknown[] {
    const standing = this.run.history?.standingList(path);
    if (standing) return standing;
    this.note({ kind: 'list', step: path, elements });
    return elements;
  }

  note(note: Note): void {
    const recorded = this.run.history?.note(note.step);
    if (!recorded) return this.run.append(note);
    this.run.compare(note.step, note.kind, recorded, note);
  }

  emit(path: string, type: string, data: Readonly<Record<string, unknown>>): void {
    const recorded = this.run.history?.emit(path);
    if (recorded) return this.run.compare(path, 'event', recorded.type, type);
    const id = this.run.newId();
    const key = idempotencyKey(this.facts.tenantId, this.facts.id, path, 1);
    this.run.emit({ id, type, subject: '', occurredAt: new Date(this.run.now()), data, key });
    this.run.append({ kind: 'emit', step: path, type, event: id });
  }

  left(path: string): void {
    const { history } = this.run;
    if (this.#at.place && history?.comesBackTo(path) !== true) this.run.append({ kind: 'left', step: path });
  }

  handler(): RunContext {
    this.run.handle();
    return new JournaledContext(this.run, { ...this.#at, bounds: [], handles: true });
  }

  #state(path: string): StepState {
    return this.run.history?.state(path) ?? newStepState();
  }

  #compare(path: string, { stands }: StepState, what: string, recorded: unknown, computed: unknown): void {
    if (!stands) this.run.compare(path, what, recorded, computed);
  }

  /** What an event that is offered to the step comes to. */
  #heard(path: string, signal: Signal, events: readonly string[], meant: EventWatch['meant']): StepEntry | undefined {
    if (signal.kind !== 'event' || !events.includes(signal.event.type)) return undefined;
    const { id, type, data } = signal.event;
    if (id === this.facts.event?.id || this.#at.window.heard.includes(id)) return undefined;
    try {
      if (!meant({ id, type, data })) return undefined;
    } catch (error) {
      // Recorded as heard: the step fails by it, here and on every replay.
      if (!isKassaflowError(error)) throw error;
    }
    return { kind: 'heard', step: path, at: this.run.now(), event: id, type, data };
  }

  /** The event that ended the wait; nothing when its time was over. */
  #arrived(path: string, { told, overAt, outward }: StepState, meant: EventWatch['meant']): ArrivedEvent | undefined {
    const { window } = this.#at;
    // Not when it was heard of: what came in between would be seen by no wait.
    const came = told?.kind === 'heard' ? timeOfEvent(told.event) : outward?.kind === 'listen' ? outward.until : undefined;
    window.since = Math.max(window.since, Math.min(came ?? Infinity, overAt ?? window.since));
    if (told?.kind !== 'heard') return undefined;
    const { event: id, type, data } = told;
    if (id === '') return { id, type, data };
    window.heard.push(id);
    if (!meant({ id, type, data })) throw runErrors['replay-diverged']({ step: path });
    return { id, type, data };
  }

  /** Runs one branch to its end. @returns why it did not come there */
  async #runBranch(
    branch: Branch,
    at: Standpoint & { readonly place: Place },
    whenOneFails: 'finish-others' | 'stop-others',
  ): Promise<StepFailed | RunInterrupted | undefined> {
    try {
      await branch(new JournaledContext(this.run, at));
      return undefined;
    } catch (problem) {
      if (!(problem instanceof StepFailed) && !(problem instanceof RunInterrupted)) throw problem;
      const stops = problem instanceof RunInterrupted ? problem.why === 'stopped' : whenOneFails === 'stop-others' || problem.fatal;
      if (stops && at.place.group.stoppedBy === undefined) this.#stopOthers(at.place);
      return problem;
    }
  }

  #stopOthers({ group, branch }: Place): void {
    group.stoppedBy = branch;
    this.run.append({ kind: 'stopped', step: group.path, by: branch });
    this.run.interruptSleepers(
      (path, state) => path.startsWith(`${group.path}.`) && !inDoubt(state),
      new RunInterrupted('sibling', 'Another branch ended the group.'),
    );
  }

  /**
   * What ends something now did not end it then when a run that is replayed has come past the step inside of it.
   *
   * @param state of the step: when it may have been carried out, what does not have to end at once lets it find out first
   */
  #checkInterrupt(path: string, state?: StepState): void {
    const { halt } = this.run;
    const isInDoubt = state !== undefined && inDoubt(state);
    const stoppedIn = isInDoubt ? undefined : this.#stoppedGroup(path);
    // Of two that end a rest, the first did.
    const isStoppedFirst =
      stoppedIn !== undefined && state !== undefined && isResting(state) && this.run.history?.wasStoppedBeforeHalt(stoppedIn) === true;
    if (halt && !isStoppedFirst && (halt.final || !this.#at.handles) && !(state && settlesFirst(halt, state)) && !this.#isBehind(path, ''))
      throw new RunInterrupted(halt.why, halt.message, undefined, { undo: halt.undo });
    if (stoppedIn !== undefined) throw new RunInterrupted('sibling', 'Another branch ended the group.');
    const late = isInDoubt ? undefined : this.#lateBound();
    if (late === undefined || this.#isBehind(path, late)) return;
    this.run.timeOut(late);
    throw timedOut(path, late);
  }

  /** The group around the step that another branch has ended. */
  #stoppedGroup(path: string): string | undefined {
    for (let { place } = this.#at; place; place = place.outer) {
      const { stoppedBy, path: group } = place.group;
      if (stoppedBy !== undefined && stoppedBy !== place.branch && !this.#isBehind(path, group)) return group;
    }
    return undefined;
  }

  #isBehind(path: string, outer: string): boolean {
    return this.run.history?.isBehind(path, outer) === true;
  }

  #lateBound(): string | undefined {
    return this.#at.bounds.find((bound) => this.run.isLate(bound));
  }
}

/** Of several branches that did not come to their end, the one that says what becomes of the group. */
function throwDecisive(problems: readonly (StepFailed | RunInterrupted)[]): void {
  const decisive = problems.find((problem) => problem instanceof RunInterrupted && problem.why !== 'sibling');
  if (decisive) throw decisive;
  const failures = problems.filter((problem) => problem instanceof StepFailed);
  const first = failures.find(({ fatal }) => fatal) ?? failures[0];
  if (!first) return;
  const others = failures.filter((other) => other !== first).flatMap(({ steps }) => steps);
  throw new StepFailed(first.message, [...first.steps, ...others], first.code, first.fatal);
}

/** Nothing when a person stood in for the event. */
function timeOfEvent(id: string): number | undefined {
  return id === '' ? undefined : timeOf(id);
}

function listened({ outward }: StepState): Extract<Outward, { kind: 'listen' }> | undefined {
  return outward?.kind === 'listen' ? outward : undefined;
}

function started({ outward }: StepState): Extract<Outward, { kind: 'child' }> | undefined {
  return outward?.kind === 'child' ? outward : undefined;
}
