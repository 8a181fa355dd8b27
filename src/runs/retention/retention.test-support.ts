/** Runs, journals and events of any moment, and housekeeping at any moment, for tests of retention. */
import { randomUUID } from 'node:crypto';
import type { TestDatabase } from '../../../test/support/database.ts';
import type { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import { makePartition, partitionsOf, covers, type PartitionedTable } from '../../platform/housekeeping/partitions.ts';
import { lowestUuid, periodOf } from '../../platform/housekeeping/period.ts';
import type { HousekeepingTask } from '../../platform/housekeeping/task.ts';

export const DAY_MS = 86_400_000;

/** A moment some days from now. Partitions begin with the present week, so tests look back from the future. */
export function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

/** An id of `moment` with random bits behind it. */
export function idAt(moment: Date): string {
  return `${lowestUuid(moment).slice(0, 14)}7${randomUUID().slice(15)}`;
}

/** Makes the partition that `moment` is in. @returns its name */
export async function partitionAt(session: OwnerSession, table: PartitionedTable, moment: Date): Promise<string> {
  const period = periodOf(moment, table.length);
  if (!covers(await partitionsOf(session, table), period)) await makePartition(session, table, period);
  return `${table.name}_${period.name}`;
}

export interface RunDraft {
  readonly startedAt: Date;
  /** Absent: it waits. */
  readonly finishedAt?: Date;
  readonly eventId?: string;
}

/** Adds a run with two journal rows. @returns its id */
export async function addRun(db: TestDatabase, { startedAt, finishedAt, eventId }: RunDraft): Promise<string> {
  const id = idAt(startedAt);
  await db.enginePool.query(
    `insert into run (id, tenant_id, flow_id, revision, epoch, status, started_at, finished_at, event_id) values ($1, $2, $3, 1, 0, $4, $5, $6, $7)`,
    [id, db.tenantId, randomUUID(), finishedAt ? 'completed' : 'waiting', startedAt, finishedAt ?? null, eventId ?? null],
  );
  await db.enginePool.query(
    `insert into run_journal (run_id, seq, tenant_id, entries) select $1, seq, $2, '[{"kind":"set"}]' from generate_series(0, 1) seq`,
    [id, db.tenantId],
  );
  return id;
}

/** Does what the task plans at `now`. @returns what it was */
export async function keepHouse(session: OwnerSession, task: HousekeepingTask, now: Date): Promise<string[]> {
  const chores = await task.plan(session, now);
  for (const chore of chores) if (chore.blocked === undefined) await chore.do(session);
  return chores.map(({ what, blocked }) => (blocked === undefined ? what : `${what} (${blocked})`));
}
