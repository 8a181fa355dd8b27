import { negate, type Money } from '../../kernel/money.ts';
import { normalSideOf, oppositeOf, type Side } from './accounts.ts';
import { ledgerErrors } from './ledger.errors.ts';

/** One line of an entry; the amount is above zero, the side says its direction. */
export interface LedgerLine {
  readonly account: string;
  readonly side: Side;
  readonly amount: Money;
}

/** An entry before it is posted. */
export interface LedgerDraft {
  /** Made before the first attempt; the same key never posts twice. */
  readonly key: string;
  /** Why it was posted, for people and exports: `invoice.issued`, `payment.captured`. */
  readonly kind: string;
  /** What it is about: `payment/pay_…`. */
  readonly subject: string;
  readonly description: string;
  /** When it happened in the world; the database adds when it was posted. */
  readonly effectiveAt: Date;
  readonly lines: readonly LedgerLine[];
}

export function debit(account: string, amount: Money): LedgerLine {
  return { account, side: 'debit', amount };
}

export function credit(account: string, amount: Money): LedgerLine {
  return { account, side: 'credit', amount };
}

/**
 * A line for an amount of either sign: a negative one stands on the other side. Zero gives no line, because the ledger
 * stores no empty ones.
 */
export function signed(account: string, side: Side, amount: Money): LedgerLine[] {
  if (amount.minor === 0n) return [];
  if (amount.minor > 0n) return [{ account, side, amount }];
  return [{ account, side: oppositeOf(side), amount: negate(amount) }];
}

/**
 * Checks what the database checks again at commit: two lines or more, amounts above zero, known kinds of accounts, and
 * debits equal to credits in each currency.
 *
 * @throws ledger.invalid-line, ledger.unbalanced
 */
export function checkBalanced(lines: readonly LedgerLine[]): void {
  const difference = new Map<string, bigint>();
  for (const { account, side, amount } of lines) {
    normalSideOf(account);
    if (amount.minor <= 0n) throw ledgerErrors['invalid-line']({ account, minor: amount.minor });
    difference.set(amount.currency, (difference.get(amount.currency) ?? 0n) + (side === 'debit' ? amount.minor : -amount.minor));
  }
  if (lines.length < 2) throw ledgerErrors.unbalanced({ lines: lines.length });
  for (const [currency, minor] of difference) if (minor !== 0n) throw ledgerErrors.unbalanced({ currency, difference: minor });
}

/** The same lines with their sides swapped. */
export function reversedLines(lines: readonly LedgerLine[]): LedgerLine[] {
  return lines.map((line) => ({ ...line, side: oppositeOf(line.side) }));
}
