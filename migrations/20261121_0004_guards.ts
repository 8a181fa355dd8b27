import { Migration } from '@mikro-orm/migrations';

/**
 * Guards: kill switches, caps and budgets, messages that are sent once, the pace of connections.
 *
 * What each table means, and the order in which its rows are locked, is in src/guards/README.md.
 */
export class Guards extends Migration {
  override name = '20261121_0004_guards';

  override up(): void {
    for (const statement of [SWITCHES, COUNTERS, PACE, CHANGES, RESERVE, SETTLE, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const SWITCHES = `
-- a row is there while the switch is on; who set and released it is in the audit
create table kill_switch (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  level text not null check (level in ('tenant', 'flow', 'connection', 'action', 'plugin')),
  -- name of the flow, connection, action or plugin; empty for the whole tenant
  target text not null check ((level = 'tenant') = (target = '')),
  reason text not null default '',
  set_by text not null,
  set_at timestamptz not null default clock_timestamp(),
  unique (tenant_id, level, target)
);
create table guard_settings (
  tenant_id uuid primary key references tenant,
  version integer not null,
  rules jsonb not null,
  updated_by text not null,
  updated_at timestamptz not null default clock_timestamp()
);
-- steps that rest until a switch is released or the settings change
create table run_parked (
  run_id uuid not null,
  step text not null,
  tenant_id uuid not null,
  -- what parked it: the switch, or a cap under this version of the settings
  switch_id uuid,
  settings_version integer,
  since timestamptz not null default clock_timestamp(),
  primary key (run_id, step),
  check ((switch_id is null) <> (settings_version is null))
);
create index run_parked_since on run_parked (since, run_id, step);
`;

const COUNTERS = `
-- how much was used of one cap, by the part of its period: {"1763712000000": 3}, keys in milliseconds since 1970
create table guard_counter (
  tenant_id uuid not null,
  key bytea not null,
  used jsonb not null default '{}',
  expires_at timestamptz not null,
  primary key (tenant_id, key)
) with (fillfactor = 70);
create index guard_counter_expiry on guard_counter (expires_at);
-- what was counted for one attempt group of one step, so that it is counted once
create table guard_use (
  tenant_id uuid not null,
  use bytea not null,
  counter bytea not null,
  bucket bigint not null,
  amount bigint not null check (amount >= 0),
  expires_at timestamptz not null,
  primary key (tenant_id, use, counter)
);
create index guard_use_expiry on guard_use (expires_at);
-- one message of one business fact: who sends it, and what came of it
create table guard_fact (
  tenant_id uuid not null,
  fact bytea not null,
  run_id uuid not null,
  step text not null,
  state text not null default 'claimed' check (state in ('claimed', 'sent')),
  reference text not null default '',
  value jsonb not null default '{}',
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, fact)
);
create index guard_fact_age on guard_fact (at);
-- caps that were said to be reached: once per cap and window
create table guard_alert (
  tenant_id uuid not null,
  -- the counter's key in hex, and the beginning of its window
  name text not null,
  expires_at timestamptz not null,
  primary key (tenant_id, name)
);
create index guard_alert_expiry on guard_alert (expires_at);
`;

const PACE = `
alter table connection add column calls_per_second numeric check (calls_per_second > 0 and calls_per_second <= 10000);
-- the pace of one connection over all processes, in milliseconds since 1970 by this server's clock
create table connection_pace (
  connection_id uuid primary key,
  tenant_id uuid not null,
  -- when the next call that nobody has a place for yet may leave
  next_free double precision not null default 0,
  -- the end of the line of calls that rest until there is room for them
  line_until double precision not null default 0,
  -- the provider asked to be left alone until then
  held_until double precision not null default 0
) with (fillfactor = 50);
create index connection_pace_held on connection_pace (held_until);
`;

const CHANGES = `
-- grows with every change of a switch or of settings: each process asks for this one row, and reads the rest when it has grown
create table guard_change (
  one boolean primary key default true check (one),
  version bigint not null
);
insert into guard_change (version) values (0);
create function guard_changed() returns trigger language plpgsql security definer set search_path = public as $$
begin
  update guard_change set version = version + 1;
  return null;
end $$;
create trigger changed after insert or update or delete on kill_switch for each statement execute function guard_changed();
create trigger changed after insert or update or delete on guard_settings for each statement execute function guard_changed();
`;

const RESERVE = `
-- Claims facts and counts uses, all or nothing per request; requests are decided in the order of i.
-- A request is {i, tenant, run, step, use, fact, counters: [{key, from, bucket, amount, cap, expires}]}; bytes as hex, times in ms.
-- Answers, one per request: go; sent (by whoever held the fact, with what came of it); held (by another run that is under way);
-- full (the counter's number, what is used of it, and its oldest part that still counts).
-- Facts are locked first, then counters, each in the order of their keys, so two statements never wait for each other.
create function guard_reserve(requests jsonb)
returns table (i integer, verdict text, counter integer, used bigint, oldest bigint, held_by uuid, reference text, value jsonb)
language plpgsql set search_path = public as $$
#variable_conflict use_column
declare
  request record;
  item record;
  known record;
  claimed boolean;
  total bigint;
  first bigint;
  full_at integer;
  counted integer[];
begin
  insert into guard_fact (tenant_id, fact, run_id, step)
  select distinct on (r.tenant, r.fact) r.tenant, decode(r.fact, 'hex'), r.run, r.step
  from jsonb_to_recordset(requests) as r(i integer, tenant uuid, run uuid, step text, fact text)
  where r.fact is not null order by r.tenant, r.fact, r.i
  on conflict do nothing;
  perform 1 from guard_fact f
  where (f.tenant_id, f.fact) in (
    select r.tenant, decode(r.fact, 'hex') from jsonb_to_recordset(requests) as r(tenant uuid, fact text) where r.fact is not null)
  order by f.tenant_id, f.fact for update;

  insert into guard_counter (tenant_id, key, expires_at)
  select r.tenant, decode(c.key, 'hex'), to_timestamp(max(c.expires) / 1000.0)
  from jsonb_to_recordset(requests) as r(tenant uuid, counters jsonb), jsonb_to_recordset(r.counters) as c(key text, expires bigint)
  group by r.tenant, c.key order by r.tenant, c.key
  on conflict do nothing;
  perform 1 from guard_counter g
  where (g.tenant_id, g.key) in (
    select r.tenant, decode(c.key, 'hex')
    from jsonb_to_recordset(requests) as r(tenant uuid, counters jsonb), jsonb_to_recordset(r.counters) as c(key text))
  order by g.tenant_id, g.key for update;

  for request in
    select r.* from jsonb_to_recordset(requests) as r(i integer, tenant uuid, run uuid, step text, use text, fact text, counters jsonb) order by r.i
  loop
    i := request.i; counter := null; used := null; oldest := null; held_by := null; reference := null; value := null;
    claimed := false;
    if request.fact is not null then
      -- an earlier request of this statement may have given it up again
      insert into guard_fact (tenant_id, fact, run_id, step)
      values (request.tenant, decode(request.fact, 'hex'), request.run, request.step) on conflict do nothing;
      select f.* into known from guard_fact f where f.tenant_id = request.tenant and f.fact = decode(request.fact, 'hex');
      claimed := known.run_id = request.run and known.step = request.step and known.state = 'claimed';
      if not claimed and known.state = 'claimed' and not exists (
        select from run where run.id = known.run_id and run.status in ('running', 'waiting', 'attention')
      ) then
        -- it ended without saying: it may have been sent, and is not sent twice
        update guard_fact f set state = 'sent' where f.tenant_id = request.tenant and f.fact = known.fact;
        known.state := 'sent';
      end if;
      if not claimed then
        verdict := case known.state when 'sent' then 'sent' else 'held' end;
        held_by := known.run_id; reference := known.reference; value := known.value;
        return next;
        continue;
      end if;
    end if;

    full_at := null;
    counted := '{}';
    for item in
      select (row_number() over ())::integer - 1 as position, c.*
      from jsonb_to_recordset(request.counters) as c(key text, "from" bigint, bucket bigint, amount bigint, cap bigint)
    loop
      continue when exists (
        select from guard_use u where u.tenant_id = request.tenant and u.use = decode(request.use, 'hex') and u.counter = decode(item.key, 'hex'));
      select coalesce(sum(part.value::bigint), 0), min(part.key::bigint) into total, first
      from guard_counter g, jsonb_each_text(g.used) as part
      where g.tenant_id = request.tenant and g.key = decode(item.key, 'hex') and part.key::bigint >= item."from";
      if total + item.amount > item.cap then
        full_at := item.position; used := total; oldest := first;
        exit;
      end if;
      counted := counted || item.position;
    end loop;
    if full_at is not null then
      if claimed then
        delete from guard_fact f where f.tenant_id = request.tenant and f.fact = decode(request.fact, 'hex');
      end if;
      verdict := 'full'; counter := full_at;
      return next;
      continue;
    end if;

    for item in
      select (row_number() over ())::integer - 1 as position, c.*
      from jsonb_to_recordset(request.counters) as c(key text, "from" bigint, bucket bigint, amount bigint, expires bigint)
    loop
      continue when not item.position = any (counted);
      update guard_counter g set
        used = (
          select jsonb_object_agg(part.key, part.amount) from (
            select both_parts.key, sum(both_parts.amount) as amount from (
              select old.key, old.value::bigint as amount from jsonb_each_text(g.used) as old where old.key::bigint >= item."from"
              union all select item.bucket::text, item.amount
            ) as both_parts group by both_parts.key
          ) as part),
        expires_at = greatest(g.expires_at, to_timestamp(item.expires / 1000.0))
      where g.tenant_id = request.tenant and g.key = decode(item.key, 'hex');
      insert into guard_use (tenant_id, use, counter, bucket, amount, expires_at)
      values (request.tenant, decode(request.use, 'hex'), decode(item.key, 'hex'), item.bucket, item.amount, to_timestamp(item.expires / 1000.0));
    end loop;
    verdict := 'go';
    return next;
  end loop;
end $$;
`;

const SETTLE = `
-- Writes down what came of steps: {tenant, run, step, use, fact, sent, reference, value, back}. A fact that was sent stays, one that
-- was not is given up; back are the counters (hex) from which the use is taken off again. Locks as guard_reserve does.
create function guard_settle(results jsonb) returns void language plpgsql set search_path = public as $$
begin
  perform 1 from guard_fact f
  where (f.tenant_id, f.fact) in (
    select r.tenant, decode(r.fact, 'hex') from jsonb_to_recordset(results) as r(tenant uuid, fact text) where r.fact is not null)
  order by f.tenant_id, f.fact for update;
  perform 1 from guard_counter g
  where (g.tenant_id, g.key) in (
    select r.tenant, decode(b.key, 'hex') from jsonb_to_recordset(results) as r(tenant uuid, back jsonb), jsonb_array_elements_text(r.back) as b(key))
  order by g.tenant_id, g.key for update;
  update guard_fact f set state = 'sent', reference = r.reference, value = r.value
  from jsonb_to_recordset(results) as r(tenant uuid, run uuid, step text, fact text, sent boolean, reference text, value jsonb)
  where r.sent and f.tenant_id = r.tenant and f.fact = decode(r.fact, 'hex') and f.run_id = r.run and f.step = r.step and f.state = 'claimed';
  delete from guard_fact f
  using jsonb_to_recordset(results) as r(tenant uuid, run uuid, step text, fact text, sent boolean)
  where not r.sent and f.tenant_id = r.tenant and f.fact = decode(r.fact, 'hex') and f.run_id = r.run and f.step = r.step and f.state = 'claimed';
  with gone as (
    delete from guard_use u
    using jsonb_to_recordset(results) as r(tenant uuid, use text, back jsonb), jsonb_array_elements_text(r.back) as b(key)
    where u.tenant_id = r.tenant and u.use = decode(r.use, 'hex') and u.counter = decode(b.key, 'hex')
    returning u.tenant_id, u.counter, u.bucket, u.amount
  ), less as (
    select tenant_id, counter, bucket, sum(amount) as amount from gone group by tenant_id, counter, bucket
  ), parts as (
    select g.tenant_id, g.key, jsonb_object_agg(part.key, greatest(0, part.value::bigint - coalesce(less.amount, 0))) as used
    from guard_counter g
    cross join jsonb_each_text(g.used) as part
    left join less on less.tenant_id = g.tenant_id and less.counter = g.key and less.bucket = part.key::bigint
    where exists (select from less where less.tenant_id = g.tenant_id and less.counter = g.key)
    group by g.tenant_id, g.key
  )
  update guard_counter g set used = parts.used from parts where parts.tenant_id = g.tenant_id and parts.key = g.key;
end $$;
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['kill_switch', 'guard_settings', 'run_parked', 'guard_counter', 'guard_use', 'guard_fact', 'guard_alert', 'connection_pace'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
    execute format('create policy engine_rows on %I to kassaflow_engine using (true) with check (true)', name);
  end loop;
end $$;
-- days begin at midnight in the tenant's zone
create policy engine_zone on tenant for select to kassaflow_engine using (true);
`;

const GRANTS = `
grant select, insert, update, delete on kill_switch to kassaflow_app;
grant select, insert, update on guard_settings to kassaflow_app;
grant select, insert on guard_alert to kassaflow_app;
grant select on guard_counter, run_parked to kassaflow_app;
grant select on kill_switch, guard_settings, guard_change to kassaflow_engine;
grant select (id, time_zone) on tenant to kassaflow_engine;
grant select, delete on guard_alert to kassaflow_engine;
grant select, insert, update, delete on guard_counter, guard_use, guard_fact, run_parked, connection_pace to kassaflow_engine;
revoke all on function guard_reserve(jsonb), guard_settle(jsonb), guard_changed() from public;
grant execute on function guard_reserve(jsonb), guard_settle(jsonb) to kassaflow_engine;
`;
