/** What followers of a payment's money hear: how its totals moved, step by step as the books have it. */
import type { Transaction } from '../../platform/database/transaction.ts';
import type { BookedMove } from './payment-books.ts';
import type { PaymentRow } from './payment.entity.ts';
import type { PaymentAmounts } from './payment.ts';

export interface MoneyMoved {
  /** What was known before the first move. */
  readonly before: Pick<PaymentAmounts, 'captured' | 'refunded' | 'chargedBack'>;
  /** The invoices of the payment, in its order. */
  readonly invoiceIds: readonly string[];
  /** What of the payment lay on each of them before. */
  readonly allocatedBefore: readonly bigint[];
  /** At least one. */
  readonly moves: readonly BookedMove[];
  /** When that was at the provider. */
  readonly at: Date;
}

/** Hears of it in the same transaction, after the books and before the events. The payment is locked and saved. */
export type MoneyListener = (tx: Transaction, payment: PaymentRow, moved: MoneyMoved) => Promise<void>;
