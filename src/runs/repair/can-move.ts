/**
 * Whether a run that waits may go on with another revision of its flow: it may when the new revision, run over what is recorded,
 * computes every recorded value again and comes to stand at the very same steps. That is proved by doing it.
 */
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { replayRun, type Recording } from './replay.ts';

/** `why` is a sentence for people. */
export type MoveAnswer = { readonly movable: true } | { readonly movable: false; readonly why: string };

/**
 * @param flow the revision that it would go on with
 * @param how `move`: a run that rests goes on resting; `retry`: the journal ends with a retry, and what comes next is done anew
 */
export async function canMove(recording: Recording, flow: CompiledFlow, how: 'move' | 'retry' = 'move'): Promise<MoveAnswer> {
  const { differences, next, rests } = await replayRun(flow, recording, 'last life');
  const [first] = differences;
  if (first) {
    const { step, what, recorded, computed } = first;
    if (computed === undefined) return no(`Step ${step} was done, and the new revision does not come to it.`);
    if (recorded === undefined) return no(`The new revision does something else at step ${step}.`);
    return no(`Step ${step} has another ${what} on the new revision: ${shortened(computed)}, and ${shortened(recorded)} is recorded.`);
  }
  if (how === 'retry') return { movable: true };
  // A new time limit begins when the run goes on; nothing that is recorded depends on it.
  const ahead = next.find(({ kind }) => kind !== 'deadline');
  if (ahead)
    return no(
      ahead.kind === 'end'
        ? 'The new revision would be over already.'
        : `The new revision would do ${describe(ahead)} before the step that waits.`,
    );
  return rests ? { movable: true } : no('The new revision would call an action before the step that waits.');
}

function no(why: string): MoveAnswer {
  return { movable: false, why };
}

function describe(entry: JournalEntry): string {
  return 'step' in entry ? `step ${entry.step}` : `"${entry.kind}"`;
}

/** Values of customers may be in it, and the sentence is shown in lists. */
function shortened(json: string): string {
  return json.length > 80 ? `${json.slice(0, 79)}…` : json;
}
