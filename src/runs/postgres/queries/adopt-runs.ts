/**
 * Moves the runs of a lease that was taken; in the transaction that took it, as statements of their own to see its last flush. Those
 * it had started are not below its low-water mark; those it had claimed are found by the index of `claimed_by`.
 */
export const ADOPT_STARTED = `update run set epoch = $1::bigint, claimed_by = $1::bigint where id >= $3::uuid and epoch = $2::bigint returning id::text`;
export const ADOPT_CLAIMED = `update run set epoch = $1::bigint, claimed_by = $1::bigint where claimed_by = $2::bigint and epoch = $2::bigint returning id::text`;
/**
 * Runs in line that a lease had taken only to tell them to end, and that nobody told: they have not had their turn and stand in line
 * as before. `$1` is the lease, `$2` the runs that are meant; without it all. Such a run has not lost its place in `run_queue`.
 */
export const BACK_IN_LINE = `
update run set epoch = 0, claimed_by = null, status = 'queued'
where claimed_by = $1::bigint and epoch = $1::bigint and ($2::uuid[] is null or id = any ($2::uuid[]))
  and exists (select from run_queue q where q.run_id = run.id)
returning id::text
`;
/** Old leases that were taken are of no use to anybody: a zombie finds no row, which is the same answer. */
export const FORGET_LEASES = `delete from engine_lease where taken_by is not null and expires_at < clock_timestamp() - interval '1 day'`;
