/** Forgets the stored answers of idempotent requests after the time for which we promise to remember them. */
import { rowsTask } from './rows-task.ts';
import type { HousekeepingTask } from './task.ts';

/** Answers are promised for 24 hours and kept for 30 days. */
export function answersTask(): HousekeepingTask {
  return rowsTask({
    name: 'answers',
    table: 'idempotency_record',
    condition: `created_at < now() - interval '30 days'`,
    values: () => [],
    what: (count) => `delete ${count} answers to requests that came more than 30 days ago`,
  });
}
