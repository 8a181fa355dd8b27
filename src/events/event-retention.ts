/**
 * Events go when they are older than we promise to keep them, a month at a time, and with them the keys by which a repeat is known.
 *
 * An event that a subscriber has not read yet, or that a run still needs, stays. Events that run out of time keep their place in the
 * order of the log: positions are never given again.
 */
import { COUNTED_TO, countRows } from '../platform/housekeeping/batches.ts';
import type { OwnerSession } from '../platform/housekeeping/owner-session.ts';
import { partitionsOf, type Partition, type PartitionedTable } from '../platform/housekeeping/partitions.ts';
import { lowestUuid } from '../platform/housekeeping/period.ts';
import type { Chore, HousekeepingTask } from '../platform/housekeeping/task.ts';

export const EVENT_TABLE: PartitionedTable = { name: 'event', key: 'id', length: 'month', appendOnly: true };

const DAY_MS = 86_400_000;
/** Events whose keys are deleted by one statement. */
const KEYS_AT_ONCE = 2_000;
/** Rows that are put aside while everybody who writes events waits: 0.3 s. */
const MOST_PUT_ASIDE = 20_000;

/** Events are kept for `days`; for longer those whose `uuid` a query of `neededBy` gives, called with the lowest id and the one after the highest. */
export function eventRetention(days: number, neededBy: readonly string[]): HousekeepingTask {
  return {
    name: 'events',
    plan: async (session, now) => {
      const cutoff = new Date(now.getTime() - days * DAY_MS);
      const chores: Chore[] = [];
      for (const partition of await partitionsOf(session, EVENT_TABLE)) {
        if (partition.to <= cutoff) chores.push(...(await monthChores(session, partition, neededBy)));
      }
      return chores;
    },
  };
}

async function monthChores(session: OwnerSession, month: Partition, neededBy: readonly string[]): Promise<Chore[]> {
  const total = await estimate(session, month);
  await collectNeeded(session, month, neededBy);
  const kept = await countRows(session, 'needed_event', 'true', []);
  if (kept > 0 && kept >= total) return [];
  const blocked = (await unreadBy(session, month)) ?? (kept > MOST_PUT_ASIDE ? `runs still need ${kept} of its events` : undefined);
  const what =
    kept === 0
      ? `drop ${month.name} with its ${total} events`
      : `keep ${kept} of the ${total} events in ${month.name}: runs still need them`;
  return [
    {
      what,
      ...(blocked === undefined ? {} : { blocked }),
      do: async (owner) => {
        await collectNeeded(owner, month, neededBy);
        await forgetKeys(owner, month);
        await removeEvents(owner, month);
        return total - kept;
      },
    },
  ];
}

/** About how many rows; counting a month of a busy system takes seconds. */
async function estimate(session: OwnerSession, { name }: Partition): Promise<number> {
  const few = await countRows(session, name, 'true', []);
  if (few < COUNTED_TO) return few;
  const [row] = await session.rows<{ n: number }>('select reltuples::float8 as n from pg_class where oid = $1::regclass', [name]);
  return Math.max(few, Math.round(row?.n ?? 0));
}

/** Puts the ids of the month's events that stay into the temporary table `needed_event`. */
async function collectNeeded(session: OwnerSession, { from, to }: Partition, neededBy: readonly string[]): Promise<void> {
  await session.rows('create temporary table if not exists needed_event (id uuid primary key)');
  await session.rows('truncate needed_event');
  for (const query of neededBy) {
    await session.rows(`insert into needed_event select id from (${query}) as needed(id) on conflict do nothing`, [
      lowestUuid(from),
      lowestUuid(to),
    ]);
  }
}

/** The subscriber that has not read all events of the month, if there is one. */
async function unreadBy(session: OwnerSession, { name }: Partition): Promise<string | undefined> {
  const [late] = await session.rows<{ subscriber: string }>(
    `select subscriber from event_cursor where seq < (select max(seq) from ${name}) order by seq limit 1`,
  );
  return late && `${late.subscriber} has not read all of its events`;
}

/** A key is the start of sha256(source, 0, source_id), as `event_key.digest` has it; our own events have none. */
async function forgetKeys(session: OwnerSession, { name }: Partition): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const [batch] = await session.transaction(async () => {
      await session.rows(`set local kassaflow.forgetting = 'on'`);
      return session.rows<{ last: string | null }>(FORGET_KEYS(name), [after, KEYS_AT_ONCE]);
    });
    if (!batch?.last) return;
    after = batch.last;
  }
}

const FORGET_KEYS = (month: string) => `
with batch as materialized (
  select id, tenant_id, substring(sha256(convert_to(source, 'UTF8') || '\\x00'::bytea || convert_to(source_id, 'UTF8')) for 16) as digest
  from ${month} where id > $1 order by id limit $2
), forgotten as (
  delete from event_key k using batch b
  where k.tenant_id = b.tenant_id and k.digest = b.digest and k.event_id = b.id and not exists (select from needed_event n where n.id = b.id)
)
select (select id::text from batch order by id desc limit 1) as last`;

async function removeEvents(session: OwnerSession, { name }: Partition): Promise<void> {
  await session.withShortLocks(async () => {
    await session.rows(`lock table only ${EVENT_TABLE.name}, ${name} in access exclusive mode`);
    await session.rows(`create temporary table kept_event on commit drop as select e.* from ${name} e join needed_event n using (id)`);
    const kept = await countRows(session, 'kept_event', 'true', []);
    if (kept === 0) {
      await session.rows(`drop table ${name}`);
      return;
    }
    // The one place where the log is emptied; the trigger is back when others see the table again.
    await session.rows(`alter table ${name} disable trigger append_only_truncate`);
    await session.rows(`truncate ${name}`);
    await session.rows(`alter table ${name} enable trigger append_only_truncate`);
    await session.rows(`insert into ${name} select * from kept_event`);
  });
}
