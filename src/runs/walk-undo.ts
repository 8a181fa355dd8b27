/**
 * Takes back what a run has done: the `undo` of every step that is done, the newest first, each once. One that fails keeps no
 * other from being tried.
 */
import { asFailure } from './as-failure.ts';
import { RunInterrupted } from './run-context.ts';
import type { Here, HandledError, Undoable, WalkSteps } from './walk.ts';

/** @returns what went wrong, for the run's reason */
export async function takeBack(here: Here, error: HandledError, walkSteps: WalkSteps): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const undoable of here.setting.undoable.toSorted((a, b) => b.order - a.order)) {
    const problem = await takeBackOne({ ...undoable.here, context: here.context, error }, undoable, walkSteps);
    if (problem !== undefined) problems.push(`${undoable.step.title} was not taken back: ${problem}`);
  }
  return problems;
}

async function takeBackOne(here: Here, { step, path }: Undoable, walkSteps: WalkSteps): Promise<string | undefined> {
  let problem: string | undefined;
  try {
    await walkSteps(here, step.undo ?? []);
  } catch (thrown) {
    // A `stop` in an undo ends that undo and nothing else.
    if (!(thrown instanceof RunInterrupted) || thrown.why !== 'stopped') {
      const failure = asFailure(thrown, path);
      if (failure.fatal) throw failure;
      problem = failure.message;
    }
  }
  here.context.noteUndone(path, problem);
  return problem;
}
