/** What people did about runs, and what outlives the runs: bulk jobs, and tasks that no run waits for. */
import { daysBefore, rowsTask } from '../../platform/housekeeping/rows-task.ts';
import type { HousekeepingTask } from '../../platform/housekeeping/task.ts';

/** Jobs that are over, and previews that nobody started. One that is paused stays: somebody means to go on. */
const OLD_JOB = `coalesce(finished_at, case when state = 'preview' then previewed_at end) < $1`;

/** Bulk jobs are kept as long as the runs that they were about; what they did to a run is in its journal, who gave them in the audit. */
export function bulkJobRetention(days: number): HousekeepingTask {
  return rowsTask({
    name: 'bulk-jobs',
    table: 'bulk_job',
    condition: OLD_JOB,
    values: (now) => [daysBefore(now, days)],
    what: (count) => `delete ${count} bulk jobs that are over`,
    first: { table: 'bulk_job_run', condition: `job_id in (select id from bulk_job where ${OLD_JOB})` },
  });
}

/** A task that a flow left behind goes `days` after it was closed; one that a run asked goes with its run, an open one never. */
export function taskRetention(days: number): HousekeepingTask {
  return rowsTask({
    name: 'tasks',
    table: 'staff_task',
    condition: `run_id is null and closed_at < $1 and state <> 'open'`,
    values: (now) => [daysBefore(now, days)],
    what: (count) => `delete ${count} tasks that were closed`,
  });
}
