import { Migration } from '@mikro-orm/migrations';

/**
 * The first schema: tenants and credentials, event log, inbox, the first slice of the domain, flows and runs.
 *
 * Three roles use it (docs/decisions/0004-three-database-roles.md). Every table with a `tenant_id` has row security by
 * `app.tenant`, forced, so that a query without a tenant sees nothing. Append-only tables refuse UPDATE, DELETE and
 * TRUNCATE by trigger, whoever asks.
 */
export class Foundation extends Migration {
  override name = '20261121_0001_foundation';

  override up(): void {
    for (const statement of [
      TENANCY,
      EVENTS,
      INBOX,
      CUSTOMERS_AND_INVOICES,
      PAYMENTS,
      LEDGER,
      CREDITS,
      FLOWS,
      RUNS,
      RUN_OPERATIONS,
      APPEND_ONLY,
      ROW_SECURITY,
      ENGINE_ROLE,
    ]) {
      this.addSql(statement);
    }
  }
}

const TENANCY = `
create table tenant (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z][a-z0-9-]{1,40}$'),
  name text not null,
  mode text not null check (mode in ('test', 'live')),
  time_zone text not null default 'Europe/Amsterdam',
  created_at timestamptz not null default now()
);
create table tenant_data_key (
  tenant_id uuid primary key references tenant,
  master_key_id text not null,
  wrapped_key bytea not null,
  created_at timestamptz not null default now()
);
create table api_key (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  mode text not null check (mode in ('test', 'live')),
  secret_hash bytea not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create table idempotency_record (
  tenant_id uuid not null references tenant,
  api_key_id uuid not null,
  route text not null,
  key text not null,
  request_hash bytea not null,
  -- how often the handler was started: an ending of an earlier attempt is refused
  attempt integer not null default 1,
  -- when the handler last said that it runs: the lease of src/platform/lease.ts
  alive_at timestamptz not null default clock_timestamp(),
  -- null while the handler runs
  status smallint,
  headers jsonb,
  body bytea,
  created_at timestamptz not null default now(),
  primary key (api_key_id, route, key)
);
create index idempotency_record_age on idempotency_record (created_at);
create table connection (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  plugin text not null,
  mode text not null check (mode in ('test', 'live')),
  settings jsonb not null,
  secrets bytea not null,
  is_default boolean not null default false,
  state text not null default 'active' check (state in ('active', 'paused', 'disabled')),
  last_check jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version integer not null default 1,
  unique (tenant_id, name)
);
create table audit_entry (
  seq bigint generated always as identity primary key,
  tenant_id uuid not null references tenant,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  subject text not null,
  detail jsonb not null default '{}'
);
`;

const EVENTS = `
-- Raised by hand when the log is restored on a server whose transaction numbers begin lower: see src/events/README.md
create function event_base() returns bigint language sql immutable parallel safe as $$ select 0::bigint $$;
-- A position in the log: the transaction's number, then 20 bits that count up within it. A plain sequence would not do:
-- its numbers are drawn in one order and committed in another, so a reader that went past 6 would never see a late 5.
-- Gives the first of several positions in a row, so that a statement that stores many events asks once.
create function next_event_seq(count integer default 1) returns bigint language plpgsql volatile as $$
declare
  lowest constant bigint := (event_base() + pg_current_xact_id()::text::bigint) << 20;
  first constant bigint := greatest(lowest, coalesce(nullif(current_setting('kassaflow.event_seq', true), '')::bigint, 0));
begin
  if first + count > lowest + (1 << 20) then
    raise exception 'more than 1048576 events in one transaction' using errcode = '54000';
  end if;
  perform set_config('kassaflow.event_seq', (first + count)::text, true);
  return first;
end $$;
-- Every position below it is final: the transactions that could still write there have ended.
create function event_horizon() returns bigint language sql stable parallel safe
  as $$ select (event_base() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20 $$;
create table event (
  seq bigint not null default next_event_seq(),
  id uuid primary key,
  tenant_id uuid not null,
  source text not null,
  source_id text not null,
  type text not null,
  subject text not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp(),
  data jsonb not null,
  -- true when the runs that it starts were written in the same commit: the dispatcher need not match it to flows again
  routed boolean not null
);
create unique index event_seq on event (seq);
create index event_unrouted on event (seq) where not routed;
create index event_of_tenant on event (tenant_id, seq);
create index event_of_subject on event (tenant_id, subject, seq) where subject <> '';
create table event_key (
  tenant_id uuid not null,
  -- first 16 bytes of sha256(source, 0, source_id)
  digest bytea not null,
  event_id uuid not null,
  body_hash bytea not null,
  primary key (tenant_id, digest)
);
create table event_cursor (
  subscriber text primary key,
  seq bigint not null,
  updated_at timestamptz not null default now()
);
`;

