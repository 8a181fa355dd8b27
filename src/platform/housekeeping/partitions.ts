/**
 * Tables that are cut by time: their partitions, and making one.
 *
 * The key is a UUIDv7, so a range of ids is a range of time. `<table>_origin` is what was there before the table was cut,
 * `<table>_2026w47` a week, `<table>_2026m11` a month, and `<table>_stray` takes rows whose time has no partition: it is empty as long as
 * housekeeping runs and clocks are right. Making a partition moves its strays into it.
 */
import { lowestUuid, momentOf, type Period, type PeriodLength } from './period.ts';
import type { OwnerSession } from './owner-session.ts';

/** A table that was made with `cut_by_time` (migration 0006). */
export interface PartitionedTable {
  readonly name: string;
  /** The column with the UUIDv7; the first of the primary key. */
  readonly key: string;
  readonly length: PeriodLength;
  /** Storage parameters of each partition: `fillfactor = 60`. */
  readonly storage?: string;
  /** The table has the triggers `append_only` and `append_only_truncate`. */
  readonly appendOnly: boolean;
}

export interface Partition {
  readonly name: string;
  /** 1970 for the origin. */
  readonly from: Date;
  /** Not including this moment. */
  readonly to: Date;
}

/** The partitions of a table, oldest first, without the one for strays. */
export async function partitionsOf(session: OwnerSession, table: PartitionedTable): Promise<readonly Partition[]> {
  const rows = await session.rows<{ name: string; lower_id: string; upper_id: string }>(
    'select name::text, lower_id::text, upper_id::text from partitions_of($1::regclass) where upper_id is not null',
    [table.name],
  );
  return rows.map(({ name, lower_id: from, upper_id: to }) => ({ name, from: momentOf(from), to: momentOf(to) }));
}

/** Tells whether one of `partitions` takes rows of `period`. */
export function covers(partitions: readonly Partition[], { from, to }: Period): boolean {
  return partitions.some((partition) => partition.from <= from && partition.to >= to);
}

/**
 * Makes the partition of `period` and moves the strays of that time into it. Readers and writers wait for some milliseconds.
 * @returns how many strays were moved
 * @throws housekeeping.tables-busy
 */
export function makePartition(session: OwnerSession, table: PartitionedTable, period: Period): Promise<number> {
  const { name, storage, appendOnly } = table;
  const partition = `${name}_${period.name}`;
  const [from, to] = [lowestUuid(period.from), lowestUuid(period.to)];
  return session.withShortLocks(async () => {
    await session.rows(`create table ${partition} (like ${name} including all)${storage === undefined ? '' : ` with (${storage})`}`);
    await session.rows(`alter table ${partition} enable row level security`);
    await session.rows(`alter table ${partition} force row level security`);
    // Others come through the parent, whose policies and rights then count; nobody else has any here.
    await session.rows(`create policy owner_rows on ${partition} to kassaflow_owner using (true) with check (true)`);
    if (appendOnly) {
      await session.rows(
        `create trigger append_only_truncate before truncate on ${partition} for each statement execute function refuse_change()`,
      );
    }
    await session.rows(`lock table ${strayOf(table)} in access exclusive mode`);
    const moved = await moveStrays(session, table, partition, from, to);
    await session.rows(`alter table ${name} attach partition ${partition} for values from ('${from}') to ('${to}')`);
    return moved;
  });
}

/** The partition for rows that have no other. */
export function strayOf({ name }: PartitionedTable): string {
  return `${name}_stray`;
}

async function moveStrays(session: OwnerSession, table: PartitionedTable, partition: string, from: string, to: string): Promise<number> {
  const stray = strayOf(table);
  const range = `${table.key} >= '${from}' and ${table.key} < '${to}'`;
  const moved = await session.count(`insert into ${partition} select * from ${stray} where ${range}`);
  if (moved === 0) return 0;
  if (table.appendOnly) await session.rows(`alter table ${stray} disable trigger append_only`);
  await session.rows(`delete from ${stray} where ${range}`);
  if (table.appendOnly) await session.rows(`alter table ${stray} enable trigger append_only`);
  return moved;
}
