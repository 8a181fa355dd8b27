/**
 * Takes one lease whose time is over; one with a flush in flight is left for the next look. Every later flush of its owner
 * returns no row.
 */
export const TAKE_LEASE = `
with dead as (
  update engine_lease set taken_by = $1::bigint
  where epoch = (
    select epoch from engine_lease where taken_by is null and epoch <> $1::bigint and expires_at < clock_timestamp()
    order by epoch limit 1 for update skip locked
  ) and exists (select from engine_lease me where me.epoch = $1::bigint and me.taken_by is null)
  returning epoch, low_water, released
)
select epoch::text, low_water::text, released from dead
`;
