/** Where a flush may be cut by a test: the crash table in ../README.md. */
import { crashPoint } from '../../platform/crash-points.ts';
import type { FlushBatch } from './flush-batch.ts';

export function crashPointsBefore({ starts, checkpoints }: FlushBatch): void {
  for (const start of starts) crashPoint(start.cursor ? 'dispatch.flush.before' : 'intake.flush.before');
  for (const { row } of checkpoints) if (row?.ended) crashPoint('run.finished.before');
}

export function crashPointsAfter({ starts, checkpoints }: FlushBatch): void {
  for (const start of starts) crashPoint(start.cursor ? 'dispatch.flush.after' : 'intake.flush.after');
  for (const { row, timersGone, entries } of checkpoints) {
    if (row?.ended) crashPoint('run.finished.after');
    if (timersGone.length > 0) crashPoint('timer.fired.after');
    if (entries.includes('"kind":"answer"')) crashPoint('step.result.after');
  }
}
