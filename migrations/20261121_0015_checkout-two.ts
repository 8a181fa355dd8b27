import { Migration } from '@mikro-orm/migrations';

/** Origins of the tenant's portals, and checkout sessions that can be held open and paid at a terminal (src/domain/portals, src/domain/checkout). */
export class CheckoutTwo extends Migration {
  override name = '20261121_0015_checkout-two';

  override up(): void {
    for (const statement of [ORIGINS, SESSIONS]) this.addSql(statement);
  }
}

const ORIGINS = `
create table portal_origin (
  tenant_id uuid not null references tenant,
  -- scheme, host and port as a browser writes them; where payers may be led back to, and whose pages may call us
  origin text not null check (origin ~ '^https?://[^/?#@[:space:]]+$' and length(origin) <= 300),
  created_at timestamptz not null,
  primary key (tenant_id, origin)
);
alter table portal_origin enable row level security;
alter table portal_origin force row level security;
create policy tenant_rows on portal_origin to kassaflow_app using (tenant_id = current_tenant()) with check (tenant_id = current_tenant());
create policy owner_rows on portal_origin to kassaflow_owner using (true) with check (true);
grant select, insert, delete on portal_origin to kassaflow_app;
`;

const SESSIONS = `
alter table checkout_session
  -- how often the payer asked for more time
  add column extensions smallint not null default 0 check (extensions between 0 and 10),
  -- the terminal at which the payer stands
  add column device text;
`;
