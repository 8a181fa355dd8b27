/**
 * Signals that nobody here has handed over yet (`$2` are those that were): for runs that this process has in memory (`$1` are its
 * leases) and for runs that nobody has. A run that was set aside gets them when it goes on. The oldest of each tenant come first, so that no tenant's crowd holds up another.
 */
export const OPEN_SIGNALS = `
with open as (
  select s.*, r.epoch, row_number() over (partition by s.tenant_id order by s.id) as turn
  from run_signal s join run r on r.id = s.run_id
  where s.id <> all ($2::bigint[])
    and (r.epoch = any ($1::bigint[]) or (r.epoch = 0 and r.status in ('running', 'waiting', 'attention')))
    and not (r.status = 'attention' and exists (
      select from run_attention a where a.run_id = r.id and a.kind = 'failed' and a.resolved_at is null))
)
select o.id::text, o.run_id::text, o.step, o.kind, o.source::text, o.detail, o.epoch::text,
  e.type as event_type, e.occurred_at as event_occurred_at, e.data as event_data
from open o left join event e on o.kind = 'event' and e.id = o.source
order by o.turn, o.id limit $3
`;

/** What was for runs that are over, and the waits by which it came. A failed run keeps its signals: it may be retried. */
export const FORGET_SIGNALS = `
with over as (
  delete from run_signal s using run r where r.id = s.run_id and r.status in ('completed', 'stopped', 'cancelled') returning s.run_id
)
delete from run_wait w where w.run_id in (select run_id from over)
`;
