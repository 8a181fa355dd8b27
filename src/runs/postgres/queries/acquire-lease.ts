/**
 * Makes a lease of this process's own. No run that it will start is older than `low_water`. The lease that the lane had
 * before ($4, 0 at its start) was lost by a process that lives, so whoever takes its runs counts no death: it is marked as
 * released, unless somebody has it already or a last flush is still under way under it.
 */
export const ACQUIRE_LEASE = `
with lost as (
  update engine_lease set released = true
  where epoch = (select epoch from engine_lease where epoch = $4::bigint and taken_by is null for update skip locked)
)
insert into engine_lease (epoch, process, low_water, expires_at)
values (nextval('engine_epoch'), $1, $2, clock_timestamp() + $3::int * interval '1 millisecond')
returning epoch::text
`;
