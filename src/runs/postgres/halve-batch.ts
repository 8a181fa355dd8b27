/** Finding whose value the database refuses: a batch is cut in two until the guilty one is alone. */
import type { LiveRun } from '../live-run.ts';
import type { FirstCheckpoints, FlushBatch } from './flush-batch.ts';

/** What goes into one sending of the statement. */
export interface Sending {
  readonly batch: FlushBatch;
  readonly first: FirstCheckpoints;
}

/**
 * Two parts of a sending; `undefined` when there is nothing to cut. What a run started or recorded as an event stays with the
 * checkpoint that says so, because that must be on disk together.
 */
export function halves({ batch, first }: Sending): readonly [Sending, Sending] | undefined {
  const { starts, checkpoints, answers, questions, childrenOver } = batch;
  const free = starts.filter(({ of }) => of === undefined);
  if (free.length + checkpoints.length < 2) return undefined;
  const [s, c] = [Math.ceil(free.length / 2), free.length === 0 ? Math.ceil(checkpoints.length / 2) : 0];
  const part = (ownStarts: FlushBatch['starts'], own: FlushBatch['checkpoints'], withAnswers: boolean): Sending => {
    const runs = new Set<LiveRun>(own.map(({ run }) => run));
    const all = [...ownStarts, ...starts.filter(({ of }) => of !== undefined && runs.has(of))];
    const started = new Set(all.flatMap((start) => start.runs));
    return {
      batch: {
        starts: all,
        checkpoints: own,
        answers: withAnswers ? answers : [],
        questions: questions.filter(({ run }) => runs.has(run)),
        childrenOver: childrenOver.filter(({ of }) => runs.has(of)),
      },
      first: new Map([...first].filter(([run]) => started.has(run))),
    };
  };
  return [part(free.slice(0, s), checkpoints.slice(0, c), false), part(free.slice(s), checkpoints.slice(c), true)];
}
