/** Deliveries of providers hold what payers did; those that have gone well are not kept for longer than somebody may ask about them. */
import { countRows, deleteInBatches } from '../platform/housekeeping/batches.ts';
import { lowestUuid } from '../platform/housekeeping/period.ts';
import type { HousekeepingTask } from '../platform/housekeeping/task.ts';

const DAY_MS = 86_400_000;
/** What failed stays until somebody has looked. */
const GONE_WELL = `id < $1 and state in ('applied', 'ignored') and next_at is null`;

/** Deliveries are kept for `days`. A provider that repeats one after that is asked for the facts again, which changes nothing. */
export function inboxRetention(days: number): HousekeepingTask {
  return {
    name: 'webhooks',
    plan: async (session, now) => {
      const values = [lowestUuid(new Date(now.getTime() - days * DAY_MS))];
      const count = await countRows(session, 'inbox', GONE_WELL, values);
      if (count === 0) return [];
      return [{ what: `delete ${count} deliveries of providers`, do: (owner) => deleteInBatches(owner, 'inbox', GONE_WELL, values) }];
    },
  };
}
