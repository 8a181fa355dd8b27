/** What a flush is made of: everything that waits to be written, and what that brings with it. */
import { newUuid } from '../../kernel/ids.ts';
import type { Checkpoint, LiveRun } from '../live-run.ts';
import type { AskedQuestion, ChildOver, CommandAnswer, Start } from './flush-batch.ts';
import type { Sending } from './halve-batch.ts';
import type { LaneHost } from './lane-host.ts';

export interface Pending {
  readonly starts: readonly Start[];
  readonly dirty: readonly LiveRun[];
  readonly answers: readonly CommandAnswer[];
}

/** Takes the checkpoints. Waits only for the flows of sub-flows. */
export async function gather(pending: Pending, host: Pick<LaneHost, 'now' | 'emittedStarts' | 'childStarts'>): Promise<Sending> {
  const starts = [...pending.starts];
  const questions: AskedQuestion[] = [];
  const childrenOver: ChildOver[] = [];
  const checkpoints = pending.dirty.flatMap((run) => checkpointOf(run, host.now()) ?? []);
  for (const checkpoint of checkpoints) {
    const { run, emitted, questions: asked, children } = checkpoint;
    const own = asked.map((question) => ({ id: newUuid(), run, question }));
    questions.push(...own);
    if (emitted.length > 0 || own.length > 0) starts.push(...host.emittedStarts(checkpoint, own));
    if (children.length === 0) continue;
    const { starts: begun, over } = await host.childStarts(checkpoint);
    starts.push(...begun);
    childrenOver.push(...over);
  }
  const first = new Map<LiveRun, Checkpoint | undefined>();
  for (const { runs } of starts) for (const run of runs) first.set(run, run.plain ? run.checkpoint() : undefined);
  return { batch: { starts, checkpoints, answers: pending.answers, questions, childrenOver }, first };
}

function checkpointOf(run: LiveRun, now: number): Checkpoint | undefined {
  run.queued = false;
  if (run.idle) run.wakeDue(now);
  return run.checkpoint();
}
