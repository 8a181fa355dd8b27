import { Migration } from '@mikro-orm/migrations';

/**
 * What runs wait for from outside, and what they are told: events, sub-flows, answers of people, their turn (src/runs/signals.ts).
 *
 * `run_wait` and `run_signal` are written in the commit of the journal entry that they belong to. A flow that waits for nothing,
 * asks nobody and starts no other writes no row here.
 */
export class Signals extends Migration {
  override name = '20261121_0002_signals';

  override up(): void {
    for (const statement of [RUNS, WAITS, TIMERS, QUEUE, TASKS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const RUNS = `
alter table run drop constraint run_status_check;
alter table run add constraint run_status_check
  check (status in ('queued', 'running', 'waiting', 'attention', 'completed', 'stopped', 'failed', 'cancelled'));
alter table run
  -- the run that started this one and waits for its end
  add column parent_run uuid,
  add column parent_step text,
  -- how many runs stand above this one
  add column depth smallint;
`;

const WAITS = `
create table run_wait (
  tenant_id uuid not null,
  event_type text not null,
  -- 'invoice.id=inv_…': the events that have this value there; empty: all of the type
  key text not null default '',
  run_id uuid not null,
  -- path of the step; empty for the flow's stop-on
  step text not null,
  since timestamptz not null,
  -- where it stands among the events: whichever of the two comes later finds the other (src/runs/postgres/queries/match-waits.ts)
  position bigint not null default next_event_seq(),
  primary key (tenant_id, event_type, key, run_id, step)
);
create index run_wait_position on run_wait (position);
create index run_wait_of_run on run_wait (run_id);
-- News for a run; deleted in the commit that records that the run was told
create table run_signal (
  -- ascending in the order of delivery
  id bigint generated always as identity primary key,
  tenant_id uuid not null,
  run_id uuid not null,
  step text not null,
  kind text not null check (kind in ('event', 'child', 'answer')),
  -- the event, the sub-flow's run, the task
  source uuid not null,
  detail jsonb,
  at timestamptz not null default clock_timestamp(),
  unique (run_id, step, source)
);
-- The values in a payload by which a wait may be found: scalars down to the third level, at most 256, none longer than 200
create function event_keys(data jsonb) returns text[] language sql immutable parallel safe as $$
  with recursive node(path, value, depth) as (
    select e.key, e.value, 1 from jsonb_each(data) e
    union all
    select n.path || '.' || e.key, e.value, n.depth + 1
    from node n, jsonb_each(case jsonb_typeof(n.value) when 'object' then n.value else '{}' end) e where n.depth < 3
  ), leaf as (
    select path || '=' || (value #>> '{}') as key from node
    where jsonb_typeof(value) in ('string', 'number', 'boolean') and length(value #>> '{}') <= 200
    limit 256
  )
  select coalesce(array_agg(key), '{}') from leaf
$$;
`;

const TIMERS = `
-- by tenant first: when many are due, every tenant's turn comes
alter table run_timer drop constraint run_timer_pkey, add primary key (tenant_id, wake_at, run_id);
`;

const QUEUE = `
-- Runs whose one-per key is taken, in the order in which they came. The oldest starts when the key is free (src/runs/README.md)
create table run_queue (
  position bigint generated always as identity primary key,
  tenant_id uuid not null,
  flow_id uuid not null,
  key text not null,
  run_id uuid not null unique,
  -- if-running: replace. The run that has the key is cancelled, and those queued before
  replaces boolean not null
);
create index run_queue_of_key on run_queue (tenant_id, flow_id, key, position);
`;

const TASKS = `
alter table staff_task drop constraint staff_task_state_check;
alter table staff_task add constraint staff_task_state_check check (state in ('open', 'done', 'withdrawn'));
alter table staff_task
  -- the step that waits for the answer; null for a task that a flow left behind
  add column run_id uuid,
  add column step text,
  add column choices text[],
  add column until timestamptz,
  add column answer text,
  add column note text,
  add column answered_by text,
  add column closed_at timestamptz,
  add constraint staff_task_question check ((run_id is null) = (step is null) and (run_id is null) = (choices is null));
create index staff_task_of_run on staff_task (run_id) where run_id is not null;
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['run_wait', 'run_signal', 'run_queue'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
    execute format('create policy engine_rows on %I to kassaflow_engine using (true) with check (true)', name);
  end loop;
end $$;
create policy engine_rows on staff_task to kassaflow_engine using (run_id is not null) with check (run_id is not null);
`;

const GRANTS = `
grant select on run_wait, run_queue to kassaflow_app;
grant select, insert on run_signal to kassaflow_app;
grant select, insert, update, delete on run_wait, run_signal, run_queue to kassaflow_engine;
-- the engine asks people and takes questions back; it does not read what they answered
grant insert (id, tenant_id, idempotency_key, team, title, about, link, run_id, step, choices, until) on staff_task to kassaflow_engine;
grant select (tenant_id, idempotency_key, run_id, step, state), update (state, closed_at) on staff_task to kassaflow_engine;
-- a run that replaces another one cancels it as a person would
grant insert on run_command to kassaflow_engine;
grant usage on all sequences in schema public to kassaflow_app, kassaflow_engine;
`;
