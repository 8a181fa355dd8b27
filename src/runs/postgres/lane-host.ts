import type pg from 'pg';
import type { Checkpoint, LiveRun } from '../live-run.ts';
import type { FlushResult } from './committed-result.ts';
import type { AskedQuestion, ChildOver, FlushBatch, Start } from './flush-batch.ts';
import type { LeaseTerms } from './lease.ts';

/** What a lane needs from the engine around it. */
export interface LaneHost extends LeaseTerms {
  readonly pool: pg.Pool;
  /** Where people see this system. */
  readonly publicUrl: string;
  /** Starts for the events that this run recorded or asked with, to be written with it. */
  emittedStarts(checkpoint: Checkpoint, questions: readonly AskedQuestion[]): readonly Start[];
  /** The runs that this one starts, to be written with it, and what it is told of those that cannot be started. */
  childStarts(checkpoint: Checkpoint): Promise<{ readonly starts: readonly Start[]; readonly over: readonly ChildOver[] }>;
  /** A flush is on disk. */
  settled(batch: FlushBatch, result: FlushResult): void;
  /** A flush took so long until it was known to be on disk; `items` are starts and checkpoints. */
  flushed(items: number, ms: number): void;
  /** A new run is on disk. */
  started(run: LiveRun): void;
  /** A run that was there is in memory again. */
  resumed(run: LiveRun): void;
  /** A run left memory, however it did. */
  released(run: LiveRun): void;
  /** The lease is new: runs of dead leases may be adopted under it. */
  acquired(): void;
  /** Milliseconds since 1970 by the database's clock, by which timers are due. */
  now(): number;
  /** Timers that are now on disk. */
  timersSet(run: LiveRun, moments: readonly number[]): void;
}
