import { Migration } from '@mikro-orm/migrations';

/**
 * Schedules and triggers of plugins: when a flow is due next, and how far a provider was asked.
 *
 * Their life is written down in src/runs/schedules/README.md.
 */
export class Schedules extends Migration {
  override name = '20261121_0003_schedules';

  override up(): void {
    for (const statement of [ROUTES, CHAINS, SCHEDULES, TRIGGERS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const ROUTES = `
-- what starts the flow, so that a process knows it without reading the text; null in revisions from before this column
alter table flow_revision add column routes jsonb;
-- every process asks twice a second what was published
create index flow_updated on flow (updated_at);
`;

const CHAINS = `
-- of a run that another run starts: how many events of runs lie behind it; any other has it from the source of its event
alter table run add column chain smallint;
`;

const SCHEDULES = `
-- one row for each schedule of each enabled flow
create table flow_schedule (
  flow_id uuid not null references flow,
  -- cron and time zone: the same words in another revision are the same schedule
  trigger text not null,
  tenant_id uuid not null references tenant,
  revision integer not null,
  cron text not null,
  time_zone text not null,
  missed text not null check (missed in ('run-once', 'skip', 'all')),
  next_slot timestamptz not null,
  -- when next_slot was worked out: a moment in the future says that the database's clock was set back
  computed_at timestamptz not null default clock_timestamp(),
  -- a process that fires it has it until then
  claimed_until timestamptz,
  primary key (flow_id, trigger)
) with (fillfactor = 70);
create index flow_schedule_due on flow_schedule (next_slot);
create index flow_schedule_computed on flow_schedule (computed_at);
`;

const TRIGGERS = `
-- a trigger of a plugin with its connection and settings, once for all flows that name it
create table trigger_source (
  tenant_id uuid not null references tenant,
  -- first half of sha256 over trigger, connection and settings, in hexadecimal
  source text not null,
  trigger text not null,
  -- name of the connection; null for the only or default one that fits
  via text,
  input jsonb not null,
  -- the connection that the cursor belongs to
  connection_id uuid,
  cursor text,
  -- ids of the items of the last poll: a provider that is asked "since" gives the last ones again
  seen text[] not null default '{}',
  -- null when the provider pushes
  next_poll_at timestamptz default clock_timestamp(),
  claimed_until timestamptz,
  failures integer not null default 0,
  problem text,
  polled_at timestamptz,
  primary key (tenant_id, source)
) with (fillfactor = 70);
create index trigger_source_due on trigger_source (next_poll_at) where next_poll_at is not null;
create table flow_trigger (
  flow_id uuid not null references flow,
  source text not null,
  tenant_id uuid not null references tenant,
  primary key (flow_id, source)
);
create index flow_trigger_of_source on flow_trigger (tenant_id, source);
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['flow_schedule', 'trigger_source', 'flow_trigger'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
    execute format('create policy engine_rows on %I to kassaflow_engine using (true) with check (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select, insert, update, delete on flow_schedule, trigger_source, flow_trigger to kassaflow_app;
-- the engine fires and polls; which schedules and sources there are is decided when a flow is published
grant select, update on flow_schedule, trigger_source to kassaflow_engine;
`;
