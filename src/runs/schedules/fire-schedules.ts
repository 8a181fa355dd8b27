import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { EventIntake, type IncomingEvent } from '../../events/event-intake.ts';
import { SCHEDULED } from '../../flows/flow-routes.ts';
import { PublishedFlows } from '../../flows/published-flows.ts';
import { nextSlot } from '../../flows/schedule-slots.ts';
import { TriggerIndex } from '../../flows/trigger-index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { IN_EVERY_PROCESS, RegularWork } from '../../platform/regular-work.ts';
import { dueSlots, type Missed } from './due-slots.ts';

interface ScheduleRow {
  readonly flow_id: string;
  readonly trigger: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly revision: number;
  readonly cron: string;
  readonly time_zone: string;
  readonly missed: Missed;
  readonly next_slot: Date;
  /** The database's moment. */
  readonly now: Date;
}

export const SCHEDULES_SOURCE = '/kassaflow/schedules';

/** Schedules in hand at once, and events of one of them under way at once. */
const BATCH = 200;
const AT_ONCE = 50;
/** Also without a slot: what another process publishes is seen after so long at the latest. And after a failure: the database may be back. */
const LOOK_EVERY_MS = 1_000;
/** How often it is asked whether the database's clock was set back. */
const CLOCK_EVERY_MS = 5_000;

/**
 * Makes an event of each slot that is due, by the database's clock. The protocol is in README.md: any process may fire a slot, several
 * may even fire the same one, and the key of the event lets one run of it begin.
 */
@Injectable()
export class FireSchedules extends RegularWork<number> {
  #clockAskedAt = -CLOCK_EVERY_MS;

  constructor(
    private readonly pool: EnginePool,
    private readonly intake: EventIntake,
    private readonly flows: PublishedFlows,
    private readonly index: TriggerIndex,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const problem = 'firing schedules failed and is tried again';
    super(IN_EVERY_PROCESS, { context: 'schedules', everyMs: LOOK_EVERY_MS, problem, level: 'warn' });
  }

