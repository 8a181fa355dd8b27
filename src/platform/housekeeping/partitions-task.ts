/** Makes the partitions of the time to come, and those that strays lack. */
import { covers, makePartition, partitionsOf, strayOf, type Partition, type PartitionedTable } from './partitions.ts';
import { lowestUuid, momentOf, periodOf, periodsFrom, type Period } from './period.ts';
import type { OwnerSession } from './owner-session.ts';
import type { Chore, HousekeepingTask } from './task.ts';

/** Two weeks or two months: so long may nobody keep house before strays appear. */
const AHEAD = 2;
/** Ids outside of this were not made by a clock that anybody would believe. */
const SENSIBLE_MS = 10 * 366 * 86_400_000;
/** Of strays of many periods some are dealt with each time. */
const STRAY_PERIODS = 10;

export function partitionsTask(tables: readonly PartitionedTable[]): HousekeepingTask {
  return {
    name: 'partitions',
    plan: async (session, now) => {
      const chores: Chore[] = [];
      for (const table of tables) {
        const partitions = await partitionsOf(session, table);
        const ahead = missing(table, partitions, now, AHEAD);
        const strays = (await strayPeriods(session, table, now)).filter(({ name }) => !ahead.some((period) => period.name === name));
        chores.push(...ahead.map((period) => choreOf(table, period)), ...strays.map((period) => choreOf(table, period, now)));
      }
      return chores;
    },
  };
}

/** Makes the partitions that rows of this moment need and that are not there. @returns their names */
export async function coverPresent(session: OwnerSession, tables: readonly PartitionedTable[], now: Date): Promise<readonly string[]> {
  const made: string[] = [];
  for (const table of tables) {
    for (const period of missing(table, await partitionsOf(session, table), now, 0)) {
      await makePartition(session, table, period);
      made.push(`${table.name}_${period.name}`);
    }
  }
  return made;
}

/** How many rows a table has that no partition takes; counted to 1,000. */
export async function countStrays(session: OwnerSession, table: PartitionedTable): Promise<number> {
  const [row] = await session.rows<{ n: number }>(`select count(*)::int as n from (select from ${strayOf(table)} limit 1000) strays`);
  return row?.n ?? 0;
}

function missing({ length }: PartitionedTable, partitions: readonly Partition[], now: Date, ahead: number): readonly Period[] {
  return periodsFrom(now, length, ahead).filter((period) => !covers(partitions, period));
}

function choreOf(table: PartitionedTable, period: Period, strayedAt?: Date): Chore {
  const sensible = strayedAt === undefined || Math.abs(period.from.getTime() - strayedAt.getTime()) < SENSIBLE_MS;
  return {
    what: `make ${table.name}_${period.name}${strayedAt ? ` for rows in ${strayOf(table)}` : ''}`,
    ...(sensible ? {} : { blocked: `no clock was right that made ids of ${period.from.toISOString().slice(0, 10)}` }),
    do: async (session) => {
      await makePartition(session, table, period);
      return 0;
    },
  };
}

async function strayPeriods(session: OwnerSession, table: PartitionedTable, now: Date): Promise<readonly Period[]> {
  const periods: Period[] = [];
  for (let from = lowestUuid(new Date(0)); periods.length < STRAY_PERIODS;) {
    const [row] = await session.rows<{ id: string }>(
      `select ${table.key}::text as id from ${strayOf(table)} where ${table.key} >= $1 order by ${table.key} limit 1`,
      [from],
    );
    if (!row) break;
    const period = periodOf(momentOf(row.id), table.length);
    periods.push(period);
    from = lowestUuid(period.to);
    // The ids of the year 10889 have no successor.
    if (momentOf(row.id).getTime() - now.getTime() > SENSIBLE_MS) break;
  }
  return periods;
}
