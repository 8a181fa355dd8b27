/** Keeping the rows of what is due for a flow in step with what is published, in the transaction that publishes. */
import type { Transaction } from '../platform/database/transaction.ts';
import { scheduleKey, type FlowRoutes, type ScheduleRoute, type TriggerRoute } from './flow-routes.ts';
import { nextSlot } from './schedule-slots.ts';

const NOTHING: FlowRoutes = { events: [], schedules: [], triggers: [] };

/**
 * Makes the rows what `routes` says; none for a flow that is disabled.
 *
 * A schedule that was there before keeps its next slot, also one that is overdue. A new one begins now: what would have been due
 * before it was published, or while the flow was disabled, was not missed. The same goes for the cursor of a plugin's trigger,
 * which is shared by all flows that name it and is forgotten with the last of them.
 */
export async function followRoutes(tx: Transaction, flowId: string, revision: number, routes: FlowRoutes = NOTHING): Promise<void> {
  await followSchedules(tx, flowId, revision, routes.schedules);
  await followTriggers(tx, flowId, routes.triggers);
}

async function followSchedules(tx: Transaction, flowId: string, revision: number, schedules: readonly ScheduleRoute[]): Promise<void> {
  await tx.query('delete from flow_schedule where flow_id = $1 and not trigger = any($2::text[])', [flowId, schedules.map(scheduleKey)]);
  if (schedules.length === 0) return;
  const [row] = await tx.query<{ now: Date }>('select clock_timestamp() as now');
  const now = new Date(row?.now ?? 0);
  for (const schedule of schedules) {
    const next = nextSlot(schedule, now);
    // The checker refuses what never comes; an old revision may still say it.
    if (!next) continue;
    await tx.query(FOLLOW_SCHEDULE, [
      flowId,
      scheduleKey(schedule),
      tx.tenantId,
      revision,
      schedule.cron,
      schedule.timeZone,
      schedule.missed,
      next,
    ]);
  }
}

async function followTriggers(tx: Transaction, flowId: string, triggers: readonly TriggerRoute[]): Promise<void> {
  const sources = triggers.map(({ source }) => source);
  const before = await tx.query<{ source: string }>('select source from flow_trigger where flow_id = $1', [flowId]);
  if (sources.length === 0 && before.length === 0) return;
  // One that is forgotten and one that is named anew at the same time must see each other.
  await tx.query(`select pg_advisory_xact_lock(hashtext('trigger_source'), hashtext($1))`, [tx.tenantId]);
  for (const { source, trigger, via, with: input } of triggers) {
    await tx.query(
      'insert into trigger_source (tenant_id, source, trigger, via, input) values ($1, $2, $3, $4, $5::jsonb) on conflict do nothing',
      [tx.tenantId, source, trigger, via ?? null, JSON.stringify(input)],
    );
    await tx.query('insert into flow_trigger (flow_id, source, tenant_id) values ($1, $2, $3) on conflict do nothing', [
      flowId,
      source,
      tx.tenantId,
    ]);
  }
  await tx.query('delete from flow_trigger where flow_id = $1 and not source = any($2::text[])', [flowId, sources]);
  await tx.query(FORGET_SOURCES, [tx.tenantId]);
}

const FOLLOW_SCHEDULE = `
insert into flow_schedule (flow_id, trigger, tenant_id, revision, cron, time_zone, missed, next_slot)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (flow_id, trigger) do update set revision = excluded.revision, missed = excluded.missed`;

const FORGET_SOURCES = `
delete from trigger_source s where s.tenant_id = $1
  and not exists (select from flow_trigger t where t.tenant_id = s.tenant_id and t.source = s.source)`;
