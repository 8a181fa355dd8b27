/**
 * Runs and journals go when they have been over for as long as we promise to keep them.
 *
 * A week whose runs have all gone by is dropped with its journals, which takes milliseconds. In a week of which a few runs are
 * left, because they wait for something for a year or ended late, exactly these are kept: their rows are put aside, both partitions
 * are emptied, and the rows put back, in one transaction. While that is so short that nobody notices; a week with more runs left
 * stays whole until fewer are.
 */
import { lowestUuid } from '../../platform/housekeeping/period.ts';
import { partitionsOf, type Partition } from '../../platform/housekeeping/partitions.ts';
import { countRows, deleteInBatches } from '../../platform/housekeeping/batches.ts';
import type { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import type { Chore, HousekeepingTask } from '../../platform/housekeeping/task.ts';
import { ABOUT_RUNS, JOURNAL_TABLE, RUN_TABLE } from './run-tables.ts';

const DAY_MS = 86_400_000;
/** Rows that are put aside while the flushes of all lanes wait: 20,000 runs with as many journal rows take 0.3 s. */
const MOST_PUT_ASIDE = 20_000;

/** Runs are kept for `days` after their end; open ones always. */
export function runRetention(days: number): HousekeepingTask {
  return {
    name: 'runs',
    plan: async (session, now) => {
      const cutoff = new Date(now.getTime() - days * DAY_MS);
      return [...(await weekChores(session, cutoff)), ...(await leftoverChores(session, cutoff))];
    },
  };
}

/** A week of runs and the same week of journals. */
interface Week {
  readonly runs: Partition;
  readonly journals: Partition;
}

async function weekChores(session: OwnerSession, cutoff: Date): Promise<Chore[]> {
  const journals = new Map((await partitionsOf(session, JOURNAL_TABLE)).map((partition) => [partition.to.getTime(), partition]));
  const chores: Chore[] = [];
  for (const runs of await partitionsOf(session, RUN_TABLE)) {
    const of = journals.get(runs.to.getTime());
    if (runs.to > cutoff || !of) continue;
    const { total, kept } = await countWeek(session, runs, cutoff);
    if (kept === 0) chores.push(dropWeek({ runs, journals: of }, total, cutoff));
    else if (kept < total) chores.push(thinWeek({ runs, journals: of }, total, kept, cutoff));
  }
  return chores;
}

const KEPT = 'finished_at is null or finished_at >= $1';

async function countWeek(session: OwnerSession, { name }: Partition, cutoff: Date): Promise<{ total: number; kept: number }> {
  const [row] = await session.rows<{ total: number; kept: number }>(
    `select count(*)::int as total, (count(*) filter (where ${KEPT}))::int as kept from ${name}`,
    [cutoff],
  );
  return row ?? { total: 0, kept: 0 };
}

function dropWeek({ runs, journals }: Week, total: number, cutoff: Date): Chore {
  return {
    what: `drop ${runs.name} and ${journals.name}: its ${total} runs ended before ${dayOf(cutoff)}`,
    do: (session) =>
      session.withShortLocks(async () => {
        // In the order in which a flush takes them. A run may have been taken up again since it was counted.
        await session.rows(
          `lock table only ${RUN_TABLE.name}, ${runs.name}, ${JOURNAL_TABLE.name}, ${journals.name} in access exclusive mode`,
        );
        if ((await session.rows(`select from ${runs.name} where ${KEPT} limit 1`, [cutoff])).length > 0) return 0;
        await session.rows(`drop table ${runs.name}, ${journals.name}`);
        return total;
      }),
  };
}

function thinWeek({ runs, journals }: Week, total: number, kept: number, cutoff: Date): Chore {
  return {
    what: `keep ${kept} of the ${total} runs in ${runs.name}: they are open or ended since ${dayOf(cutoff)}`,
    ...(kept > MOST_PUT_ASIDE && { blocked: `more than ${MOST_PUT_ASIDE} are left; the week stays whole until fewer are` }),
    do: (session) =>
      session.withShortLocks(async () => {
        await session.rows(`lock table ${runs.name}, ${journals.name} in access exclusive mode`);
        await session.rows(`create temporary table kept_run on commit drop as select * from ${runs.name} where ${KEPT}`, [cutoff]);
        await session.rows(
          `create temporary table kept_journal on commit drop as select j.* from ${journals.name} j join kept_run r on r.id = j.run_id`,
        );
        // The one place where a journal is emptied; the trigger is back when others see the table again.
        await session.rows(`alter table ${journals.name} disable trigger append_only_truncate`);
        await session.rows(`truncate ${runs.name}, ${journals.name}`);
        await session.rows(`alter table ${journals.name} enable trigger append_only_truncate`);
        const back = await session.count(`insert into ${runs.name} select * from kept_run`);
        await session.rows(`insert into ${journals.name} select * from kept_journal`);
        return total - back;
      }),
  };
}

/** What other tables still say about runs that are gone; also after a process died between the two. */
async function leftoverChores(session: OwnerSession, cutoff: Date): Promise<Chore[]> {
  const chores: Chore[] = [];
  for (const table of ABOUT_RUNS) {
    const condition = `run_id < $1 and not exists (select from ${RUN_TABLE.name} r where r.id = run_id)`;
    const values = [lowestUuid(cutoff)];
    const count = await countRows(session, table, condition, values);
    if (count > 0)
      chores.push({
        what: `delete ${count} rows of ${table} about runs that are gone`,
        do: (owner) => deleteInBatches(owner, table, condition, values),
      });
  }
  return chores;
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
