/** The usual task: rows of a table that is not cut by time, deleted a few at a time once they are old. */
import { countRows, deleteInBatches } from './batches.ts';
import type { HousekeepingTask } from './task.ts';

export interface OldRows {
  readonly name: string;
  readonly table: string;
  /** Which rows: SQL, with what `values` gives as `$1` and on. */
  readonly condition: string;
  readonly values: (now: Date) => readonly unknown[];
  /** For people. */
  readonly what: (count: number) => string;
  /** A table whose rows go with them, which may be many for each: they go first. `condition` has the same values. */
  readonly first?: { readonly table: string; readonly condition: string };
}

export function rowsTask({ name, table, condition, values, what, first }: OldRows): HousekeepingTask {
  return {
    name,
    plan: async (session, now) => {
      const given = values(now);
      const count = await countRows(session, table, condition, given);
      if (count === 0) return [];
      return [
        {
          what: what(count),
          do: async (owner) => {
            if (first) await deleteInBatches(owner, first.table, first.condition, given);
            return deleteInBatches(owner, table, condition, given);
          },
        },
      ];
    },
  };
}

/** The moment `days` before `now`. */
export function daysBefore(now: Date, days: number): Date {
  return new Date(now.getTime() - days * 86_400_000);
}
