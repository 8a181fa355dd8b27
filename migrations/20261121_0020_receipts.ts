import { Migration } from '@mikro-orm/migrations';

/** Receipts of payments, one each, in versions that never change (src/domain/receipts/README.md). */
export class Receipts extends Migration {
  override name = '20261121_0020_receipts';

  override up(): void {
    for (const statement of [RECEIPTS, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const RECEIPTS = `
create table receipt (
  payment_id uuid primary key references payment,
  tenant_id uuid not null references tenant,
  -- for people; made of the payment's id, so it needs no counter that all payments of a tenant would wait for
  number text not null,
  -- the secret part of the address of its page; another one closes the old address
  link_secret text not null,
  issued_at timestamptz not null,
  -- of the newest version: the page is open for some time from then on
  changed_at timestamptz not null
);
create index receipt_of_tenant on receipt (tenant_id, payment_id);
create index receipt_by_number on receipt (tenant_id, number);
create table receipt_version (
  payment_id uuid not null references receipt,
  version integer not null check (version > 0),
  tenant_id uuid not null references tenant,
  reason text not null check (reason in ('paid', 'refunded', 'refund-failed', 'returned', 'charged-back', 'won-back', 'reversed')),
  currency char(3) not null,
  paid_minor bigint not null,
  refunded_minor bigint not null,
  charged_back_minor bigint not null,
  -- what was kept before; what is kept since follows from the three totals
  before_minor bigint not null,
  kept_minor bigint not null generated always as (paid_minor - refunded_minor - charged_back_minor) stored,
  -- the invoices with the part of each, as they are shown
  invoices jsonb not null,
  order_id text not null,
  moved_at timestamptz not null,
  issued_at timestamptz not null,
  primary key (payment_id, version)
);
create trigger append_only before update or delete on receipt_version for each row execute function refuse_change();
create trigger append_only_truncate before truncate on receipt_version for each statement execute function refuse_change();
-- a reader has no credential but the address of the page: whose it is must be known before the address can be checked
create function find_receipt_tenant(payment uuid) returns uuid language sql stable security definer set search_path = public
  as $$ select tenant_id from receipt where payment_id = payment $$;
revoke all on function find_receipt_tenant(uuid) from public;
grant execute on function find_receipt_tenant(uuid) to kassaflow_app;
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['receipt', 'receipt_version'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select, insert on receipt, receipt_version to kassaflow_app;
grant update (link_secret, changed_at) on receipt to kassaflow_app;
`;
