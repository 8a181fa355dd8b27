import type { PartitionedTable } from '../../platform/housekeeping/partitions.ts';

/** Runs and their journals are cut at the same moments, by the id of the run, so that they go together. */
export const RUN_TABLE: PartitionedTable = { name: 'run', key: 'id', length: 'week', storage: 'fillfactor = 60', appendOnly: false };
export const JOURNAL_TABLE: PartitionedTable = { name: 'run_journal', key: 'run_id', length: 'week', appendOnly: true };

/** Tables whose rows say something about one run (`run_id`) and mean nothing without it. */
export const ABOUT_RUNS: readonly string[] = [
  'run_attention',
  'run_command',
  'run_failure',
  'run_parked',
  'run_queue',
  'run_signal',
  'run_wait',
  'staff_task',
];

/** Tables that name a run and outlive it: that a message was sent once, what a bulk job did. */
export const OUTLIVING_RUNS: readonly string[] = ['guard_fact', 'bulk_job_run'];
