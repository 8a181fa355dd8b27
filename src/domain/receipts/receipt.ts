/**
 * What a receipt says, as rules on data.
 *
 * A receipt has no state of its own. Its versions follow the payment's three totals, one version for each move of the books: what is kept is
 * what was paid, less what was refunded, less what was charged back. Each version begins where the one before ended, so the versions read like
 * an account.
 *
 * | total        | grows                                                | shrinks         |
 * |--------------|------------------------------------------------------|-----------------|
 * | captured     | `paid`                                               | `reversed`      |
 * | refunded     | `refunded`                                           | `refund-failed` |
 * | charged back | `returned` for a direct debit, else `charged-back`   | `won-back`      |
 *
 * The first version is of the first money, whatever its amount: who paid 50.00 where 60.50 was asked for has paid 50.00, and a receipt
 * promises nothing else. Money in another currency than asked for is not booked, so there is no receipt of it.
 */
import type { ReceiptReason } from '../../events/catalogue/subjects.ts';
import { idOf } from '../../kernel/ids.ts';
import type { MoneyMoved } from '../payments/index.ts';

/** The totals of a payment; together they say what is kept. */
export interface ReceiptTotals {
  readonly paid: bigint;
  readonly refunded: bigint;
  readonly chargedBack: bigint;
}

export interface ReceiptVersion extends ReceiptTotals {
  readonly version: number;
  readonly reason: ReceiptReason;
  /** What was kept before. */
  readonly before: bigint;
  /** What lies on each invoice since, in the order of the payment's. */
  readonly parts: readonly bigint[];
}

export function keptOf({ paid, refunded, chargedBack }: ReceiptTotals): bigint {
  return paid - refunded - chargedBack;
}

/**
 * The versions that follow from what moved.
 * @param last the newest there is
 * @param debited the payer's account was debited, so that the bank returns it
 */
export function versionsOf(
  last: (ReceiptTotals & { readonly version: number }) | undefined,
  { before, allocatedBefore, moves }: MoneyMoved,
  debited: boolean,
): ReceiptVersion[] {
  const { captured: paid, refunded, chargedBack } = before;
  const versions: ReceiptVersion[] = [];
  let current: ReceiptTotals & { readonly version: number } = last ?? { version: 0, paid: 0n, refunded: 0n, chargedBack: 0n };
  const add = (reason: ReceiptReason, totals: ReceiptTotals, parts: readonly bigint[]) => {
    const version = { ...totals, version: current.version + 1, reason, before: keptOf(current), parts };
    versions.push(version);
    current = version;
  };
  // A payment from before there were receipts begins with what it had come to.
  if (!last && paid > 0n) add('paid', { paid, refunded, chargedBack }, allocatedBefore);
  else if (!last) current = { version: 0, paid, refunded, chargedBack };
  for (const { kind, change, allocated } of moves) {
    const totals = moved(current, kind, change);
    // Of money that never came there is nothing to say, whatever a provider tells of its return.
    if (current.version === 0 && totals.paid <= 0n) current = { version: 0, ...totals };
    else add(reasonOf(kind, change, debited), totals, allocated);
  }
  return versions;
}

/** `R-8R9S-0T1V-2W3Z`: the last 60 bits of the payment's id, which are random. They are easy to say on the phone, and never change. */
export function receiptNumber(paymentId: string): string {
  const letters = idOf('rcp', paymentId).slice(-12).toUpperCase();
  return `R-${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}`;
}

function moved({ paid, refunded, chargedBack }: ReceiptTotals, kind: MoneyMoved['moves'][number]['kind'], change: bigint): ReceiptTotals {
  return {
    paid: kind === 'captured' ? paid + change : paid,
    refunded: kind === 'refunded' ? refunded + change : refunded,
    chargedBack: kind === 'charged-back' ? chargedBack + change : chargedBack,
  };
}

function reasonOf(kind: MoneyMoved['moves'][number]['kind'], change: bigint, debited: boolean): ReceiptReason {
  const grows = change > 0n;
  switch (kind) {
    case 'captured':
      return grows ? 'paid' : 'reversed';
    case 'refunded':
      return grows ? 'refunded' : 'refund-failed';
    case 'charged-back':
      if (!grows) return 'won-back';
      return debited ? 'returned' : 'charged-back';
  }
}
