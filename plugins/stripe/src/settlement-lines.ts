import type { SettlementLine } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { decimalOf } from './amounts.ts';
import { markIn, PAYMENT_MARK } from './marks.ts';
import { idOf } from './seen.ts';

type Kind = SettlementLine['kind'];

/**
 * What a balance transaction is, by its type (https://docs.stripe.com/reports/balance-transaction-types). A refund that failed comes
 * back as money on the account: it is a line of the refund, with the opposite sign. A debit that a bank took back is a chargeback. Money
 * that comes from the merchant's bank, because a payout failed or the balance is topped up, is a payout with the opposite sign.
 */
const KINDS: Readonly<Record<string, Kind>> = {
  charge: 'payment',
  payment: 'payment',
  refund: 'refund',
  payment_refund: 'refund',
  refund_failure: 'refund',
  payment_failure_refund: 'chargeback',
  payment_reversal: 'chargeback',
  adjustment: 'adjustment',
  stripe_fee: 'fee',
  stripe_fx_fee: 'fee',
  tax_fee: 'fee',
  application_fee: 'fee',
  payout: 'payout',
  payout_cancel: 'payout',
  payout_failure: 'payout',
  payment_network_reserve_hold: 'adjustment',
  payment_network_reserve_release: 'adjustment',
  payout_minimum_balance_hold: 'adjustment',
  payout_minimum_balance_release: 'adjustment',
  reserve_hold: 'adjustment',
  reserve_release: 'adjustment',
  reserve_transaction: 'adjustment',
  reserved_funds: 'adjustment',
  fee_credit_funding: 'adjustment',
  topup: 'payout',
  topup_reversal: 'payout',
  transfer: 'adjustment',
  transfer_cancel: 'adjustment',
  transfer_failure: 'adjustment',
  transfer_refund: 'adjustment',
};

/**
 * Adjustments say by their category what they are about: a dispute, a refund that failed, or a payout that the bank sent back
 * (https://docs.stripe.com/reports/reporting-categories).
 */
const CATEGORIES: Readonly<Record<string, Kind>> = {
  dispute: 'chargeback',
  dispute_reversal: 'chargeback-reversal',
  payout_reversal: 'payout',
  refund_failure: 'refund',
};

/**
 * One balance transaction as a line. `gross − fee = net`; what Stripe keeps for itself is a fee without a gross. A type that is not in the
 * table is `unknown`: it belongs on a suspense account, where a person looks at it.
 *
 * @param payout the payout that the transaction was paid out in, where Stripe tells it
 */
export function lineOf(transaction: Stripe.BalanceTransaction, payout: string | undefined): SettlementLine {
  const { amount, fee, net, currency, type, reporting_category: category } = transaction;
  const kind = isOfPayout(transaction) ? 'payout' : (CATEGORIES[category] ?? KINDS[type] ?? 'unknown');
  const money = (minor: number): string => decimalOf(minor, currency);
  const isFee = kind === 'fee';
  const vat = type === 'tax_fee' ? -net : taxIn(transaction);
  return {
    providerId: (type === 'payout' ? idOf(transaction.source) : undefined) ?? transaction.id,
    ...(payout === undefined ? {} : { payout }),
    kind,
    providerType: type,
    ...originOf(transaction),
    currency: currency.toUpperCase(),
    gross: money(isFee ? 0 : amount),
    fee: money(isFee ? -net : fee),
    ...(vat === 0 ? {} : { feeVat: money(vat) }),
    net: money(net),
    ...exchangedOf(transaction),
    bookedAt: transaction.created * 1000,
  };
}

/** An adjustment of a payout is its failure, whatever Stripe's category: the money is on the balance again. */
function isOfPayout({ type, source }: Stripe.BalanceTransaction): boolean {
  return type === 'adjustment' && (typeof source === 'string' ? source.startsWith('po_') : source?.object === 'payout');
}

/** The VAT on a fee, which Stripe tells among the parts of the fee. */
function taxIn({ fee_details: parts }: Stripe.BalanceTransaction): number {
  return parts.reduce((sum, { type, amount }) => sum + (type === 'tax' ? amount : 0), 0);
}

/**
 * What a transaction was before Stripe exchanged it, from its source. A charge may have more than one transaction (a part of it was captured), so
 * the source's amount counts only where Stripe's own rate leads from it to the transaction's.
 */
function exchangedOf({ amount, currency, exchange_rate: rate, source }: Stripe.BalanceTransaction): Pick<SettlementLine, 'exchanged'> {
  if (!rate || typeof source !== 'object' || source === null || !('currency' in source) || !('amount' in source)) return {};
  const { currency: paidIn } = source;
  const paid = 'amount_captured' in source ? source.amount_captured : source.amount;
  if (typeof paid !== 'number' || typeof paidIn !== 'string' || paidIn === currency || paid === 0) return {};
  const [here, there] = [Number(decimalOf(Math.abs(amount), currency)), Number(decimalOf(Math.abs(paid), paidIn))];
  if (Math.abs(there * rate - here) > Math.max(here * SAME_WITHIN, ONE_COIN)) return {};
  const gross = decimalOf(amount < 0 ? -Math.abs(paid) : Math.abs(paid), paidIn);
  return { exchanged: { gross, currency: paidIn.toUpperCase() } };
}

/** Stripe rounds its rate to six digits. */
const SAME_WITHIN = 0.001;
const ONE_COIN = 0.011;

/** The payment and refund that a line is about, from its source where Stripe gives it whole. */
function originOf({ source }: Stripe.BalanceTransaction): Pick<SettlementLine, 'payment' | 'reference' | 'refund'> {
  if (typeof source !== 'object' || source === null) return {};
  const payment = 'payment_intent' in source ? idOf(source.payment_intent) : undefined;
  const reference = 'metadata' in source ? markIn(source.metadata, PAYMENT_MARK) : undefined;
  return {
    ...(payment === undefined ? {} : { payment }),
    ...(reference === undefined ? {} : { reference }),
    ...(source.object === 'refund' ? { refund: source.id } : {}),
  };
}
