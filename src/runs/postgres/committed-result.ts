/** What a flush did whose answer was lost, read back by the keys of what it wanted to write. */
import type pg from 'pg';
import { eventDigest, type FirstCheckpoints, type FlushBatch } from './flush-batch.ts';
import type { FlushRow } from './queries/flush.ts';
import { EXISTING_RUNS, FIND_KEYS, READ_CURSOR } from './queries/find-keys.ts';

/** What a flush did. `accepted` and `started` are null when it took everything. */
export interface FlushResult {
  readonly moved: boolean;
  readonly accepted: ReadonlySet<string> | null;
  readonly started: ReadonlySet<string> | null;
  /** Runs that wait for their turn. */
  readonly queued: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** What the row that a flush returns says. */
export function resultOf({ moved, accepted, started, queued }: FlushRow): FlushResult {
  return {
    moved: moved === 1,
    accepted: accepted && new Set(accepted),
    started: started && new Set(started),
    queued: queued && queued.length > 0 ? new Set(queued) : NONE,
  };
}

/**
 * Only for a flush that is known to be committed, under the lease `epoch`, which still holds. A run that was queued then may have had its
 * turn since, in another process: what was started here is still this lease's, or left memory in the same flush.
 */
export async function committedResult(
  client: pg.ClientBase,
  { starts }: FlushBatch,
  first: FirstCheckpoints,
  epoch: string,
): Promise<FlushResult> {
  const left = new Set([...first].flatMap(([run, checkpoint]) => (checkpoint?.row?.leaves === true ? [run.facts.id] : [])));
  const events = starts.flatMap(({ event }) => (event ? [event] : []));
  const keys = await client.query<{ event_id: string }>(FIND_KEYS, [
    events.map(({ tenantId }) => tenantId),
    events.map(({ source, sourceId }) => eventDigest(source, sourceId)),
  ]);
  const runs = await client.query<{ id: string; queued: boolean; epoch: string }>(EXISTING_RUNS, [
    starts.flatMap((start) => start.runs.map(({ facts }) => facts.id)),
  ]);
  const cursor = starts.find((start) => start.cursor)?.cursor;
  const stands = cursor && (await client.query<{ seq: string }>(READ_CURSOR, [cursor.subscriber])).rows[0];
  return {
    moved: cursor !== undefined && stands !== undefined && BigInt(stands.seq) >= cursor.upTo,
    accepted: new Set(keys.rows.map(({ event_id }) => event_id)),
    started: new Set(runs.rows.flatMap((run) => (run.epoch === epoch || (!run.queued && left.has(run.id)) ? [run.id] : []))),
    queued: new Set(runs.rows.flatMap(({ id, queued }) => (queued ? [id] : []))),
  };
}
