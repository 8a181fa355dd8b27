import { Migration } from '@mikro-orm/migrations';

/** Checkout sessions with their attempts, and payment requests (src/domain/checkout/README.md). Payments are found by the request key of the attempt. */
export class Checkout extends Migration {
  override name = '20261121_0009_checkout';

  override up(): void {
    for (const statement of [SESSIONS, REQUESTS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const SESSIONS = `
create table checkout_session (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid references customer,
  state text not null check (state in ('open', 'completed', 'cancelled', 'expired')),
  description text not null,
  currency char(3) not null,
  amount_minor bigint not null check (amount_minor > 0),
  -- [{"id": uuid, "amount"?: {"amount", "currency"}}]: what it pays, as it was asked for
  invoices jsonb not null,
  split text not null check (split in ('oldest-first', 'proportional')),
  capture text not null check (capture in ('automatic', 'manual')),
  connection text,
  -- the only ways of paying that it offers; null for all there are
  methods jsonb,
  locale text not null,
  return_url text not null,
  cancel_url text,
  metadata jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  completed_at timestamptz,
  -- when its end is looked at; null once it has one
  due_at timestamptz,
  request_key text not null,
  version integer not null default 1,
  unique (tenant_id, request_key)
);
create index checkout_session_due on checkout_session (due_at) where due_at is not null;
create table checkout_attempt (
  session_id uuid not null references checkout_session,
  -- the way of paying, as the menu names it: connection, or connection.method
  choice text not null,
  -- counts up only after the one before has ended without money
  number integer not null,
  tenant_id uuid not null references tenant,
  -- the request key of its payment
  request_key text not null,
  started_at timestamptz not null,
  primary key (session_id, choice, number),
  unique (tenant_id, request_key)
);
-- a payer has no credential but the address of the page: whose it is must be known before the address can be checked
create function find_checkout_tenant(session uuid) returns uuid language sql stable security definer set search_path = public
  as $$ select tenant_id from checkout_session where id = session $$;
revoke all on function find_checkout_tenant(uuid) from public;
grant execute on function find_checkout_tenant(uuid) to kassaflow_app;
`;

const REQUESTS = `
create table payment_request (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  customer_id uuid references customer,
  state text not null check (state in ('created', 'approved', 'cancelled', 'expired', 'failed')),
  phone text not null,
  description text not null,
  currency char(3) not null,
  amount_minor bigint not null check (amount_minor > 0),
  -- who wants it to end before it is approved, and has not had the provider's word yet
  ending text check (ending in ('cancel', 'expire')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- when its reminder is due; null when it was given or none was wished for
  remind_at timestamptz,
  -- when something is to be done about it by itself; null once it has ended
  due_at timestamptz,
  -- the request key of its payment too
  request_key text not null,
  version integer not null default 1,
  unique (tenant_id, request_key)
);
create index payment_request_due on payment_request (due_at) where due_at is not null;
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['checkout_session', 'checkout_attempt', 'payment_request'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
  foreach name in array array['checkout_session', 'payment_request'] loop
    execute format('create policy engine_rows on %I for select to kassaflow_engine using (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select, insert, update on checkout_session, payment_request to kassaflow_app;
grant select, insert on checkout_attempt to kassaflow_app;
-- the sweep finds the tenants that have work; the work itself is done by the app role, tenant by tenant
grant select (tenant_id, due_at) on checkout_session, payment_request to kassaflow_engine;
`;
