/** What became of a lease: which flush was the last to be committed, and whether somebody took it. */
export const READ_LEASE = `select last_flush::text, taken_by is not null as taken from engine_lease where epoch = $1::bigint`;
