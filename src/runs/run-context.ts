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
  | { readonly kind: 'chose'; readonly step: string; readonly branch: number };

/** A part of a run that goes on by itself, with its own context. */
export type Branch = (context: RunContext) => Promise<void>;

/** Waiting for an event. Not executed yet: the checker refuses to publish flows that use it. */
export interface EventWait {
  readonly path: string;
  readonly events: readonly string[];
  readonly until: Date | undefined;
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

  /** Resolves with the event's payload, or `undefined` when the time is over. */
  waitFor(wait: EventWait): Promise<Readonly<Record<string, unknown>> | undefined>;

  /**
   * Runs branches at once and waits for all of them. With `stop-others` the failure of one keeps the others from
   * beginning another step; a call under way is finished and recorded.
   *
   * @throws StepFailed the failure of the first failed branch, in the order of `branches`, naming every failed step
   */
  parallel(path: string, branches: readonly Branch[], whenOneFails: 'finish-others' | 'stop-others'): Promise<void>;

  /** Records a pure step. @throws runs.replay-diverged when another was recorded at this path */
  note(note: Note): void;

  /** For the flow's `on-failure`: as this one, but no longer bound by the flow's `timeout`. */
  unbounded(): RunContext;

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

  constructor(
    readonly why: 'stopped' | 'cancelled' | 'timed-out' | 'sibling',
    message: string,
    readonly step?: string,
  ) {
    super(message);
  }
}

/** The branch that came to `step` ends at the flow's `timeout`. */
export function timedOut(step: string | undefined): RunInterrupted {
  return new RunInterrupted('timed-out', 'The run did not end within the time that its flow gives it.', step);
}
