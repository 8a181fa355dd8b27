/**
 * What a flow may ask of the world while it runs. The interpreter knows only this; behind it stand the journal in Postgres,
 * the one in memory, and others to come.
 *
 * The contract of every method: the first time, it asks the world and records the answer; when the run is resumed in another
 * process, it hands back what was recorded and asks nobody. So the interpreter may be run again from the first step at
 * any time, and must itself be deterministic: no clock, no randomness, no value from anywhere but here.
 *
 * Steps are named by their path. A path is used once per run.
 *
 * A method may reject with {@link RunInterrupted} (the run was cancelled, or a sibling branch said stop), which the
 * interpreter lets through, or never settle at all: when the process loses the run or the run leaves memory to wait, its
 * promises are simply dropped. So nothing may be held open across an `await`.
 */
import type { RetryPolicy } from '../flows/language/compiled-flow.ts';
import type { RunFacts } from './run.ts';

/** What a step needs to see of the present. */
export interface ReadPlan {
  /** Subject names, `payment`, `customer`, …: their current state is read by the id that the event carries. */
  readonly subjects: readonly string[];
  /** Whether it needs the present moment. */
  readonly now: boolean;
}

/** What it saw. */
export interface Reads {
  /** A subject that the event does not name, or that no longer exists, is absent. */
  readonly subjects: Readonly<Record<string, unknown>>;
  /** ISO 8601 in UTC, when asked for. */
  readonly now?: string;
}

/** One call of an action, resolved. */
export interface StepRequest {
  readonly path: string;
  readonly action: string;
  /** Name of the connection, when the flow names one. */
  readonly via: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  readonly retry: RetryPolicy;
  readonly onUnknown: 'resend' | 'ask';
  readonly timeoutMs: number | undefined;
}

/** What later steps read as `steps.<id>`: the output's fields, with `outcome` and `status` always present. */
export type StepValue = Readonly<Record<string, unknown>> & { readonly outcome: 'ok' | 'declined' };

/** A pure step, for the timeline and as a check on replay. */
export type Note =
  | { readonly kind: 'set'; readonly step: string; readonly values: Readonly<Record<string, unknown>> }
  | { readonly kind: 'skip'; readonly step: string }
  | { readonly kind: 'chose'; readonly step: string; readonly branch: number }
  | { readonly kind: 'round'; readonly step: string; readonly again: boolean }
  | { readonly kind: 'list'; readonly step: string; readonly elements: readonly unknown[] };

/** A part of a run that goes on by itself, with its own context. */
export type Branch = (context: RunContext) => Promise<void>;

/** Events that somebody waits for. */
export interface EventWatch {
  /** Types of events. */
  readonly events: readonly string[];
  /** As {@link EventInterest.key}. */
  readonly key: string | undefined;
  /** Whether this event is the one; computed from values that do not change. @throws expression.* */
  readonly meant: (event: ArrivedEvent) => boolean;
}

/** Waiting for one event. */
export interface EventWait extends EventWatch {
  readonly path: string;
  /** The moment at which nobody waits any more; gets the present and is called only the first time. */
  readonly until: ((now: Date) => Date) | undefined;
}

/** `type` is empty, and `id` too, when a person stood in for the event. */
export interface ArrivedEvent {
  /** `uuid`. */
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Asking a person. */
export interface PersonQuestion {
  readonly path: string;
  readonly text: string;
  readonly who: string;
  readonly choices: readonly string[];
  readonly until: ((now: Date) => Date) | undefined;
}

export interface PersonAnswer {
  readonly choice: string;
  readonly by: string;
  readonly note: string;
}

/** Running another flow. */
export interface ChildRequest {
  readonly path: string;
  readonly flow: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly waits: boolean;
}

export interface ChildResult {
  /** `uuid`. */
  readonly run: string;
  /** `running` when nobody waits for its end. */
  readonly status: 'completed' | 'stopped' | 'running';
}

export interface RunContext {
  readonly facts: RunFacts;

  /** Called before each step. @throws RunInterrupted when this branch is not to begin another one */
  proceed(path: string): void;

  /** The present, as far as the step at `path` needs it; the same for every use within the step and on replay. */
  read(path: string, plan: ReadPlan): Promise<Reads>;

  /**
   * Calls an action, with retries and questions until its outcome is known, and gives its result; a decline is a result.
   * The effect is observed at most once per attempt group, by the rules of README.md.
   *
   * @throws StepFailed when it surely did not happen and will not be tried again
   */
  step(request: StepRequest): Promise<StepValue>;

  /** Resolves at or after the moment that `until` gives; `until` gets the present and is called only the first time. */
  sleep(path: string, until: (now: Date) => Date): Promise<void>;

