/** What a run gives to the contexts of its branches: its journal so far, and the ways to write on. */
import type { StepHost } from './execute-step.ts';
import type { History } from './history.ts';
import type { JournalEntry } from './journal-entry.ts';
import type { ReadPlan, RunInterrupted } from './run-context.ts';

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
  /** Who cancelled the run. */
  readonly cancelledBy: string | undefined;
  /** The flow's time is over: by the clock, or because it is recorded. */
  readonly late: boolean;
  append(entry: JournalEntry): void;
  emit(event: EmittedEvent): void;
  readSubjects(plan: ReadPlan): Promise<Readonly<Record<string, unknown>>>;
  /** A branch becomes several, or the last of several comes back. */
  branched(by: number): void;
  /** Wakes the branches that rest at these steps with `reason`. */
  interruptSleepers(concerned: (path: string) => boolean, reason: RunInterrupted): void;
  /** Records that the flow's time is over, once. */
  timeOut(): void;
  /** The flow's steps are over, and its `on-failure` begins. */
  liftDeadline(): void;
}
