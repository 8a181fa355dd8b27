/** Deleting many rows a few at a time, for tables that are not cut by time. */
import { crashPoint } from '../crash-points.ts';
import type { OwnerSession } from './owner-session.ts';

/** Rows per statement, so that no delete holds its locks for long. */
const BATCH = 1_000;

/** Where counting ends, so that a plan is quick. */
export const COUNTED_TO = 1_000_000;

/** Deletes what `condition` says of `table`. @returns how many rows */
export async function deleteInBatches(
  session: OwnerSession,
  table: string,
  condition: string,
  values: readonly unknown[],
): Promise<number> {
  const statement = `delete from ${table} where ctid = any (array(select ctid from ${table} where ${condition} limit ${BATCH}))`;
  for (let total = 0; ;) {
    const deleted = await session.count(statement, values);
    crashPoint('housekeeping.batch.after');
    total += deleted;
    if (deleted < BATCH) return total;
  }
}

/** How many rows there are, counted to {@link COUNTED_TO}. */
export async function countRows(session: OwnerSession, table: string, condition: string, values: readonly unknown[]): Promise<number> {
  const [row] = await session.rows<{ n: number }>(
    `select count(*)::int as n from (select from ${table} where ${condition} limit ${COUNTED_TO}) counted`,
    values,
  );
  return row?.n ?? 0;
}
