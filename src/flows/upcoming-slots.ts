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

/** A trigger of a plugin that a flow names, and how it is doing. */
export interface WatchedTrigger {
  readonly trigger: string;
  readonly via: string | null;
  readonly polledAt: Date | null;
  /** `null` when the provider pushes. */
  readonly nextPollAt: Date | null;
  /** Why the last poll came to nothing, and how many before it. */
  readonly problem: string | null;
  readonly failures: number;
}

/** What starts a flow by itself, and when. */
export interface Upcoming {
  readonly enabled: boolean;
  readonly schedules: readonly UpcomingSchedule[];
  readonly triggers: readonly WatchedTrigger[];
}

/** What people ask of schedules: when does it run next? */
@Injectable()
export class UpcomingSlots {
  constructor(private readonly database: Database) {}

  /**
   * The schedules of a flow, each with its next `count` moments, and its triggers; none for a flow that is disabled or has none.
   * @throws flow.not-found
   */
  of(tenantId: string, name: string, count: number): Promise<Upcoming> {
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
      const triggers = await tx.query<WatchedTrigger>(
        `select s.trigger, s.via, s.polled_at as "polledAt", s.next_poll_at as "nextPollAt", s.problem, s.failures
         from flow_trigger t join trigger_source s on s.tenant_id = t.tenant_id and s.source = t.source
         where t.flow_id = $1 order by s.trigger, s.source limit 100`,
        [flow.id],
      );
      return { enabled: flow.enabled, schedules, triggers };
    });
  }
}
