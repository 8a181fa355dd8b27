import type { AttentionKind } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import type { FinalStatus } from '../run.ts';

/** Is told what happens to runs, for counting and tracing. Called on the hot path. */
export interface RunWatch {
  /** A new run is on disk. */
  started(run: LiveRun): void;
  ended(run: LiveRun, status: FinalStatus): void;
  /** A step waits for a person. */
  asked(run: LiveRun, kind: AttentionKind): void;
  /** A flush that wrote `items` starts and checkpoints took so long until it was known to be on disk. */
  flushed(items: number, ms: number): void;
}