const INBOX = `
create table inbox (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  connection_id uuid not null references connection,
  event_key text not null,
  headers jsonb not null,
  body bytea not null,
  received_at timestamptz not null,
  state text not null default 'received' check (state in ('received', 'applied', 'ignored', 'orphan', 'failed')),
  attempts integer not null default 0,
  next_at timestamptz,
  problem text,
  unique (connection_id, event_key)
);
create index inbox_due on inbox (next_at) where next_at is not null;
-- what operators look at; the rest has gone well
create index inbox_trouble on inbox (tenant_id, id) where state in ('failed', 'orphan') or problem is not null;
`;

const CUSTOMERS_AND_INVOICES = `
create table customer (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  reference text,
  name text not null,
  first_name text not null default '',
  email text not null default '',
  phone text not null default '',
  locale text not null default 'en',
  created_at timestamptz not null default now(),
  version integer not null default 1,
  unique (tenant_id, reference)
);
create table invoice (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid not null references customer,
  number text,
  state text not null check (state in ('draft', 'issued', 'paid', 'cancelled')),
  description text not null default '',
  currency char(3) not null,
  net_minor bigint not null,
  vat_minor bigint not null,
  total_minor bigint not null,
  paid_minor bigint not null default 0 check (paid_minor >= 0 and paid_minor <= total_minor),
  issued_on date,
  due_on date,
  paid_at timestamptz,
  created_at timestamptz not null default now(),
  -- the request that made it: a repeat finds this row instead of making another
  request_key text,
  version integer not null default 1,
  unique (tenant_id, request_key),
  check (net_minor + vat_minor = total_minor),
  check ((state = 'draft') = (number is null) or state = 'cancelled'),
  unique (tenant_id, number)
);
create index invoice_of_customer on invoice (tenant_id, customer_id);
create table invoice_line (
  invoice_id uuid not null references invoice,
  position integer not null,
  tenant_id uuid not null references tenant,
  description text not null,
  quantity integer not null check (quantity > 0),
  unit_minor bigint not null,
  -- per ten thousand: 2100 is 21 %
  vat_rate integer not null check (vat_rate between 0 and 10000),
  net_minor bigint not null,
  primary key (invoice_id, position)
);
create table invoice_sequence (
  tenant_id uuid not null references tenant,
  year integer not null,
  last integer not null,
  primary key (tenant_id, year)
);
`;

