import type { PartitionedTable } from '../../platform/housekeeping/partitions.ts';

/** Runs and their journals are cut at the same moments, by the id of the run, so that they go together. */
export const RUN_TABLE: PartitionedTable = { name: 'run', key: 'id', length: 'week', storage: 'fillfactor = 60', appendOnly: false };
export const JOURNAL_TABLE: PartitionedTable = { name: 'run_journal', key: 'run_id', length: 'week', appendOnly: true };

/**
 * Rows of other tables that say something about a run and mean nothing without it: table and column. `null` for the column of a
 * table that is listed only to say that its rows stay: a test wants every table that names a run to be here.
 */
export const ABOUT_RUNS: readonly (readonly [table: string, column: string])[] = [
  ['run_attention', 'run_id'],
  ['run_command', 'run_id'],
  ['run_failure', 'run_id'],
];
