import { Migration } from '@mikro-orm/migrations';

/**
 * Repair: more that people may want of a run, dead letters, bulk jobs.
 *
 * `run_failure` is written by a subscriber of the event log, not on the path of a run; bulk jobs put commands into `run_command`
 * like everybody else. What each means is in src/runs/repair/README.md.
 */
export class Repair extends Migration {
  override name = '20261121_0005_repair';

  override up(): void {
    for (const statement of [COMMANDS, DEAD_LETTERS, BULK_JOBS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const COMMANDS = `
alter table run_command drop constraint run_command_kind_check;
alter table run_command add constraint run_command_kind_check
  check (kind in ('cancel', 'retry', 'resolve', 'skip', 'resume', 'edit', 'move'));
alter table run_command
  add column reason text not null default '',
  -- the request that gave it: a repeat finds this row in place of giving it again
  add column request_key text,
  -- the bulk job that gave it
  add column bulk_job uuid;
create unique index run_command_request on run_command (tenant_id, request_key) where request_key is not null;
create index run_command_of_run on run_command (run_id, id);
-- never changes after the insert, so updates of the run stay HOT; runs of flows without one-per have no entry
create index run_of_one_per on run (tenant_id, one_per, id) where one_per is not null;
`;

const DEAD_LETTERS = `
-- what failures with the same fingerprint have in common
create table failure_group (
  tenant_id uuid not null,
  fingerprint text not null check (fingerprint ~ '^[0-9a-f]{16}$'),
  flow text not null,
  step text not null,
  code text not null,
  -- with numbers and ids masked
  message text not null,
  first_at timestamptz not null,
  primary key (tenant_id, fingerprint)
);
-- runs that failed or need a person; whether one still does is said by the run itself
create table run_failure (
  run_id uuid primary key,
  tenant_id uuid not null,
  fingerprint text not null,
  at timestamptz not null
);
create index run_failure_of_group on run_failure (tenant_id, fingerprint, run_id);
`;

const BULK_JOBS = `
create table bulk_job (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  action text not null check (action in ('cancel', 'retry', 'skip', 'resume', 'move')),
  -- what the command of every run carries
  detail jsonb not null,
  -- as the server understood it, its time range included
  selection jsonb not null,
  state text not null check (state in ('preview', 'running', 'paused', 'completed', 'aborted')),
  plan jsonb not null,
  plan_version text not null,
  -- digest of the selected runs and how they stood
  basis text not null default '',
  total integer not null check (total between 0 and 100000),
  -- runs per second
  rate integer not null default 5 check (rate between 1 and 200),
  reason text not null default '',
  previewed_by text not null,
  previewed_at timestamptz not null default clock_timestamp(),
  started_by text,
  started_at timestamptz,
  finished_at timestamptz,
  -- up to when the rate has been used
  paced_at timestamptz,
  -- the process that works on it, and until when it is nobody else's
  worker text,
  lease_until timestamptz,
  check ((state = 'preview') = (started_at is null))
);
create index bulk_job_of_tenant on bulk_job (tenant_id, id);
create index bulk_job_open on bulk_job (tenant_id, started_at) where state in ('running', 'paused');
create table bulk_job_run (
  job_id uuid not null references bulk_job on delete cascade,
  position integer not null,
  tenant_id uuid not null,
  run_id uuid not null,
  -- how the run stood at the preview: one that has moved on since is left alone
  status text not null,
  journal_rows integer not null,
  category text not null check (category in ('safe', 'looked-up', 'may-happen-twice', 'impossible')),
  state text not null default 'pending' check (state in ('pending', 'sent', 'done', 'refused', 'changed', 'left')),
  command_id bigint,
  -- the error's code, for those that were refused
  answer text,
  primary key (job_id, position)
);
create index bulk_job_run_pending on bulk_job_run (job_id, position) where state = 'pending';
create index bulk_job_run_sent on bulk_job_run (job_id, position) where state = 'sent';
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['failure_group', 'run_failure', 'bulk_job', 'bulk_job_run'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
    execute format('create policy engine_rows on %I to kassaflow_engine using (true) with check (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select on failure_group, run_failure to kassaflow_app;
grant select, insert, update on bulk_job, bulk_job_run to kassaflow_app;
grant select, insert, update, delete on failure_group, run_failure to kassaflow_engine;
grant select, update, delete on bulk_job, bulk_job_run to kassaflow_engine;
grant insert on run_command to kassaflow_engine;
`;