const PAYMENTS = `
create table customer_order (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid not null references customer,
  invoice_id uuid references invoice,
  state text not null check (state in ('created', 'paid', 'cancelled')),
  credits bigint not null default 0 check (credits >= 0),
  description text not null,
  currency char(3) not null,
  total_minor bigint not null,
  created_at timestamptz not null default now(),
  request_key text,
  version integer not null default 1,
  unique (tenant_id, request_key)
);
create index customer_order_of_invoice on customer_order (invoice_id);
create table payment (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid references customer,
  connection_id uuid not null references connection,
  provider_id text,
  state text not null check (state in ('created', 'pending', 'authorized', 'completed', 'failed', 'cancelled', 'expired', 'partially-refunded', 'refunded', 'charged-back')),
  description text not null,
  currency char(3) not null,
  amount_minor bigint not null check (amount_minor > 0),
  authorized_minor bigint not null default 0,
  voided_minor bigint not null default 0,
  captured_minor bigint not null default 0,
  refunded_minor bigint not null default 0,
  refund_pending_minor bigint not null default 0,
  charged_back_minor bigint not null default 0,
  -- what we asked the provider to capture of an authorization, and which part of that has no answer yet
  capture_asked_minor bigint not null default 0 check (capture_asked_minor >= 0),
  capture_pending_minor bigint not null default 0 check (capture_pending_minor between 0 and capture_asked_minor),
  fee_minor bigint,
  method text,
  provider_state text not null default '',
  failure jsonb,
  next jsonb,
  -- how the amount was divided over the invoices, and how a part of it is
  split text not null check (split in ('oldest-first', 'proportional', 'chosen')),
  -- the provider took another amount or currency than was asked for
  mismatched boolean not null default false,
  facts_fetched_at timestamptz,
  -- when a fetch first said that captured money is gone; a second one must agree
  doubted_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  request_key text,
  version integer not null default 1,
  unique (connection_id, provider_id),
  unique (tenant_id, request_key)
);
create index payment_of_customer on payment (tenant_id, customer_id);
create table payment_invoice (
  payment_id uuid not null references payment,
  invoice_id uuid not null references invoice,
  tenant_id uuid not null references tenant,
  position integer not null,
  -- how much of the payment is meant for this invoice
  intended_minor bigint not null check (intended_minor > 0),
  -- how much of what was captured pays it now
  allocated_minor bigint not null default 0 check (allocated_minor >= 0),
  primary key (payment_id, invoice_id)
);
create index payment_of_invoice on payment_invoice (invoice_id);
create table refund (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  payment_id uuid not null references payment,
  currency char(3) not null,
  amount_minor bigint not null check (amount_minor > 0),
  state text not null check (state in ('requested', 'pending', 'completed', 'failed')),
  origin text not null check (origin in ('kassaflow', 'provider')),
  provider_id text,
  reason text not null default '',
  -- credits that go back with the money, for the flow that takes them
  credits bigint not null default 0 check (credits >= 0),
  created_at timestamptz not null default now(),
  -- null while approval is awaited
  sent_at timestamptz,
  accepted_at timestamptz,
  request_key text,
  version integer not null default 1,
  unique (tenant_id, request_key)
);
create index refund_of_payment on refund (payment_id);
create table payment_attempt (
  payment_id uuid not null references payment,
  operation text not null check (operation in ('create', 'capture', 'cancel', 'refund')),
  number integer not null,
  tenant_id uuid not null references tenant,
  refund_id uuid references refund,
  -- the request that asked for a capture or a cancellation
  request_key text,
  idempotency_key text not null unique,
  -- sent again byte by byte, so it is kept as text
  request text not null,
  state text not null check (state in ('sending', 'done', 'failed', 'unknown')),
  outcome jsonb,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- when somebody looks after it next; null once it is settled
  next_at timestamptz,
  tries integer not null default 1,
  primary key (payment_id, operation, number),
  unique (tenant_id, request_key)
);
create index payment_attempt_due on payment_attempt (next_at) where next_at is not null;
-- payments at which something is still open: their provider is asked, should its webhook be lost
create table payment_check (
  payment_id uuid primary key references payment,
  tenant_id uuid not null references tenant,
  since timestamptz not null,
  next_at timestamptz not null
);
create index payment_check_due on payment_check (next_at);
`;

const LEDGER = `
create table ledger_account (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  code text not null,
  currency char(3) not null,
  normal text not null check (normal in ('debit', 'credit')),
  unique (tenant_id, code, currency)
);
create table ledger_entry (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  -- made by the caller before the first attempt: the same key never posts twice
  idempotency_key text not null,
  request_hash bytea not null,
  kind text not null,
  subject text not null,
  description text not null,
  effective_at timestamptz not null,
  posted_at timestamptz not null default clock_timestamp(),
  reverses uuid unique references ledger_entry,
  xid xid8 not null default pg_current_xact_id(),
  unique (tenant_id, idempotency_key)
);
create index ledger_entry_of_subject on ledger_entry (tenant_id, subject);
create table ledger_line (
  entry_id uuid not null references ledger_entry,
  line smallint not null,
  tenant_id uuid not null references tenant,
  account_id uuid not null references ledger_account,
  side text not null check (side in ('debit', 'credit')),
  minor bigint not null check (minor > 0),
  currency char(3) not null,
  primary key (entry_id, line)
);
create index ledger_line_of_account on ledger_line (account_id);
create function ledger_entry_balances() returns trigger language plpgsql as $$
begin
  if exists (
    select from ledger_line where entry_id = new.entry_id group by currency
    having sum(case side when 'debit' then minor else -minor end) <> 0
  ) then
    raise exception 'ledger entry % does not balance', new.entry_id using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger ledger_line_balances after insert on ledger_line
  deferrable initially deferred for each row execute function ledger_entry_balances();
create function ledger_entry_has_lines() returns trigger language plpgsql as $$
begin
  if (select count(*) from ledger_line where entry_id = new.id) < 2 then
    raise exception 'ledger entry % has fewer than two lines', new.id using errcode = '23514';
  end if;
  return null;
end $$;
create constraint trigger ledger_entry_complete after insert on ledger_entry
  deferrable initially deferred for each row execute function ledger_entry_has_lines();
`;

