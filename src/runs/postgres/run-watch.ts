import type { AttentionKind } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import type { FinalStatus } from '../run.ts';

/** Is told what happens to runs, for counting and tracing. Called on the hot path. */
export interface RunWatch {
  /** A new run is on disk. */
  started(run: LiveRun): void;
  /** A run that was there is in memory again. */
  resumed?(run: LiveRun): void;
  ended(run: LiveRun, status: FinalStatus): void;
  /** It left memory, however it did; also one that never came to disk. */
  released?(run: LiveRun): void;
  /** A step waits for a person. */
  asked(run: LiveRun, kind: AttentionKind): void;
  /** A flush that wrote `items` starts and checkpoints took so long until it was known to be on disk. */
  flushed(items: number, ms: number): void;
  /** An event is about to be written; what it answers is called with what became of it. */
  accepting?(event: { readonly id: string; readonly type: string }): (result: string) => void;
}
