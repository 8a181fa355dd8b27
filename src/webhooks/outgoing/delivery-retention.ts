/** What was sent to portals is kept as long as what providers sent to us: for as long as somebody may ask about it. */
import { lowestUuid } from '../../platform/housekeeping/period.ts';
import { daysBefore, rowsTask } from '../../platform/housekeeping/rows-task.ts';
import type { HousekeepingTask } from '../../platform/housekeeping/task.ts';

/** Deliveries that have ended are kept for `days`, dead ones too: the log has their events, and a replay of the range sends those. */
export function deliveryRetention(days: number): HousekeepingTask {
  return rowsTask({
    name: 'outgoing-webhooks',
    table: 'webhook_delivery',
    condition: `id < $1 and (next_at is null or endpoint_id in (select id from webhook_endpoint where state = 'deleted'))`,
    values: (now) => [lowestUuid(daysBefore(now, days))],
    what: (count) => `delete ${count} deliveries to portals`,
  });
}
