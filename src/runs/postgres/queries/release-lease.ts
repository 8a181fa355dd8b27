/** Ends a lease at a clean stop: whoever comes next may take it at once. */
export const RELEASE_LEASE = `update engine_lease set released = true, expires_at = clock_timestamp() - interval '1 millisecond' where epoch = $1::bigint and taken_by is null`;
