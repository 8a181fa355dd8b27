import { Migration } from '@mikro-orm/migrations';

/**
 * What providers say last about money: questions that outlive who asks them, and answers that take back what was said before
 * (src/domain/payments/payment-checks.ts, src/domain/payments/payment-change.ts).
 */
export class LastWord extends Migration {
  override name = '20261121_0022_last-word';

  override up(): void {
    for (const statement of [CHECKS, PAYMENTS]) this.addSql(statement);
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
