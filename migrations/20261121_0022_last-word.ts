import { Migration } from '@mikro-orm/migrations';

/**
 * What providers say last about money: questions that outlive who asks them, answers that take back what was said before, imports of
 * settlements that a provider's signal asks for, and money that came in another currency than was paid in (src/domain/payments/payment-checks.ts, src/domain/payments/payment-change.ts,
 * src/domain/settlements/signalled-imports.ts).
 */
export class LastWord extends Migration {
  override name = '20261121_0022_last-word';

  override up(): void {
    for (const statement of [CHECKS, PAYMENTS, IMPORTS, EXCHANGE, SUCCESSORS]) this.addSql(statement);
  }
}

const CHECKS = `
-- next_at is the end of a claim, and this is its name: somebody asks. Null: next_at is when to ask
alter table payment_check add column claimed_until timestamptz;
`;

const PAYMENTS = `
-- since when the provider has told, twice, of taken money as if it had never been there; null once it tells of it again
alter table payment add column contradicted_at timestamptz;
create index payment_contradicted on payment (contradicted_at) where contradicted_at is not null;
grant select (contradicted_at) on payment to kassaflow_engine;
`;

const IMPORTS = `
alter table settlement_import drop constraint settlement_import_origin_check;
alter table settlement_import add constraint settlement_import_origin_check check (origin in ('nightly', 'hand', 'signal'));
-- however many signals come, one import waits for all of them
create unique index settlement_import_signalled on settlement_import (connection_id) where origin = 'signal' and state = 'waiting';
`;

const EXCHANGE = `
alter table settlement_line
  -- what the line was in the currency that was paid in, where the provider exchanged it and tells both
  add column exchanged_gross numeric(21, 6),
  add column exchanged_currency char(3),
  -- the part of it that our books had without this line
  add column explained_exchanged numeric(21, 6) not null default 0,
  add constraint settlement_line_exchanged_check check ((exchanged_gross is null) = (exchanged_currency is null));
alter table settlement
  -- what came for exchanged money, in the settlement's currency; and for what, in minor units of each currency that was paid in
  add column booked_exchange bigint not null default 0,
  add column booked_exchanged jsonb not null default '{}';
`;

const SUCCESSORS = `
-- what a customer approved a charge with is charged in place of this one from then on
alter table mandate add column replaced_by_id uuid references mandate;
-- what it leaves behind takes the place of this mandate
alter table payment add column replaces_mandate_id uuid references mandate;
alter table checkout_session add column replaces_mandate_id uuid references mandate;
`;
