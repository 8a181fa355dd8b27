import { Migration } from '@mikro-orm/migrations';

/**
 * The evidence that nobody rewrote the ledger or the audit log: blocks of a hash chain, one chain for each tenant and log.
 *
 * A position is drawn by the transaction that writes the row and is final once the horizon has passed it (as for events), so
 * blocks can be made behind the writers, who never wait for each other. What a block says is in src/platform/chain/README.md.
 */
export class Chain extends Migration {
  override name = '20261121_0007_chain';

  override up(): void {
    for (const statement of [POSITIONS, BLOCKS, ROW_SECURITY]) this.addSql(statement);
  }
}

/** Rows from before get positions below every one that is drawn from now on. */
const POSITIONS = `
alter table ledger_entry add column position bigint;
alter table audit_entry add column position bigint;
alter table ledger_entry disable trigger append_only;
alter table audit_entry disable trigger append_only;
update ledger_entry e set position = o.place from (select id, row_number() over (order by xid, id) as place from ledger_entry) o where o.id = e.id;
update audit_entry set position = seq;
alter table ledger_entry enable trigger append_only;
alter table audit_entry enable trigger append_only;
alter table ledger_entry alter column position set default next_event_seq(), alter column position set not null;
alter table audit_entry alter column position set default next_event_seq(), alter column position set not null;
create index ledger_entry_position on ledger_entry (position);
create index audit_entry_position on audit_entry (position);
`;

const BLOCKS = `
create table chain_block (
  log text not null check (log in ('ledger', 'audit')),
  tenant_id uuid not null references tenant,
  n integer not null check (n > 0),
  first_position bigint not null,
  last_position bigint not null,
  rows integer not null check (rows > 0),
  previous bytea not null check (length(previous) = 32),
  hash bytea not null check (length(hash) = 32),
  made_at timestamptz not null default clock_timestamp(),
  primary key (log, tenant_id, n)
);
-- how far each log is chained, over all tenants
create table chain_cursor (
  log text primary key,
  position bigint not null
);
insert into chain_cursor (log, position) values ('ledger', 0), ('audit', 0);
create trigger append_only before update or delete on chain_block for each row execute function refuse_change();
create trigger append_only_truncate before truncate on chain_block for each statement execute function refuse_change();
`;

const ROW_SECURITY = `
alter table chain_block enable row level security;
alter table chain_block force row level security;
create policy tenant_rows on chain_block to kassaflow_app using (tenant_id = current_tenant());
create policy owner_rows on chain_block to kassaflow_owner using (true) with check (true);
grant select on chain_block to kassaflow_app;
`;
