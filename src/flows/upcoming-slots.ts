import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/transaction.ts';
import { flowErrors } from './flow-errors.ts';
import type { ScheduleRoute } from './flow-routes.ts';
import { nextSlots } from './schedule-slots.ts';

/** One schedule of a flow and its next moments. */
export interface UpcomingSchedule extends ScheduleRoute {
  /** The first may be over: it is fired within a second. */
  readonly next: readonly Date[];
}

/** What people ask of schedules: when does it run next? */
@Injectable()
export class UpcomingSlots {
  constructor(private readonly database: Database) {}

  /**
   * The schedules of a flow, each with its next `count` moments; none for a flow that is disabled or has none.
   * @throws flow.not-found
   */
  of(
    tenantId: string,
    name: string,
    count: number,
  ): Promise<{ readonly enabled: boolean; readonly schedules: readonly UpcomingSchedule[] }> {
    return this.database.transact(tenantId, async (tx) => {
      const [flow] = await tx.query<{ id: string; enabled: boolean }>('select id, enabled from flow where name = $1', [name]);
      if (!flow) throw flowErrors['not-found']({ name });
      const rows = await tx.query<{ cron: string; time_zone: string; missed: ScheduleRoute['missed']; next_slot: Date }>(
        `select cron, time_zone, missed, next_slot from flow_schedule where flow_id = $1 and isfinite(next_slot) order by next_slot limit 100`,
        [flow.id],
      );
      const schedules = rows.map(({ cron, time_zone: timeZone, missed, next_slot: first }) => ({
        cron,
        timeZone,
        missed,
        next: [new Date(first), ...nextSlots({ cron, timeZone }, new Date(first), count - 1)],
      }));
      return { enabled: flow.enabled, schedules };
    });
  }
}