  /** Fires what is due now, once. @returns how many schedules it had in hand */
  async fireDue(): Promise<number> {
    const { rows } = await this.pool.query<ScheduleRow>(CLAIM, [BATCH]);
    // One that was published a moment ago may not be in this process's index yet, and its event would start nothing.
    if (rows.some((row) => !this.#isKnown(row))) await this.flows.refresh();
    for (let at = 0; at < rows.length; at += AT_ONCE) await Promise.all(rows.slice(at, at + AT_ONCE).map((row) => this.#fire(row)));
    return rows.length;
  }

  /** Works out anew what was worked out in a future that was taken back. A slot that was fired there has its event, and is not fired again. */
  async followClock(): Promise<number> {
    let moved = 0;
    for (;;) {
      const { rows } = await this.pool.query<ScheduleRow>(FROM_THE_FUTURE, [BATCH]);
      for (const row of rows) await this.#move(row, nextSlot({ cron: row.cron, timeZone: row.time_zone }, row.now));
      moved += rows.length;
      if (rows.length < BATCH) break;
    }
    if (moved > 0) this.log.warn(`The clock of the database was set back: ${moved} schedules follow it`);
    return moved;
  }

  protected override async doDue(): Promise<number> {
    if (this.clock.elapsed() - this.#clockAskedAt >= CLOCK_EVERY_MS) {
      this.#clockAskedAt = this.clock.elapsed();
      await this.followClock();
    }
    return this.fireDue();
  }

  protected override async pauseAfter(fired: number): Promise<number> {
    if (fired === BATCH) return 0;
    const { rows } = await this.pool.query<{ ms: number | null }>(UNTIL_NEXT);
    const until = rows[0]?.ms ?? LOOK_EVERY_MS;
    return Math.min(Math.max(until, 1), LOOK_EVERY_MS);
  }

  #isKnown({ flow_id: flowId, revision }: ScheduleRow): boolean {
    return (this.index.revisionOf(flowId) ?? 0) >= revision;
  }

  async #fire(row: ScheduleRow): Promise<void> {
    // Disabled in the meantime, or it cannot be read: the claim ends by itself, and the row is gone or a person is told by then.
    if (!this.#isKnown(row)) return;
    const { slots, lost, next } = dueSlots({ ...row, timeZone: row.time_zone }, row.next_slot, row.now);
    crashPoint('schedule.fired.before');
    if (lost) await this.intake.accept(lostEvent(row, lost));
    for (let at = 0; at < slots.length; at += AT_ONCE)
      await Promise.all(slots.slice(at, at + AT_ONCE).map(({ slot, missed }) => this.intake.accept(slotEvent(row, slot, missed))));
    crashPoint('schedule.fired.after');
    await this.#move(row, next);
  }

  async #move({ flow_id: flowId, trigger, next_slot: from }: ScheduleRow, next: Date | undefined): Promise<void> {
    await this.pool.query(MOVE, [flowId, trigger, from, next ?? 'infinity']);
  }
}

/** The key says flow, schedule and slot; what else the event holds may differ between two processes that fire the same slot. */
function slotEvent(row: ScheduleRow, slot: Date, missed: number): IncomingEvent {
  const { name, cron, time_zone: timeZone } = row;
  return eventOf(row, SCHEDULED, slot, `${name}/${row.trigger}/${slot.toISOString()}`, {
    schedule: { flow: name, cron, timeZone, slot: slot.toISOString(), missed },
  });
}

function lostEvent(row: ScheduleRow, { from, until }: { readonly from: Date; readonly until: Date }): IncomingEvent {
  const { name, cron, time_zone: timeZone } = row;
  return eventOf(row, 'flow.slots-missed', row.now, `${name}/${row.trigger}/missed/${from.toISOString()}`, {
    schedule: { flow: name, cron, timeZone, from: from.toISOString(), until: until.toISOString() },
  });
}

function eventOf(row: ScheduleRow, type: string, occurredAt: Date, sourceId: string, data: IncomingEvent['data']): IncomingEvent {
  return {
    tenantId: row.tenant_id,
    source: SCHEDULES_SOURCE,
    sourceId,
    type,
    subject: `flow/${row.name}`,
    occurredAt,
    data,
    bodyHash: hash('sha256', sourceId, 'buffer'),
  };
}

/** A claim of more than its length is one of a clock that was set back. */
const CLAIM = `
with due as (
  select flow_id, trigger from flow_schedule
  where next_slot <= clock_timestamp()
    and (claimed_until is null or claimed_until not between clock_timestamp() and clock_timestamp() + interval '10 seconds')
  order by next_slot limit $1 for update skip locked
)
update flow_schedule s set claimed_until = clock_timestamp() + interval '10 seconds'
from due, flow f where s.flow_id = due.flow_id and s.trigger = due.trigger and f.id = s.flow_id
returning s.flow_id, s.trigger, s.tenant_id, f.name, s.revision, s.cron, s.time_zone, s.missed, s.next_slot, clock_timestamp() as now`;

/** Nothing happens when another process has moved it, or the schedule is gone. */
const MOVE = `
update flow_schedule set next_slot = $4, computed_at = clock_timestamp(), claimed_until = null
where flow_id = $1 and trigger = $2 and next_slot = $3`;

/** Five seconds: clocks are put right by less than that all the time. */
const FROM_THE_FUTURE = `
select s.flow_id, s.trigger, s.tenant_id, f.name, s.revision, s.cron, s.time_zone, s.missed, s.next_slot, clock_timestamp() as now
from flow_schedule s join flow f on f.id = s.flow_id
where s.computed_at > clock_timestamp() + interval '5 seconds' order by s.computed_at limit $1`;

/** Rows that another process has in hand are left out: their claim or their move wakes nobody here. */
const UNTIL_NEXT = `
select least(extract(epoch from next_slot - clock_timestamp()) * 1000, 3600000)::float8 as ms
from flow_schedule where next_slot > clock_timestamp() order by next_slot limit 1`;
