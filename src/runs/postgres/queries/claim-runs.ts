/**
 * Takes runs that nobody has in memory. The low-water mark goes down in the same statement, before they are this lane's.
 * `$3` are the runs, `$4` the oldest of them, `$5` the statuses they must be in.
 */
export const CLAIM_RUNS = `
with lease as (
  update engine_lease set low_water = least(low_water, $4::uuid) where epoch = $1::bigint and last_flush = $2::bigint and taken_by is null returning epoch
)
update run set epoch = $1::bigint, status = 'running', finished_at = null
from lease where run.id = any ($3::uuid[]) and run.epoch = 0 and run.status = any ($5::text[])
returning run.id::text
`;
