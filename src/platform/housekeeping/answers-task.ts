/** Forgets the stored answers of idempotent requests after the time for which we promise to remember them. */
import { countRows, deleteInBatches } from './batches.ts';
import type { HousekeepingTask } from './task.ts';

const OLD = `created_at < now() - interval '30 days'`;

/** Answers are promised for 24 hours and kept for 30 days. */
export function answersTask(): HousekeepingTask {
  return {
    name: 'answers',
    plan: async (session) => {
      const count = await countRows(session, 'idempotency_record', OLD, []);
      if (count === 0) return [];
      return [
        {
          what: `delete ${count} answers to requests that came more than 30 days ago`,
          do: (owner) => deleteInBatches(owner, 'idempotency_record', OLD, []),
        },
      ];
    },
  };
}
