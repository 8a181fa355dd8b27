/**
 * Moves the runs of a lease that was taken; in the transaction that took it, as statements of their own to see its last flush. Those
 * it had started are not below its low-water mark; those it had claimed are found by the index of `claimed_by`.
 */
export const ADOPT_STARTED = `update run set epoch = $1::bigint, claimed_by = $1::bigint where id >= $3::uuid and epoch = $2::bigint returning id::text`;
export const ADOPT_CLAIMED = `update run set epoch = $1::bigint, claimed_by = $1::bigint where claimed_by = $2::bigint and epoch = $2::bigint returning id::text`;
/** Old leases that were taken are of no use to anybody: a zombie finds no row, which is the same answer. */
export const FORGET_LEASES = `delete from engine_lease where taken_by is not null and expires_at < clock_timestamp() - interval '1 day'`;
