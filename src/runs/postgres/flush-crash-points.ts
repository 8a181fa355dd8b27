/** Where a flush may be cut by a test: the crash table in ../README.md. */
import { crashPoint } from '../../platform/crash-points.ts';
import type { FlushBatch } from './flush-batch.ts';

export function crashPointsBefore(batch: FlushBatch): void {
  for (const start of batch.starts) crashPoint(start.cursor ? 'dispatch.flush.before' : 'intake.flush.before');
  if (batch.answers.length > 0) crashPoint('command.answered.before');
  if (batch.questions.length > 0) crashPoint('question.asked.before');
  if (batch.childrenOver.length > 0) crashPoint('child.ended.before');
  for (const { row, timersSet, interestsSet, signalsTaken, children } of batch.checkpoints) {
    if (row?.ended) crashPoint('run.finished.before');
    if (timersSet.length > 0) crashPoint('sleep.set.before');
    if (interestsSet.length > 0) crashPoint('wait.set.before');
    if (signalsTaken.length > 0) crashPoint('signal.taken.before');
    if (children.length > 0) crashPoint('child.started.before');
  }
}

export function crashPointsAfter(batch: FlushBatch): void {
  for (const start of batch.starts) crashPoint(start.cursor ? 'dispatch.flush.after' : 'intake.flush.after');
  if (batch.answers.length > 0) crashPoint('command.answered.after');
  if (batch.questions.length > 0) crashPoint('question.asked.after');
  if (batch.childrenOver.length > 0) crashPoint('child.ended.after');
  for (const { row, timersSet, timersGone, interestsSet, signalsTaken, children, entries } of batch.checkpoints) {
    if (row?.ended) crashPoint('run.finished.after');
    if (timersSet.length > 0) crashPoint('sleep.set.after');
    if (timersGone.length > 0) crashPoint('timer.fired.after');
    if (interestsSet.length > 0) crashPoint('wait.set.after');
    if (signalsTaken.length > 0) crashPoint('signal.taken.after');
    if (children.length > 0) crashPoint('child.started.after');
    if (entries.includes('"kind":"answer"')) crashPoint('step.result.after');
  }
}
