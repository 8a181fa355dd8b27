/** Deliveries of providers hold what payers did; those that have gone well are not kept for longer than somebody may ask about them. */
import { lowestUuid } from '../platform/housekeeping/period.ts';
import { daysBefore, rowsTask } from '../platform/housekeeping/rows-task.ts';
import type { HousekeepingTask } from '../platform/housekeeping/task.ts';

/** Deliveries are kept for `days`. A provider that repeats one after that is asked for the facts again, which changes nothing. */
export function inboxRetention(days: number): HousekeepingTask {
  return rowsTask({
    name: 'webhooks',
    table: 'inbox',
    // What failed stays until somebody has looked.
    condition: `id < $1 and state in ('applied', 'ignored') and next_at is null`,
    values: (now) => [lowestUuid(daysBefore(now, days))],
    what: (count) => `delete ${count} deliveries of providers`,
  });
}