const CREDITS = `
create table credit_account (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid not null references customer,
  balance bigint not null default 0 check (balance >= 0),
  -- the balance below which credit.low is said; null when nobody wants to know
  low_below bigint check (low_below > 0),
  version integer not null default 1,
  unique (tenant_id, customer_id)
);
create table credit_entry (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  account_id uuid not null references credit_account,
  kind text not null check (kind in ('grant', 'use', 'expiry', 'correction')),
  units bigint not null check (units <> 0),
  balance_after bigint not null,
  idempotency_key text not null,
  request_hash bytea not null,
  reason text not null default '',
  order_id uuid references customer_order,
  created_at timestamptz not null default clock_timestamp(),
  unique (tenant_id, idempotency_key)
);
create index credit_entry_of_account on credit_entry (account_id, created_at);
create table credit_package (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  credits bigint not null check (credits > 0),
  currency char(3) not null,
  net_minor bigint not null check (net_minor > 0),
  vat_rate integer not null check (vat_rate between 0 and 10000),
  active boolean not null default true,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);
`;

const FLOWS = `
create table flow (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  title text not null,
  enabled boolean not null default true,
  revision integer not null,
  updated_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create table flow_revision (
  flow_id uuid not null references flow,
  revision integer not null,
  tenant_id uuid not null references tenant,
  source text not null,
  hash bytea not null,
  published_at timestamptz not null default now(),
  published_by text not null,
  primary key (flow_id, revision)
);
`;

const RUNS = `
create sequence engine_epoch;
-- one row per flush lane of a process: who may write to the runs of this epoch (src/runs/README.md)
create table engine_lease (
  epoch bigint primary key,
  process text not null,
  -- the oldest run that this lane may hold in memory: where a successor begins to look after it died
  low_water uuid not null,
  -- number of the last committed flush; tells after a cut connection whether a statement was committed
  last_flush bigint not null default 0,
  expires_at timestamptz not null,
  -- its owner stopped in good order: taking its runs over is not counted as a death
  released boolean not null default false,
  -- the lease that took this one's runs over; nothing is written under this one any more
  taken_by bigint
) with (fillfactor = 50);
create table run (
  id uuid primary key,
  tenant_id uuid not null,
  flow_id uuid not null,
  revision integer not null,
  event_id uuid,
  one_per text,
  inputs jsonb,
  -- the lease of the lane that has the run in memory; 0 when nobody has
  epoch bigint not null,
  status text not null check (status in ('running', 'waiting', 'attention', 'completed', 'stopped', 'failed', 'cancelled')),
  reason jsonb,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
-- no index on a column that changes, and room on the page: updates stay HOT
) with (fillfactor = 60);
create index run_of_tenant on run (tenant_id, id);
create table run_journal (
  run_id uuid not null,
  seq integer not null,
  tenant_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  -- json, not jsonb: a repeated call sends the same bytes, and jsonb reorders keys
  entries json not null,
  primary key (run_id, seq)
);
create table run_timer (
  wake_at timestamptz not null,
  run_id uuid not null,
  tenant_id uuid not null,
  primary key (wake_at, run_id)
);
create table run_key (
  tenant_id uuid not null,
  flow_id uuid not null,
  key text not null,
  run_id uuid not null,
  primary key (tenant_id, flow_id, key)
);
`;

const RUN_OPERATIONS = `
create table run_command (
  id bigint generated always as identity primary key,
  tenant_id uuid not null references tenant,
  run_id uuid not null,
  kind text not null check (kind in ('cancel', 'retry', 'resolve')),
  detail jsonb not null default '{}',
  requested_by text not null,
  requested_at timestamptz not null default clock_timestamp(),
  handled_at timestamptz,
  answer jsonb
);
create index run_command_open on run_command (id) where handled_at is null;
create table run_attention (
  run_id uuid not null,
  step text not null,
  tenant_id uuid not null,
  since timestamptz not null default clock_timestamp(),
  kind text not null check (kind in ('unknown-outcome', 'failed', 'connection')),
  detail jsonb not null,
  resolved_at timestamptz,
  primary key (run_id, step, since)
);
create index run_attention_open on run_attention (tenant_id, since) where resolved_at is null;
create table staff_task (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  idempotency_key text not null,
  team text not null,
  title text not null,
  about text not null default '',
  link text not null default '',
  urgent boolean not null default false,
  state text not null default 'open' check (state in ('open', 'done')),
  created_at timestamptz not null default now(),
  unique (tenant_id, idempotency_key)
);
`;

