/** What stands between a run in memory and the backend that keeps it. */
import type { Gate } from '../guards/gate.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ActionDoor } from '../plugin-host/action-call.ts';
import type { EmittedEvent } from './journaled-run.ts';
import type { Attention } from './open-questions.ts';
import type { RunEvent, RunFacts, RunReason, RunStatus } from './run.ts';
import type { EventWatch } from './run-context.ts';
import type { RunSettings } from './run-settings.ts';
import type { WaitChanges } from './waits.ts';

/** What a run wants written at once: one journal row and what goes with it. */
export interface CheckpointOf<Run> extends WaitChanges {
  readonly run: Run;
  /** Number of the journal row; absent when there are no entries. */
  readonly seq: number | undefined;
  /** The entries as a JSON array; empty text when there are none. */
  readonly entries: string;
  readonly emitted: readonly EmittedEvent[];
  /** The run row changes: status, reason and, when the run leaves memory or is over, its owner. */
  readonly row:
    { readonly status: RunStatus; readonly reason: RunReason | undefined; readonly leaves: boolean; readonly ended: boolean } | undefined;
  /** The run follows this revision of its flow from now on. */
  readonly revision: number | undefined;
  readonly waiters: readonly (() => void)[];
}

/** What a run needs from the backend that keeps it. */
export interface HostOf<Run> {
  readonly door: ActionDoor;
  /** Guards of calls outside the flows; absent where there are none. */
  readonly gate?: Gate | undefined;
  readonly clock: Clock;
  readonly settings: RunSettings;
  /** The process is about to stop: calls under way are finished and recorded, no other one begins. */
  readonly stopping: boolean;
  /** Whether the run is surely nobody else's now, so that a call may leave. Absent where nobody takes runs over. */
  mayLeave?(): boolean;
  random(): number;
  /** Ids of events and runs; absent where nothing must come out the same twice. */
  newId?(): string;
  /** The current state of the subjects that the run's event names; waits for as long as they cannot be read. */
  readSubjects(facts: RunFacts, names: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /**
   * Events that were recorded while the run stood in line, of those that end it: it must know of them before it does anything. Waits for
   * as long as they cannot be read. Absent where nobody stands in line.
   */
  missed?(facts: RunFacts, watches: readonly EventWatch[]): Promise<readonly RunEvent[]>;
  /** The run waits for a person, in the checkpoint that comes next. */
  asked(run: Run, attention: Attention): void;
  /** The run has something to write. Called often; the backend remembers it. */
  touched(run: Run): void;
  /** A defect of the program showed in this run. */
  defect(run: Run, error: unknown): void;
  /** A replay hears of every recorded value that was computed again; without it a difference ends the run. */
  compare?(step: string, what: string, recorded: unknown, computed: unknown): void;
}
