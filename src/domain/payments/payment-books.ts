/** How a change of a payment's amounts stands in the books. */
import type { Currency } from '../../kernel/currency.ts';
import { money } from '../../kernel/money.ts';
import { accounts, signed, type LedgerLine } from '../ledger/index.ts';
import { spread, type Share, type SplitRule } from './allocation.ts';
import type { PaymentAmounts } from './payment.ts';

/** One entry to post, and where the money lies after it. */
export interface PaymentPosting {
  readonly kind: 'payment.captured' | 'payment.refunded' | 'payment.charged-back' | 'payment.fee';
  readonly lines: readonly LedgerLine[];
}

/** One of the three totals moved, and what lies on each share after it. */
export interface BookedMove {
  readonly kind: 'captured' | 'refunded' | 'charged-back';
  /** Of that total, so a refund is above zero; below zero for what turned out not to be. */
  readonly change: bigint;
  /** In the order of `shares`. */
  readonly allocated: readonly bigint[];
}

export interface PaymentBooking {
  readonly postings: readonly PaymentPosting[];
  /** In the order of the postings; a fee is none. */
  readonly moves: readonly BookedMove[];
  /** What lies on each share afterwards, in the order of `shares`. */
  readonly allocated: readonly bigint[];
  /** What is more than the shares can take, when that has grown; 0n otherwise, and for a payment of no invoice. */
  readonly overpaid: bigint;
}

/** Where a payment's money goes through and to. */
export interface MoneyPath {
  readonly connectionId: string;
  readonly currency: Currency;
  readonly rule: SplitRule;
  readonly shares: readonly (Share & { readonly allocated: bigint })[];
}

/**
 * The entries that bring the books from `before` to `after`. Money captured: D clearing, C receivable as far as it is put
 * on invoices, C unallocated for the rest; refunds and chargebacks the other way; the fee D fees, C clearing. Each change
 * has its own entry, so that one fetch that reports a capture and a refund reads like two. Every entry balances, because
 * what is not on an invoice is unallocated by definition. That account goes below zero when more went back than came, for
 * example by a refund and a chargeback of the same money: the customer then owes it.
 */
export function bookingOf(before: PaymentAmounts, after: PaymentAmounts, path: MoneyPath): PaymentBooking {
  const clearing = accounts.clearing(path.connectionId);
  let held = heldOf(before);
  let allocated = path.shares.map((share) => share.allocated);
  const postings: PaymentPosting[] = [];
  const moves: BookedMove[] = [];
  const totals = [
    ['captured', after.captured - before.captured, 1n],
    ['refunded', after.refunded - before.refunded, -1n],
    ['charged-back', after.chargedBack - before.chargedBack, -1n],
  ] as const;
  for (const [kind, grown, sign] of totals) {
    if (grown === 0n) continue;
    const change = grown * sign;
    held += change;
    const next = spread(path.rule, held, path.shares);
    const onInvoices = sum(next) - sum(allocated);
    allocated = next;
    moves.push({ kind, change: grown, allocated });
    postings.push({
      kind: `payment.${kind}`,
      lines: [
        ...signed(clearing, 'debit', money(change, path.currency)),
        ...signed(accounts.receivable, 'credit', money(onInvoices, path.currency)),
        ...signed(accounts.unallocated, 'credit', money(change - onInvoices, path.currency)),
      ],
    });
  }
  const [over, overBefore] = [held - sum(allocated), heldOf(before) - sum(path.shares.map((share) => share.allocated))];
  const overpaid = path.shares.length > 0 && over > 0n && over > overBefore ? over : 0n;
  const fee = (after.fee ?? before.fee ?? 0n) - (before.fee ?? 0n);
  if (fee !== 0n)
    postings.push({
      kind: 'payment.fee',
      lines: [...signed(accounts.fees, 'debit', money(fee, path.currency)), ...signed(clearing, 'credit', money(fee, path.currency))],
    });
  return { postings, moves, allocated, overpaid };
}

function heldOf({ captured, refunded, chargedBack }: PaymentAmounts): bigint {
  return captured - refunded - chargedBack;
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
