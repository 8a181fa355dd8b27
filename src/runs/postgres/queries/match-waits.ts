/** `offset 0` keeps the planner from joining in another order: there may be a million waits of a type, and few of a key. */
const WAITS_OF_KEY = `
    select r.tenant_id, r.run_id, r.step, k.id, k.seq, r.position from run_wait r
    where r.tenant_id = k.tenant_id and r.event_type = k.type and r.key = k.key and (k.seq > r.position or k.recorded_at >= r.since) offset 0
  `;

/**
 * Finds which events are news for which waiting runs, writes a signal for each, and moves the cursor `waits`: one transaction.
 *
 * Waits have positions in the event log like events. The statement takes what lies between the cursor and the horizon, at most
 * `$1` of each kind: every event there is held against all waits, and every wait there against the events before the cursor. So of
 * an event and a wait, the one with the later position finds the other, whichever was committed first and whoever died between.
 *
 * Looking back takes every event of the last `$2` milliseconds, and older ones (a step that was repeated for days) by their
 * subject: `payment.id=pay_…` finds those about `payment/pay_…`.
 *
 * `held` is false when another process is at it. `more` says that there is more to take at once, `early` that transactions are
 * under way which may have positions before those that could be read.
 *
 * The commit does not wait for the disk: cursor and signals are lost together, and whatever a run does because of a signal is
 * committed behind them.
 */
export const MATCH_WAITS = `
with at as (
  select seq from event_cursor where subscriber = 'waits' for update skip locked
), horizon as (
  select event_horizon() as seq
), ahead as materialized (
  select e.* from at, horizon, lateral (
    select seq, id, tenant_id, type from event where event.seq > at.seq and event.seq < horizon.seq order by event.seq limit $1
  ) e
), fresh as materialized (
  select w.* from at, horizon, lateral (
    select * from run_wait where position > at.seq and position < horizon.seq order by position limit $1
  ) w
), bound as materialized (
  select at.seq as after, least(
    case when (select count(*) from ahead) = $1 then (select max(seq) from ahead) else horizon.seq - 1 end,
    case when (select count(*) from fresh) = $1 then (select max(position) from fresh) else horizon.seq - 1 end
  ) as up_to from at, horizon
), ahead_keys as materialized (
  select a.tenant_id, a.type, e.id, e.seq, e.recorded_at, unnest(event_keys(e.data) || array['']) as key
  from ahead a join event e on e.id = a.id
  where a.seq <= (select up_to from bound)
    and exists (select from run_wait w where w.tenant_id = a.tenant_id and w.event_type = a.type)
), forward as (
  select w.* from ahead_keys k, lateral (${WAITS_OF_KEY}) w
), past_keys as materialized (
  select e.tenant_id, e.type, e.id, e.seq, e.recorded_at, unnest(event_keys(e.data) || array['']) as key
  from event e
  where e.id >= (select uuid_floor(greatest(min(since), clock_timestamp() - $2::int * interval '1 millisecond') - interval '1 second') from fresh)
    and e.seq <= (select after from bound)
    and ((e.tenant_id, e.type) in (select tenant_id, event_type from fresh)) is true
), back as (
  select w.* from bound, past_keys k, lateral (${WAITS_OF_KEY}) w where w.position > bound.after and w.position <= bound.up_to
), long_ago as (
  select w.tenant_id, w.run_id, w.step, e.id, e.seq, w.position
  from bound
    join fresh w on w.position <= bound.up_to and w.since < clock_timestamp() - $2::int * interval '1 millisecond' and w.key like '%.id=%'
    join event e on e.tenant_id = w.tenant_id and e.subject = replace(w.key, '.id=', '/') and e.subject <> '' and e.seq <= bound.after
  where e.type = w.event_type and e.recorded_at >= w.since
), told as (
  insert into run_signal (tenant_id, run_id, step, kind, source)
  select tenant_id, run_id, step, 'event', id from (select * from forward union select * from back union select * from long_ago) found
  order by seq
  on conflict do nothing
  returning run_id
), moved as (
  update event_cursor c set seq = bound.up_to, updated_at = clock_timestamp()
  from bound where c.subscriber = 'waits' and c.seq < bound.up_to
)
select exists (select from bound) as held, (select count(*)::int from told) as told,
  (select count(*) from ahead) = $1 or (select count(*) from fresh) = $1 as more,
  pg_snapshot_xmin(pg_current_snapshot()) <> pg_snapshot_xmax(pg_current_snapshot()) as early,
  set_config('synchronous_commit', 'off', true) as lazily
`;

/** While nothing waits, the cursor follows the log without reading it, and is not written when nothing was recorded. */
export const SKIP_WITHOUT_WAITS = `
update event_cursor c set seq = event_horizon() - 1, updated_at = clock_timestamp()
where c.subscriber = 'waits' and not exists (select from run_wait)
  and exists (select from event e where e.seq > c.seq and e.seq < event_horizon())
`;

export const MAKE_WAITS_CURSOR = `insert into event_cursor (subscriber, seq) values ('waits', event_horizon() - 1) on conflict do nothing`;

/** Tenants and types of events that somebody waits for: a walk along the index, one step for each. */
export const WAITED_TYPES = `
with recursive waited(tenant_id, event_type) as (
  (select tenant_id, event_type from run_wait order by tenant_id, event_type limit 1)
  union all
  select n.tenant_id, n.event_type from waited w, lateral (
    select r.tenant_id, r.event_type from run_wait r
    where (r.tenant_id, r.event_type) > (w.tenant_id, w.event_type) order by r.tenant_id, r.event_type limit 1
  ) n
)
select tenant_id::text, event_type from waited limit $1
`;
