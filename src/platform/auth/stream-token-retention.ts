import { daysBefore, rowsTask } from '../housekeeping/rows-task.ts';
import type { HousekeepingTask } from '../housekeeping/task.ts';

/** Long enough to find out what a token opened. */
const KEPT_DAYS = 7;

/** Stream tokens are kept for a week after their end. */
export function streamTokenRetention(): HousekeepingTask {
  return rowsTask({
    name: 'stream-tokens',
    table: 'stream_token',
    condition: 'expires_at < $1',
    values: (now) => [daysBefore(now, KEPT_DAYS)],
    what: (count) => `delete ${count} stream tokens that ended more than a week ago`,
  });
}
