import { Migration } from '@mikro-orm/migrations';

/**
 * Addresses of portals that get our events, and what waits for them. The states are in src/webhooks/outgoing/README.md.
 */
export class WebhookEndpoints extends Migration {
  override name = '20261121_0011_webhook-endpoints';

  override up(): void {
    for (const statement of [ENDPOINTS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const ENDPOINTS = `
create table webhook_endpoint (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  url text not null,
  description text not null default '',
  -- short names of events, or payment.* for a group; empty for all
  types text[] not null,
  state text not null default 'active' check (state in ('active', 'paused', 'disabled', 'deleted')),
  -- why the system itself disabled it
  problem text,
  -- sealed; the one before it signs too, until old_secret_until
  secret bytea not null,
  old_secret bytea,
  old_secret_until timestamptz,
  -- events up to this position have been put in its queue, or were not for it
  seq bigint not null,
  -- deliveries in a row that it did not take; from the fifth on it rests until held_until
  failures integer not null default 0,
  held_until timestamptz,
  delivered_at timestamptz,
  created_at timestamptz not null,
  version integer not null default 1,
  check ((old_secret is null) = (old_secret_until is null))
);
create unique index webhook_endpoint_url on webhook_endpoint (tenant_id, url) where state <> 'deleted';
create table webhook_delivery (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  endpoint_id uuid not null references webhook_endpoint,
  -- the event, which the log keeps
  event_id uuid not null,
  seq bigint not null,
  type text not null,
  subject text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  attempts integer not null default 0,
  -- of these, how many were before it was last asked for again: its pauses begin anew then
  earlier_attempts integer not null default 0,
  -- when it is sent, and the lease of the process that sends it; null once it has ended
  next_at timestamptz,
  -- of the last attempt
  status smallint,
  problem text,
  delivered_at timestamptz,
  unique (endpoint_id, seq),
  check ((state = 'pending') = (next_at is not null))
);
create index webhook_delivery_due on webhook_delivery (endpoint_id, next_at) where next_at is not null;
-- what is due is sent in the order of its subject
create index webhook_delivery_of_subject on webhook_delivery (endpoint_id, subject, seq) where next_at is not null;
create index webhook_delivery_listed on webhook_delivery (endpoint_id, state, id);
create table webhook_attempt (
  delivery_id uuid not null references webhook_delivery on delete cascade,
  number integer not null,
  tenant_id uuid not null references tenant,
  at timestamptz not null,
  took_ms integer not null,
  -- what the portal answered; null when nothing came
  status smallint,
  problem text,
  primary key (delivery_id, number)
);
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['webhook_endpoint', 'webhook_delivery', 'webhook_attempt'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
  foreach name in array array['webhook_endpoint', 'webhook_delivery'] loop
    execute format('create policy engine_rows on %I for select to kassaflow_engine using (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select, insert, update on webhook_endpoint, webhook_delivery, webhook_attempt to kassaflow_app;
-- the sweep finds the endpoints that have work; the work itself is done by the app role, tenant by tenant
grant select (id, tenant_id, state, seq, failures, held_until) on webhook_endpoint to kassaflow_engine;
grant select (endpoint_id, state, next_at) on webhook_delivery to kassaflow_engine;
`;
