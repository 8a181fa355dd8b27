/** Moves the runs of a lease that was taken; in the transaction that took it, as a statement of its own to see its last flush. */
export const ADOPT_RUNS = `update run set epoch = $1::bigint where id >= $3::uuid and epoch = $2::bigint returning id::text`;
/** Old leases that were taken are of no use to anybody: a zombie finds no row, which is the same answer. */
export const FORGET_LEASES = `delete from engine_lease where taken_by is not null and expires_at < clock_timestamp() - interval '1 day'`;
