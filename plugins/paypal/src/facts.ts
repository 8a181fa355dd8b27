import type { Context, DisputeFacts, MandateFacts, PaymentFacts, PaymentFailure, RefundFacts } from '@kassaflow/plugin-sdk';
import { CAPTURE_REASONS } from './declines.ts';
import { chargedBackOf } from './disputes.ts';
import { holdOf, type Hold } from './holds.ts';
import { isTaken, minor, partsOf, refundState, total, warnOfNewWords, wordsOf, type Parts } from './order-parts.ts';
import type { Settings } from './settings.ts';
import type { Capture, Order, Refund } from './wire.ts';

/** What PayPal knows about one payment, fetched together. */
export interface Seen {
  readonly order: Order;
  readonly disputes: readonly DisputeFacts[];
  /** When the first request for these was sent. */
  readonly fetchStartedAt: number;
  /** Why the last attempt to hold or take the money was refused, where that was seen. */
  readonly failure?: PaymentFailure;
}

const REFUSED = new Set(['DECLINED', 'FAILED']);
/** The payer has not done anything yet, as far as PayPal tells: it says the same after he has opened its page. */
const UNTOUCHED = new Set(['CREATED', 'SAVED', 'PAYER_ACTION_REQUIRED']);

/** Turns what PayPal knows into amounts and dates. Never a state: an order stays `COMPLETED` after refunds and disputes. */
export function factsOf(context: Context<Settings>, seen: Seen): PaymentFacts {
  const { order, disputes, fetchStartedAt } = seen;
  const parts = partsOf(order);
  warnOfNewWords(context, order, parts);
  const captured = total(parts.captures.filter(isTaken));
  const hold = holdOf(context, order, parts, captured);
  const refunds = parts.refunds.map((refund) => refundFacts(refund, parts.reference));
  const refunded = refundedOf(refunds, parts, captured);
  const ended = captured > 0 ? undefined : endedOf(order, parts, hold);
  const failure = seen.failure ?? failureOf(parts.captures);
  const mandate = mandateOf(order);
  const fee = feeOf(parts);
  return {
    providerState: wordsOf(order, parts),
    currency: parts.currency,
    started: !UNTOUCHED.has(order.status ?? '') || parts.captures.length > 0,
    ...(ended === undefined ? {} : { ended }),
    authorized: hold.authorized,
    voided: hold.voided,
    captured,
    refunded,
    refundPending: Math.min(sumOf(refunds, 'pending'), captured - refunded),
    chargedBack: chargedBackOf(disputes, parts.captures, captured - refunded),
    fetchStartedAt,
    ...(hold.captureBefore === undefined ? {} : { captureBefore: hold.captureBefore }),
    method: Object.keys(order.payment_source ?? {})[0]?.replaceAll('_', '-') ?? 'paypal',
    ...(fee === undefined ? {} : { fee }),
    ...(failure === undefined || captured > 0 ? {} : { failure }),
    refunds,
    disputes,
    ...(mandate === undefined ? {} : { mandate }),
  };
}

function endedOf(order: Order, parts: Parts, hold: Hold): PaymentFacts['ended'] {
  if (parts.captures.some(({ status }) => !REFUSED.has(status ?? ''))) return undefined;
  if (parts.isCancelled || order.status === 'VOIDED') return 'cancelled';
  if (parts.captures.length > 0) return 'failed';
  if (parts.authorizations.length > 0 && parts.authorizations.every(({ status }) => status === 'DENIED')) return 'failed';
  if (hold.isOver) return 'expired';
  return parts.authorizations.some(({ status }) => status === 'VOIDED') && hold.voided === hold.authorized ? 'cancelled' : undefined;
}

function refundFacts(refund: Refund, paymentReference: string | undefined): RefundFacts {
  const { id = 'unknown', custom_id: reference, status_details: details } = refund;
  const state = refundState(refund.status);
  return {
    providerId: id,
    // One made in PayPal's dashboard repeats the payment's own id.
    ...(reference === undefined || reference === '' || reference === paymentReference ? {} : { reference }),
    amount: minor(refund.amount),
    state,
    ...(state === 'failed' && details?.reason !== undefined ? { failure: details.reason } : {}),
  };
}

/** A capture that PayPal calls wholly refunded is so, also when a refund of it is not listed. */
function refundedOf(refunds: readonly RefundFacts[], { captures }: Parts, captured: number): number {
  const whole = total(captures.filter(({ status }) => status === 'REFUNDED'));
  return Math.min(captured, Math.max(sumOf(refunds, 'done'), whole));
}

function failureOf(captures: readonly Capture[]): PaymentFailure | undefined {
  const refused = captures.findLast(({ status }) => REFUSED.has(status ?? ''));
  if (!refused) return undefined;
  const providerCode = refused.status_details?.reason ?? refused.status;
  const [reason, retryable] = CAPTURE_REASONS[refused.status_details?.reason ?? ''] ?? ['other', true];
  return { reason, retryable, ...(providerCode === undefined ? {} : { providerCode }) };
}

/** The permission that came of an order whose payer agreed to be charged again. */
function mandateOf({ payment_source: source }: Order): MandateFacts | undefined {
  const wallet = source?.['paypal'];
  const { id, status, customer } = wallet?.attributes?.vault ?? {};
  if (id === undefined) return undefined;
  return {
    providerId: id,
    kind: 'account',
    state: status === undefined || status === 'VAULTED' ? 'active' : 'pending',
    ...(customer?.id === undefined ? {} : { customer: customer.id }),
    label: 'PayPal',
    ...(wallet?.account_id === undefined ? {} : { fingerprint: wallet.account_id }),
  };
}

/** A fee in another currency than the payment's belongs to the settlement, not here. */
function feeOf({ captures, currency }: Parts): number | undefined {
  const fees = captures.flatMap(({ seller_receivable_breakdown: breakdown }) => breakdown?.paypal_fee ?? []);
  return fees.length === 0 || fees.some((fee) => fee.currency_code !== currency)
    ? undefined
    : fees.reduce((sum, fee) => sum + minor(fee), 0);
}

function sumOf(refunds: readonly RefundFacts[], state: RefundFacts['state']): number {
  return refunds.reduce((sum, refund) => sum + (refund.state === state ? refund.amount : 0), 0);
}
