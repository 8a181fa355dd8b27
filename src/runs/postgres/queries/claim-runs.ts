/**
 * Takes runs that nobody has in memory. The lease is locked meanwhile, so that nobody takes it over. `claimed_by` leads a successor to
 * them: they may be far older than the low-water mark. `$3` are the runs, `$4` the statuses they must be in. Joined to a list, and not
 * compared with an array, because then each is looked for in its own partition only.
 */
export const CLAIM_RUNS = `
with lease as (
  select epoch from engine_lease where epoch = $1::bigint and last_flush = $2::bigint and taken_by is null for no key update
)
update run set epoch = $1::bigint, claimed_by = $1::bigint, status = 'running', finished_at = null
from lease, unnest($3::uuid[]) as wanted(id) where run.id = wanted.id and run.epoch = 0 and run.status = any ($4::text[])
returning run.id::text
`;