  /**
   * Resolves with the first event that is meant, or with `undefined` when the time is over. Seen are events recorded since the
   * one, or the time-out, that last let this branch go from such a wait, or since the run began: one that came while the branch did something else is not
   * missed. The event that started the run, and those that ended an earlier wait of the branch, are never meant.
   *
   * @throws StepFailed when whether an event is meant cannot be computed
   */
  waitFor(wait: EventWait): Promise<ArrivedEvent | undefined>;

  /** Resolves with the answer, or with `undefined` when the time is over. */
  ask(question: PersonQuestion): Promise<PersonAnswer | undefined>;

  /**
   * Starts a run of another flow, once.
   * @throws StepFailed when it failed, was cancelled or cannot be started; `flow.too-deep` below five others
   */
  child(request: ChildRequest): Promise<ChildResult>;

  /**
   * From now on the run ends when one of these events arrives: no step begins any more, a call under way is finished. Resolves when it is
   * known of those that came while the run stood in line; nothing for one that did not.
   */
  stopOn(watches: readonly EventWatch[]): Promise<void> | undefined;

  /**
   * Runs branches, `atOnce` at a time, and waits for all of them. With `stop-others` the failure of one keeps the others from
   * beginning another step; a call under way is finished and recorded.
   *
   * @throws StepFailed the failure of the first failed branch, in the order of `branches`, naming every failed step
   */
  parallel(path: string, branches: readonly Branch[], whenOneFails: 'finish-others' | 'stop-others', atOnce?: number): Promise<void>;

  /** Runs `body`, which must not take longer. @throws StepFailed `step.timed-out` when it did; a call under way is finished first */
  within(path: string, timeoutMs: number, body: Branch): Promise<void>;

  /** What a person gave in place of the step's result, when one decided to skip it. */
  skipped(path: string): Readonly<Record<string, unknown>> | undefined;

  /** Records that a step with an `undo` is done. @returns its place among those: the last one done has the highest */
  done(path: string): number;

  /** Records that the step was taken back, or why it could not be; a person is told of the latter. */
  noteUndone(path: string, problem?: string): void;

  /** Records the elements of a `for-each`. @returns those to go through: after some retries the ones of before */
  list(path: string, elements: readonly unknown[]): readonly unknown[];

  /** Records a pure step. @throws runs.replay-diverged when another was recorded at this path */
  note(note: Note): void;

  /**
   * The step fails, or stops the run, by what the flow computes. Recorded in a parallel group: on a replay the step must come to that
   * again, whatever another branch has done to the group since.
   */
  left(path: string): void;

  /**
   * For what comes after a failure: `undo` steps and the flow's `on-failure`. As this one, but no longer bound by a `timeout`, and
   * ended only by a person who cancels without undo.
   */
  handler(): RunContext;

  /** Records a domain event in the journal's next commit, once. */
  emit(path: string, type: string, data: Readonly<Record<string, unknown>>): void;
}

/** A step did not and will not happen. Handlers (`on-failure`) see these fields as `error`. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';

  constructor(
    message: string,
    /** Paths of all steps that failed, the decisive one first: a retry begins again at these. */
    readonly steps: readonly string[],
    readonly code: string,
    /** True when nobody may handle it: the run's own record is in doubt. */
    readonly fatal = false,
  ) {
    super(message);
  }
}

/** This branch ends here, whatever its steps say about failures: the run was stopped, cancelled or timed out, or a sibling failed. */
export class RunInterrupted extends Error {
  override readonly name = 'RunInterrupted';
  /** For `timed-out`: path of the step whose time is over; empty for the flow. */
  readonly bound: string;
  /** For `cancelled`: what was done is to be taken back. */
  readonly undo: boolean;

  constructor(
    readonly why: 'stopped' | 'cancelled' | 'timed-out' | 'sibling',
    message: string,
    readonly step?: string,
    more: { readonly bound?: string; readonly undo?: boolean } = {},
  ) {
    super(message);
    this.bound = more.bound ?? '';
    this.undo = more.undo ?? false;
  }
}

/** A person decided that the step at `path` counts as skipped while it rested. */
export class StepSkipped extends Error {
  override readonly name = 'StepSkipped';

  constructor(readonly path: string) {
    super('The step was skipped.');
  }
}

/** The branch that came to `step` ends at the `timeout` of the flow, or of the step at `bound`. */
export function timedOut(step: string | undefined, bound = ''): RunInterrupted {
  const what = bound === '' ? 'run' : 'step';
  return new RunInterrupted('timed-out', `The ${what} did not end within the time that its flow gives it.`, step, { bound });
}
