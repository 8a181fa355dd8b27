import { Migration } from '@mikro-orm/migrations';

/**
 * Settings of merchants: modes that cannot be mixed, credentials that overlap while they change, webhooks registered at providers, and
 * which connections take which payments.
 */
export class MerchantSettings extends Migration {
  override name = '20261121_0013_merchant-settings';

  override up(): void {
    for (const statement of [MODES, CREDENTIALS, HEALTH, ROUTES, ATTEMPTS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

/** A tenant is a test tenant or a live one, and so is all that belongs to it: no key and no account of the other kind can be written. */
const MODES = `
alter table tenant add constraint tenant_mode unique (id, mode);
alter table api_key add constraint api_key_mode foreign key (tenant_id, mode) references tenant (id, mode);
alter table connection add constraint connection_mode foreign key (tenant_id, mode) references tenant (id, mode);
`;

const CREDENTIALS = `
-- all settings before the last rotation, sealed; good until previous_until
alter table connection add column previous_settings bytea, add column previous_until timestamptz;
alter table connection add check ((previous_settings is null) = (previous_until is null));
-- one that was removed stays for the payments that name it, without its credentials; its name is free again
alter table connection drop constraint connection_state_check;
alter table connection add constraint connection_state_check check (state in ('active', 'paused', 'disabled', 'removed'));
alter table connection drop constraint connection_tenant_id_name_key;
create unique index connection_name on connection (tenant_id, name) where state <> 'removed';
`;

const HEALTH = `
-- how a connection stands at its provider; the states are in src/plugin-host/connections/README.md
create table connection_health (
  connection_id uuid primary key references connection,
  tenant_id uuid not null references tenant,
  -- when it is looked at next
  due_at timestamptz not null,
  -- the lease of whoever looks at it now
  busy_until timestamptz,
  looked_at timestamptz,
  -- looks that failed, in a row
  failures integer not null default 0,
  webhook_state text not null default 'pending' check (webhook_state in ('pending', 'registered', 'failed')),
  -- the address that was asked for last
  webhook_url text,
  -- the provider's id of the registration
  webhook_id text,
  registered_at timestamptz,
  problem text,
  -- the last deliveries that were let in and refused, to the minute
  delivered_at timestamptz,
  refused_at timestamptz,
  refusal text
);
create index connection_health_due on connection_health (due_at);
insert into connection_health (connection_id, tenant_id, due_at) select id, tenant_id, now() from connection;
`;

const ROUTES = `
-- one row for each connection of a route; '' is any method, or any currency
create table payment_route (
  tenant_id uuid not null references tenant,
  method text not null check (method ~ '^([a-z0-9][a-z0-9-]{0,63})?$'),
  currency text not null check (currency ~ '^([A-Z]{3})?$'),
  -- the order in which they are tried
  position smallint not null,
  connection_id uuid not null references connection,
  primary key (tenant_id, method, currency, position),
  unique (tenant_id, method, currency, connection_id)
);
-- connections that take a payment when the call to the one before surely did nothing; shorter with each that was tried
alter table payment add column fallbacks uuid[] not null default '{}';
`;

const ATTEMPTS = `
-- through which connection; null for attempts from before there was more than one for a payment
alter table payment_attempt add column connection_id uuid references connection;
-- a payment is never opened at two providers: another attempt only after a definite no
create unique index payment_attempt_live on payment_attempt (payment_id) where operation in ('create', 'charge') and state <> 'failed';
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['connection_health', 'payment_route'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
end $$;
create policy engine_rows on connection_health for select to kassaflow_engine using (true);
`;

const GRANTS = `
grant select, insert, update, delete on connection_health to kassaflow_app;
grant select, insert, delete on payment_route to kassaflow_app;
-- the sweep finds what is due; the work itself is done by the app role, tenant by tenant
grant select (connection_id, tenant_id, due_at, busy_until, webhook_url) on connection_health to kassaflow_engine;
`;
