/**
 * Moving a run that stands to the newest revision of its flow. The run is this lane's while it is looked at, so nothing can happen to
 * it between the proof and the move.
 *
 * The revision in the run's row is the one that is interpreted; the entry `moved` says who wanted it. Between the two a process
 * may die: then the run follows the revision that it was proved to follow, and the command, still unanswered, finds it there.
 */
import type { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import type { ActionDoor } from '../../plugin-host/action-call.ts';
import type { JournalEntry } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import { canMove } from '../repair/can-move.ts';
import type { Lane } from './lane.ts';
import { LOAD_JOURNALS } from './queries/load-runs.ts';
import { MOVE_RUN, NEWEST_REVISION } from './queries/move-run.ts';
import type { Resume } from './resume.ts';

export type Moved =
  | { readonly kind: 'moved'; readonly run: LiveRun; readonly revision: number }
  /** The lease was lost meanwhile: whoever has the run now finds the command. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly code: string; readonly why: string };

export interface MovePorts {
  readonly resume: Resume;
  readonly catalogue: FlowCatalogue;
  readonly door: ActionDoor;
  readonly publicUrl: string;
}

/** After ten seconds the run is left to whoever takes over the lease. */
const MOST_TRIES = 100;
const PAUSE_MS = 100;

export class Moves {
  constructor(private readonly ports: MovePorts) {}

  /** @param how `retry`: the steps that failed may be others on the newest revision; all that was done must be the same */
  async toNewest(lane: Lane, run: LiveRun, how: 'move' | 'retry'): Promise<Moved> {
    const { id, flowId, revision } = run.facts;
    const { newest, entries } = await lane.between(async (client) => ({
      newest: (await client.query<{ revision: number }>(NEWEST_REVISION, [flowId])).rows[0]?.revision ?? revision,
      entries: (await client.query<{ entries: readonly JournalEntry[] }>(LOAD_JOURNALS, [[id]])).rows.flatMap((row) => row.entries),
    }));
    if (newest === revision) return how === 'retry' ? { kind: 'moved', run, revision } : refused('It is on the newest revision already.');
    const obstacle = await this.#obstacle(run, newest, how === 'retry' ? [...entries, A_RETRY] : entries, how);
    if (obstacle !== undefined) return refused(obstacle);
    // From here on the old revision must not be interpreted any more, whatever becomes of the connection.
    const { lease } = lane;
    for (let tries = 0; tries < MOST_TRIES && lane.lease === lease; tries += 1) {
      try {
        await lane.between((client, epoch) => client.query(MOVE_RUN, [id, newest, epoch]));
        const moved = await this.ports.resume.reload(lane, id);
        return moved ? { kind: 'moved', run: moved, revision: newest } : { kind: 'gone' };
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
    return { kind: 'gone' };
  }

  async #obstacle(run: LiveRun, newest: number, entries: readonly JournalEntry[], how: 'move' | 'retry'): Promise<string | undefined> {
    const { catalogue, door, publicUrl } = this.ports;
    try {
      const flow = await catalogue.compiled(run.facts.flowId, newest);
      const answer = await canMove({ facts: run.facts, entries, actions: door.manifests(), publicUrl }, flow, how);
      return answer.movable ? undefined : answer.why;
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      return error.message;
    }
  }
}

/** What the run would do after it: for the proof alone, so nobody asked for it. */
const A_RETRY: JournalEntry = { kind: 'retry', at: 0, by: '' };

function refused(why: string): Moved {
  return { kind: 'refused', code: 'runs.not-movable', why };
}
