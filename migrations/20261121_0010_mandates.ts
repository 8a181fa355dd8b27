import { Migration } from '@mikro-orm/migrations';

/**
 * Mandates (permissions to charge later), charges made under them, and disputes as the provider lists them.
 *
 * What the states mean is in src/domain/payments/mandates/mandate.ts and src/domain/payments/disputes/dispute.ts.
 */
export class Mandates extends Migration {
  override name = '20261121_0010_mandates';

  override up(): void {
    for (const statement of [MANDATES, CHARGES, DISPUTES, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const MANDATES = `
create table mandate (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid not null references customer,
  connection_id uuid not null references connection,
  -- the payment that left it behind
  payment_id uuid references payment,
  provider_id text not null,
  -- the customer at the provider, where a charge has to name it too
  provider_customer text,
  kind text not null check (kind in ('sepa-debit', 'card', 'wallet', 'agreement')),
  state text not null check (state in ('pending', 'active', 'revoked', 'expired')),
  label text not null default '',
  -- the same for every mandate over one card or account
  fingerprint text,
  valid_until timestamptz,
  facts_fetched_at timestamptz,
  created_at timestamptz not null,
  -- made or charged the last time
  used_at timestamptz not null,
  -- 36 months after that, or when the provider says, if that is sooner
  lapses_at timestamptz not null,
  ended_at timestamptz,
  version integer not null default 1,
  unique (connection_id, provider_id)
);
create index mandate_of_customer on mandate (tenant_id, customer_id, id);
create index mandate_by_fingerprint on mandate (tenant_id, fingerprint) where fingerprint is not null;
create index mandate_lapsing on mandate (lapses_at) where state in ('pending', 'active');
`;

const CHARGES = `
-- the mandate under which the customer is charged; null on a payment that the customer makes
alter table payment add column mandate_id uuid references mandate;
create index payment_of_mandate on payment (mandate_id, created_at) where mandate_id is not null;
alter table payment_attempt drop constraint payment_attempt_operation_check;
alter table payment_attempt add constraint payment_attempt_operation_check
  check (operation in ('create', 'charge', 'capture', 'cancel', 'refund'));
`;

const DISPUTES = `
create table dispute (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  payment_id uuid not null references payment,
  provider_id text not null,
  state text not null check (state in ('inquiry', 'opened', 'won', 'lost')),
  currency char(3) not null,
  amount_minor bigint not null check (amount_minor >= 0),
  -- the scheme's or bank's code, verbatim
  reason text not null default '',
  respond_by timestamptz,
  opened_at timestamptz not null,
  closed_at timestamptz,
  version integer not null default 1,
  unique (payment_id, provider_id)
);
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['mandate', 'dispute'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
end $$;
create policy engine_rows on mandate to kassaflow_engine using (true) with check (true);
`;

const GRANTS = `
grant select, insert, update on mandate, dispute to kassaflow_app;
-- finds the tenants that have mandates to lapse; the work itself is done by the app role
grant select (tenant_id, state, lapses_at) on mandate to kassaflow_engine;
`;
