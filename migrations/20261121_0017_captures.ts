import { Migration } from '@mikro-orm/migrations';

/**
 * Reserved money that we take by ourselves and before its time is over, and payments of providers that tell us nothing by themselves.
 *
 * What the columns mean is in src/domain/payments/captures and src/domain/payments/payment-checks.ts.
 */
export class Captures extends Migration {
  override name = '20261121_0017_captures';

  override up(): void {
    for (const statement of [CAPTURES, GRANTS]) this.addSql(statement);
  }
}

const CAPTURES = `
alter table payment
  -- who takes reserved money: the provider by itself, we as soon as it is reserved, or a person or flow
  add column capture text not null default 'automatic' check (capture in ('automatic', 'when-authorized', 'manual')),
  -- until when it can be taken
  add column capture_before timestamptz,
  -- when that is looked at next; null while nothing is reserved, and once there is nothing more to say
  add column capture_watch_at timestamptz,
  -- when it was found that its time is over
  add column lapsed_at timestamptz,
  -- until when the payer's bank may take the money back without a question
  add column provisional_until timestamptz,
  -- the provider tells nothing by itself: it is asked every few seconds
  add column polled boolean not null default false;
create index payment_capture_watch on payment (capture_watch_at) where capture_watch_at is not null;
`;

const GRANTS = `
create policy engine_rows on payment for select to kassaflow_engine using (true);
-- finds the tenants that have reserved money to look at; the work itself is done by the app role
grant select (tenant_id, capture_watch_at) on payment to kassaflow_engine;
`;
