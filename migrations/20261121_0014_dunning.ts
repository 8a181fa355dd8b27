import { Migration } from '@mikro-orm/migrations';

/**
 * Mandates that are made without a payment, what became of charges that failed, announcements of direct debits, invoices that are given up,
 * and the tenant's policy.
 *
 * What the states mean is in src/domain/payments/mandates/mandate.ts, how repeats are planned in src/domain/dunning/README.md.
 */
export class Dunning extends Migration {
  override name = '20261121_0014_dunning';

  override up(): void {
    for (const statement of [MANDATES, DECLINES, APPROVALS, NOTICES, WRITE_OFFS, POLICY, ROW_SECURITY, GRANTS]) this.addSql(statement);
  }
}

const MANDATES = `
-- the word of the plugin contract for a wallet is "account"
alter table mandate drop constraint mandate_kind_check;
update mandate set kind = 'account' where kind = 'wallet';
alter table mandate add constraint mandate_kind_check check (kind in ('sepa-debit', 'card', 'account', 'agreement'));
-- null until the provider of one that we asked for has answered
alter table mandate alter column provider_id drop not null;
alter table mandate
  add column description text not null default '',
  -- what the customer has to do to confirm it
  add column next jsonb,
  -- the request that asked for it; null on one that a payment left behind
  add column request_key text,
  -- its provider tries a failed charge again by itself
  add column provider_retries boolean not null default false,
  -- returns before this do not count any more: a person has let it be charged again
  add column resumed_at timestamptz,
  add constraint mandate_request unique (tenant_id, request_key);
`;

const DECLINES = `
create table decline (
  payment_id uuid primary key references payment,
  tenant_id uuid not null references tenant,
  mandate_id uuid not null references mandate,
  -- the first of those that were charged
  invoice_id uuid references invoice,
  failed_at timestamptz not null,
  class text not null check (class in ('transient', 'soft', 'customer-action', 'hard')),
  source text not null check (source in ('sepa', 'visa', 'mastercard', 'ours')),
  code text not null,
  -- when to charge again; null where that is of no use
  retry_at timestamptz,
  -- the repeat comes within hours and uses up no day of the schedule
  quick boolean not null default false,
  -- a person looks before anybody is written to
  person boolean not null default false
);
create index decline_of_invoice on decline (invoice_id, mandate_id) where invoice_id is not null;
`;

const APPROVALS = `
-- a customer was asked to approve the charge in person
create table charge_approval (
  payment_id uuid primary key references payment,
  tenant_id uuid not null references tenant,
  asked_at timestamptz not null,
  expires_at timestamptz not null
);
`;

const NOTICES = `
create table debit_notice (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  mandate_id uuid not null references mandate,
  invoice_id uuid not null references invoice,
  currency char(3) not null,
  amount_minor bigint not null check (amount_minor > 0),
  due_on date not null,
  submit_on date not null,
  created_at timestamptz not null,
  request_key text not null,
  unique (tenant_id, request_key),
  check (submit_on < due_on)
);
create index debit_notice_of_invoice on debit_notice (invoice_id);
`;

const WRITE_OFFS = `
alter table invoice drop constraint invoice_state_check;
alter table invoice add constraint invoice_state_check check (state in ('draft', 'issued', 'paid', 'written-off', 'cancelled'));
-- given up: booked as a loss, and no longer asked for
alter table invoice add column written_off_minor bigint not null default 0 check (written_off_minor >= 0),
  add constraint invoice_written_off_fits check (paid_minor + written_off_minor <= total_minor);
`;

const POLICY = `
create table dunning_policy (
  tenant_id uuid primary key references tenant,
  card_days smallint[] not null,
  debit_days smallint[] not null,
  quiet_from smallint not null check (quiet_from between 0 and 23),
  quiet_until smallint not null check (quiet_until between 0 and 23),
  pay_day smallint check (pay_day between 1 and 31),
  notice_days smallint not null check (notice_days between 1 and 14),
  notice_required boolean not null,
  link_days smallint not null check (link_days between 1 and 90),
  creditor_id text not null,
  updated_at timestamptz not null
);
`;

const ROW_SECURITY = `
do $$
declare name text;
begin
  foreach name in array array['decline', 'charge_approval', 'debit_notice', 'dunning_policy'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant_rows on %I to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant())', name);
    execute format('create policy owner_rows on %I to kassaflow_owner using (true) with check (true)', name);
  end loop;
end $$;
`;

const GRANTS = `
grant select, insert, update on decline, dunning_policy to kassaflow_app;
grant select, insert on charge_approval, debit_notice to kassaflow_app;
`;
