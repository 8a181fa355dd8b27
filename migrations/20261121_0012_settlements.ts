import { Migration } from '@mikro-orm/migrations';

/**
 * What providers paid out and kept, line by line, and which days of it were read.
 *
 * What the states mean, and which rule puts a line where, is in src/domain/settlements/README.md.
 */
export class Settlements extends Migration {
  override name = '20261121_0012_settlements';

  override up(): void {
    for (const statement of [IMPORTS, SETTLEMENTS, LINES, PAYMENTS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const IMPORTS = `
create table settlement_import (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  connection_id uuid not null references connection,
  origin text not null check (origin in ('nightly', 'hand')),
  -- days of the provider, both included
  first_day date not null,
  last_day date not null,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'failed', 'superseded')),
  -- where reading goes on; null at the beginning and at the end
  page text,
  pages integer not null default 0,
  lines integer not null default 0,
  -- times that reading began and did not come to its end
  failures integer not null default 0,
  -- when it is worked on next, and until when it belongs to the worker named; null once it has ended
  next_at timestamptz,
  worker uuid,
  -- why it does not go on, or never will
  problem text,
  actor text not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  request_key text,
  check (first_day <= last_day),
  check ((state = 'waiting') = (next_at is not null)),
  unique (tenant_id, request_key)
);
create unique index settlement_import_nightly on settlement_import (connection_id, last_day) where origin = 'nightly';
create index settlement_import_listed on settlement_import (connection_id, created_at);
create index settlement_import_due on settlement_import (next_at) where next_at is not null;
`;

const SETTLEMENTS = `
create table settlement (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  connection_id uuid not null references connection,
  kind text not null check (kind in ('payout', 'day')),
  -- the provider's id of the payout; the day as 2026-11-30
  provider_id text not null,
  currency char(3) not null,
  -- the provider says what the payout is made of, so its lines have to add up
  itemized boolean not null,
  -- the provider's own day: of the payout's line, or of the lines without a payout
  ledger_date date not null,
  -- when the payout was booked; null while no line says so, and for a day
  paid_at timestamptz,
  -- the payout in which this day's lines were paid out
  paid_by uuid references settlement,
  -- exact sums of the lines, as the provider tells them
  line_count integer not null default 0,
  payout numeric(24, 6) not null default 0,
  fees numeric(24, 6) not null default 0,
  fee_vat numeric(24, 6) not null default 0,
  -- what the lines lack to add up to the payout; zero where nothing is to be held against
  difference numeric(24, 6) not null default 0,
  -- of the lines, what our books do not know of
  unexplained numeric(24, 6) not null default 0,
  -- what this settlement has put into the books by now, in minor units
  booked_payout bigint not null default 0,
  booked_fees bigint not null default 0,
  booked_fee_vat bigint not null default 0,
  booked_suspense bigint not null default 0,
  booked_rounding bigint not null default 0,
  -- its lines have changed since the sums were made
  dirty boolean not null default true,
  received_at timestamptz,
  created_at timestamptz not null,
  version integer not null default 1,
  unique (connection_id, kind, provider_id, currency)
);
create index settlement_listed on settlement (tenant_id, id);
create index settlement_by_day on settlement (connection_id, currency, ledger_date);
-- what operators count
create index settlement_unbalanced on settlement (created_at) where difference <> 0;
create index settlement_unexplained on settlement (created_at) where unexplained <> 0;
create index settlement_dirty on settlement (connection_id) where dirty;
`;

const LINES = `
create table settlement_line (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  connection_id uuid not null references connection,
  settlement_id uuid not null references settlement,
  provider_id text not null,
  kind text not null check (kind in ('payment', 'refund', 'chargeback', 'chargeback-reversal', 'fee', 'payout', 'adjustment', 'unknown')),
  -- the provider's own word for the kind, verbatim
  provider_type text not null default '',
  payout text not null default '',
  payment_provider_id text,
  -- the payment that our reference in the line names, whether it exists or not
  reference_id uuid,
  refund_provider_id text,
  payment_id uuid references payment,
  refund_id uuid references refund,
  currency char(3) not null,
  gross numeric(21, 6) not null,
  fee numeric(21, 6) not null,
  fee_vat numeric(21, 6) not null default 0,
  net numeric(21, 6) not null,
  -- the parts of gross and fee that our books had without this line
  explained_gross numeric(21, 6) not null default 0,
  explained_fee numeric(21, 6) not null default 0,
  booked_at timestamptz not null,
  -- the provider's own day, which an instant does not tell
  ledger_date date not null,
  -- not yet held against our payments as it stands
  dirty boolean not null,
  created_at timestamptz not null,
  unique (connection_id, provider_id, kind, payout)
);
create index settlement_line_of_settlement on settlement_line (settlement_id, booked_at, id);
create index settlement_line_of_payment on settlement_line (payment_id) where payment_id is not null;
create index settlement_line_of_day on settlement_line (connection_id, ledger_date);
create index settlement_line_unexplained on settlement_line (connection_id, ledger_date)
  where payment_id is not null and (fee <> explained_fee or gross <> explained_gross);
create index settlement_line_dirty on settlement_line (connection_id) where dirty;
`;

const PAYMENTS = `
-- what settlements told and a fetch does not: it stays when a fetch says otherwise. Null: nothing was told
alter table payment add column settled_charged_back_minor bigint check (settled_charged_back_minor >= 0);
alter table payment add column settled_refunded_minor bigint check (settled_refunded_minor >= 0);
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['settlement_import', 'settlement', 'settlement_line'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
  foreach name in array array['settlement_import', 'settlement', 'connection'] loop
    execute format('create policy settlement_rows on %I for select to kassaflow_engine using (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select, insert, update on settlement_import, settlement, settlement_line to kassaflow_app;
-- finds the tenants that have work, and counts it; the work itself is done by the app role, tenant by tenant
grant select (tenant_id, connection_id, origin, last_day, state, lines, failures, next_at, created_at) on settlement_import to kassaflow_engine;
grant select (difference, unexplained, created_at) on settlement to kassaflow_engine;
grant select (id, tenant_id, state) on connection to kassaflow_engine;
`;
