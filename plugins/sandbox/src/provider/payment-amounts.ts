import { readAmount, type Amount } from './amount.ts';
import type { PaymentRow } from './payment-row.ts';
import { Problem } from './problem.ts';

export function amountOf(payment: Pick<PaymentRow, 'digits' | 'currency'>, minor: number): Amount {
  return { minor, digits: payment.digits, currency: payment.currency };
}

/** What a merchant may still give back of a payment. */
export function leftOf(payment: PaymentRow): number {
  return payment.captured - payment.refunded - payment.charged_back;
}

/** Minor units of a part of a payment's amount. @throws Problem 400, 409 */
export function partOf(payment: PaymentRow, value: unknown, available: number): number {
  const amount = readAmount(value);
  if (!amount || amount.minor === 0 || amount.currency !== payment.currency || amount.digits !== payment.digits) {
    throw new Problem(400, 'field_invalid', `The amount must be ${payment.currency} above zero.`, 'amount');
  }
  if (amount.minor > available)
    throw new Problem(409, 'amount_too_large', 'The amount is more than what is left of this payment.', 'amount');
  return amount.minor;
}

/** What a payment's movements have in common. */
export function bookingOf({ account, id, reference, digits, currency }: PaymentRow) {
  return { account, payment: id, reference, digits, currency };
}
