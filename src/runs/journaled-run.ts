/** What a run gives to the contexts of its branches: its journal so far, and the ways to write on. */
import type { StepHost } from './execute-step.ts';
import type { History } from './history.ts';
import type { Halt } from './halt.ts';
import type { JournalEntry } from './journal-entry.ts';
import type { EventWatch, ReadPlan, RunInterrupted } from './run-context.ts';
import type { StepState } from './step-state.ts';

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

/** Implemented by the run in memory; contexts and steps know no more of it than this. */
export interface JournaledRun extends StepHost {
  /** What is recorded already, for a run that was resumed. */
  readonly history: History | undefined;
  /** What ends the run before its steps are through. */
  readonly halt: Halt | undefined;
  /** Milliseconds since 1970 at which it began: what was recorded before is nothing to it. */
  readonly beganAt: number;
  append(entry: JournalEntry): void;
  emit(event: EmittedEvent): void;
  /** A `uuid`, ascending in time. */
  newId(): string;
  readSubjects(plan: ReadPlan): Promise<Readonly<Record<string, unknown>>>;
  /** A branch becomes several, or the last of several comes back. */
  branched(by: number): void;
  /** Wakes the branches that rest at these steps with `reason`. */
  interruptSleepers(concerned: (path: string, state: StepState) => boolean, reason: RunInterrupted): void;
  /** Listens for events that end the run, from now on. Resolves when those are known that came while it stood in line. */
  watch(watches: readonly EventWatch[]): Promise<void> | undefined;
  /** What a person gave in place of the step's result. */
  skipped(path: string): Readonly<Record<string, unknown>> | undefined;
  /** Records that a step which can be taken back is done. @returns its place among those */
  done(path: string): number;
  /** Records that the step at `path` was taken back, or why not, once. */
  noteUndone(path: string, problem: string | undefined): void;
  /** What is at `path` must be done within this time, from when this was said first. */
  bind(path: string, timeoutMs: number): void;
  /** It is done. */
  unbind(path: string): void;
  /** The time of what is at `path` (empty: of the flow) is over: by the clock, or because it is recorded. */
  isLate(path: string): boolean;
  /** Records that it is over, once. */
  timeOut(path: string): void;
  /** What comes after a failure begins: no deadline holds any more. */
  handle(): void;
}
