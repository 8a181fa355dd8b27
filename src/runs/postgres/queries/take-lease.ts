/**
 * Takes one lease whose time is over; one with a flush in flight is left for the next look. Every later flush of its owner
 * returns no row.
 *
 * Our own lease is locked until the transaction ends: whoever finds its time over leaves it for the next look. Without that,
 * a process that stands still in between gives what it takes to a lease that somebody else has taken by then, and nobody
 * ever looks there again.
 */
export const TAKE_LEASE = `
with me as materialized (
  select epoch from engine_lease where epoch = $1::bigint and taken_by is null for no key update
), dead as (
  update engine_lease set taken_by = $1::bigint
  where epoch = (
    select epoch from engine_lease where taken_by is null and epoch <> $1::bigint and expires_at < clock_timestamp()
    order by epoch limit 1 for update skip locked
  ) and exists (select from me)
  returning epoch, low_water, released
)
select epoch::text, low_water::text, released from dead
`;
