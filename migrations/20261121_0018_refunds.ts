import { Migration } from '@mikro-orm/migrations';

/**
 * Refunds that somebody else has to approve, or that need the card at a terminal; and credits that are taken back with the money that paid for
 * them (src/domain/payments/refund.ts, src/domain/credits/README.md).
 */
export class Refunds extends Migration {
  override name = '20261121_0018_refunds';

  override up(): void {
    for (const statement of [REFUNDS, CREDITS]) this.addSql(statement);
  }
}

const REFUNDS = `
alter table refund drop constraint refund_state_check;
alter table refund
  add constraint refund_state_check check (state in ('requested', 'pending', 'completed', 'failed', 'cancelled')),
  -- who asked for it, as the audit names them: somebody else approves; empty for one that was made at the provider
  add column requested_by text not null default '',
  -- the provider wants to see the card: somebody taps it at the terminal, and its totals or reports tell
  add column at_terminal boolean not null default false;
`;

const CREDITS = `
alter table credit_account drop constraint credit_account_balance_check;
alter table credit_account
  -- how far the balance may be below zero, because credits were taken back that had been used; nothing but a claw-back raises it
  add column owed bigint not null default 0 check (owed >= 0),
  add constraint credit_account_balance_check check (balance >= -owed);
alter table credit_entry drop constraint credit_entry_kind_check, drop constraint credit_entry_units_check;
alter table credit_entry
  add constraint credit_entry_kind_check check (kind in ('grant', 'use', 'expiry', 'correction', 'claw-back')),
  -- a claw-back that found nothing is written down too: its repeat must not find more
  add constraint credit_entry_units_check check (units <> 0 or kind = 'claw-back');
`;