const APPEND_ONLY = `
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op using errcode = '55000';
end $$;
do $$
declare name text;
begin
  foreach name in array array['event', 'event_key', 'ledger_entry', 'ledger_line', 'credit_entry', 'flow_revision', 'run_journal', 'audit_entry'] loop
    execute format('create trigger append_only before update or delete on %I for each row execute function refuse_change()', name);
    execute format('create trigger append_only_truncate before truncate on %I for each statement execute function refuse_change()', name);
  end loop;
end $$;
`;

const ROW_SECURITY = `
create function current_tenant() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.tenant', true), '')::uuid $$;
grant usage on schema public to kassaflow_app, kassaflow_engine;
do $$
declare name text;
begin
  for name in
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
  loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
  end loop;
end $$;
alter table tenant enable row level security;
alter table tenant force row level security;
create policy own_row on tenant to kassaflow_app using (id = current_tenant()) with check (id = current_tenant());
-- the owner runs migrations and tenant administration from the command line; it is never used by a request
do $$
declare name text;
begin
  for name in select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity loop
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
end $$;
grant select, insert on event, event_key, ledger_entry, ledger_line, credit_entry, flow_revision, audit_entry, run_command to kassaflow_app;
grant select, insert, update on
  tenant, tenant_data_key, api_key, connection, inbox, customer, invoice, customer_order, payment, payment_invoice,
  payment_attempt, refund, ledger_account, credit_account, credit_package, flow, staff_task, run_attention, invoice_sequence to kassaflow_app;
grant select, insert, update, delete on invoice_line, idempotency_record, payment_check to kassaflow_app;
grant select on run, run_journal, run_timer, run_key to kassaflow_app;
grant update (handled_at, answer) on run_command to kassaflow_app;
grant usage on all sequences in schema public to kassaflow_app;
`;

const ENGINE_ROLE = `
-- the engine works for all tenants, on its own tables only: it cannot read a customer, a connection's secret or the ledger
do $$
declare name text;
begin
  foreach name in array array['event', 'event_key', 'run', 'run_journal', 'run_timer', 'run_key', 'run_command', 'run_attention', 'flow', 'flow_revision', 'inbox', 'payment_attempt', 'payment_check', 'idempotency_record'] loop
    execute format('create policy engine_rows on %I to kassaflow_engine using (true) with check (true)', name);
  end loop;
end $$;
grant select, insert on event, event_key, run_journal to kassaflow_engine;
grant select, insert, update, delete on event_cursor, engine_lease, run, run_timer, run_key, run_attention to kassaflow_engine;
grant select, update on run_command to kassaflow_engine;
grant select on flow, flow_revision to kassaflow_engine;
-- sweeps find the tenants that have work; the work itself is done by the app role, tenant by tenant
grant select (id, tenant_id, connection_id, state, next_at) on inbox to kassaflow_engine;
grant select (payment_id, operation, number, tenant_id, state, next_at) on payment_attempt to kassaflow_engine;
grant select (tenant_id, next_at) on payment_check to kassaflow_engine;
grant select (created_at), delete on idempotency_record to kassaflow_engine;
grant usage on all sequences in schema public to kassaflow_engine;

-- what must be known before the tenant is: a credential, a webhook address and a name on the command line
create function find_api_key(key_id uuid) returns setof api_key language sql stable security definer set search_path = public
  as $$ select * from api_key where id = key_id $$;
create function find_connection_tenant(connection uuid) returns table (tenant_id uuid, plugin text, mode text, state text) language sql stable security definer set search_path = public
  as $$ select c.tenant_id, c.plugin, c.mode, c.state from connection c where c.id = connection $$;
create function find_tenant(wanted_slug text) returns table (id uuid, mode text) language sql stable security definer set search_path = public
  as $$ select t.id, t.mode from tenant t where t.slug = wanted_slug $$;
revoke all on function find_api_key(uuid), find_connection_tenant(uuid), find_tenant(text) from public;
grant execute on function find_api_key(uuid), find_connection_tenant(uuid), find_tenant(text) to kassaflow_app;
`;
