/** A session's page can be bookmarked for as long as the session is kept; what was paid is in the payment, which stays. */
import { lowestUuid } from '../../platform/housekeeping/period.ts';
import { daysBefore, rowsTask } from '../../platform/housekeeping/rows-task.ts';
import type { HousekeepingTask } from '../../platform/housekeeping/task.ts';

const OLD = 'id < $1 and due_at is null';

/** Sessions that have ended go `days` after they were made, with what was tried in them; their pages open nothing then. */
export function checkoutRetention(days: number): HousekeepingTask {
  return rowsTask({
    name: 'checkouts',
    table: 'checkout_session',
    condition: OLD,
    values: (now) => [lowestUuid(daysBefore(now, days))],
    what: (count) => `delete ${count} checkout sessions that have ended`,
    first: { table: 'checkout_attempt', condition: `session_id in (select id from checkout_session where ${OLD})` },
  });
}

/** Requests that have ended hold phone numbers, and go at the same time. */
export function requestRetention(days: number): HousekeepingTask {
  return rowsTask({
    name: 'payment-requests',
    table: 'payment_request',
    condition: OLD,
    values: (now) => [lowestUuid(daysBefore(now, days))],
    what: (count) => `delete ${count} payment requests that have ended`,
  });
}
