/**
 * Timers of the next while, at most `$2` of each tenant, by the database's clock. The tenants are found by a walk along the index,
 * one step for each.
 */
export const PEEK_TIMERS = `
with recursive tenant(id) as (
  (select tenant_id from run_timer order by tenant_id limit 1)
  union all
  select n.tenant_id from tenant t, lateral (select tenant_id from run_timer where tenant_id > t.id order by tenant_id limit 1) n
)
select t.id::text as tenant_id, due.run_id::text, (extract(epoch from due.wake_at) * 1000)::float8 as at
from tenant t, lateral (
  select run_id, wake_at from run_timer
  where tenant_id = t.id and wake_at < clock_timestamp() + $1::int * interval '1 millisecond' order by wake_at limit $2
) due
`;
export const DATABASE_TIME = `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
