import type { AttentionKind } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunWatch } from '../postgres/run-watch.ts';
import type { FinalStatus } from '../run.ts';
import type { RunCounts } from './run-counts.ts';
import type { TracedEvent, TracedRuns } from './traced-runs.ts';

/** Counts and traces. */
export class BothWatch implements RunWatch {
  constructor(
    private readonly counts: RunCounts,
    private readonly traces: TracedRuns,
  ) {}

  accepting(event: TracedEvent): (result: string) => void {
    return this.traces.accepting(event);
  }

  started(run: LiveRun): void {
    this.counts.started(run);
    this.traces.started(run);
  }

  resumed(run: LiveRun): void {
    this.traces.resumed(run);
  }

  ended(run: LiveRun, status: FinalStatus): void {
    this.counts.ended(run, status);
    this.traces.ended(run, status);
  }

  released(run: LiveRun): void {
    this.traces.released(run);
  }

  asked(run: LiveRun, kind: AttentionKind): void {
    this.counts.asked(run, kind);
    this.traces.asked(run, kind);
  }

  flushed(items: number, ms: number): void {
    this.counts.flushed(items, ms);
    this.traces.flushed(items, ms);
  }
}
