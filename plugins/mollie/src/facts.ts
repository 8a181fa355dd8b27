import type { DisputeFacts, MandateFacts, PaymentFacts, PaymentFailure, RefundFacts } from '@kassaflow/plugin-sdk';
import { fromMollie, type Amount } from './amounts.ts';
import { failureOf } from './declines.ts';
import { instantOf, markIn, textIn, type SeenChargeback, type SeenPayment, type SeenRefund } from './seen.ts';
import { ourMethod } from './words.ts';

/** SEPA Core: a consumer gets a debit back without a question for eight weeks after it (EPC016-06, 4.3.4). */
const NO_QUESTIONS_MS = 56 * 86_400_000;

/** Our own marks in the metadata that Mollie repeats. */
export const PAYMENT_MARK = 'payment_id';
export const REFUND_MARK = 'refund_id';
/** On a payment that is made for its mandate alone. */
export const MANDATE_MARK = 'mandate_id';

/** `open` and `pending` have not ended; `paid` has not either, because money can still go back. */
const STATUSES = new Set(['open', 'pending', 'authorized', 'paid', 'canceled', 'expired', 'failed']);
const REFUND_STATES: Readonly<Record<string, RefundFacts['state']>> = {
  queued: 'pending',
  pending: 'pending',
  processing: 'pending',
  refunded: 'done',
  failed: 'failed',
  canceled: 'failed',
};

/**
 * Turns what Mollie knows of a payment into amounts and dates. Never a state: `paid` stays Mollie's word after refunds and chargebacks.
 * `strange` is told of every word that we do not know; such a word changes nothing, the dates and amounts around it speak.
 */
export function factsOf(
  payment: SeenPayment,
  { fetchStartedAt, mandate, strange }: { fetchStartedAt: number; mandate?: MandateFacts | undefined; strange: (word: string) => void },
): PaymentFacts {
  if (!STATUSES.has(payment.status)) strange(`payment status ${payment.status}`);
  const refunds = refundsOf(payment, strange);
  const disputes = disputesOf(payment);
  const ended = endedOf(payment);
  const failure = failureIn(payment);
  const method = payment.method ?? undefined;
  return {
    providerState: payment.status,
    currency: payment.amount.currency,
    started: !['open', 'canceled', 'expired'].includes(payment.status),
    ...(ended === undefined ? {} : { ended }),
    ...heldOf(payment),
    ...givenBackOf(payment, refunds, disputes),
    fetchStartedAt,
    refunds,
    disputes,
    ...(method === undefined ? {} : { method: ourMethod(method) }),
    ...(failure === undefined ? {} : { failure }),
    ...(mandate === undefined ? {} : { mandate }),
    ...datesOf(payment),
  };
}

export function refundState(status: string): RefundFacts['state'] {
  return REFUND_STATES[status] ?? 'pending';
}

/** Authorized, taken and let go. Only a payment with manual capture is ever authorized. */
function heldOf(payment: SeenPayment): Pick<PaymentFacts, 'authorized' | 'voided' | 'captured'> {
  const total = fromMollie(payment.amount);
  const paid = payment.status === 'paid' || (!STATUSES.has(payment.status) && instantOf(payment.paidAt) !== undefined);
  const isHeld = payment.captureMode === 'manual' || instantOf(payment.authorizedAt) !== undefined || payment.status === 'authorized';
  if (!isHeld) return { authorized: 0, voided: 0, captured: paid ? total : 0 };
  const taken = payment.amountCaptured ? fromMollie(payment.amountCaptured) : paid ? total : 0;
  const authorized = payment.status === 'authorized' || paid || instantOf(payment.authorizedAt) !== undefined ? total : 0;
  return { authorized, voided: paid || endedOf(payment) !== undefined ? Math.max(0, authorized - taken) : 0, captured: taken };
}

/** Going back: the lists decide. An answer that has none, to a payment that was just made or listed, has the totals. */
function givenBackOf(
  payment: SeenPayment,
  refunds: readonly RefundFacts[],
  disputes: readonly DisputeFacts[],
): Pick<PaymentFacts, 'refunded' | 'refundPending' | 'chargedBack'> {
  const sum = (state: RefundFacts['state']): number =>
    refunds.reduce((total, refund) => total + (refund.state === state ? refund.amount : 0), 0);
  const refundPending = sum('pending');
  const unlisted = payment._embedded?.refunds ? 0 : totalOf(payment, payment.amountRefunded);
  const chargedBack = payment._embedded?.chargebacks
    ? disputes.reduce((total, dispute) => total + (dispute.state === 'won' ? 0 : dispute.amount), 0)
    : totalOf(payment, payment.amountChargedBack);
  return { refunded: sum('done') + unlisted, refundPending, chargedBack };
}

function totalOf(payment: SeenPayment, amount: Amount | null | undefined): number {
  return amount && amount.currency === payment.amount.currency ? fromMollie(amount) : 0;
}

function refundsOf(payment: SeenPayment, strange: (word: string) => void): readonly RefundFacts[] {
  return (payment._embedded?.refunds ?? []).map((refund: SeenRefund) => {
    if (REFUND_STATES[refund.status] === undefined) strange(`refund status ${refund.status}`);
    const reference = markIn(refund.metadata, REFUND_MARK);
    const state = refundState(refund.status);
    return {
      providerId: refund.id,
      ...(reference === undefined ? {} : { reference }),
      amount: fromMollie(refund.amount),
      state,
      ...(state === 'failed' ? { failure: refund.status } : {}),
    };
  });
}

/** Mollie tells that money went and came back, not how a dispute goes. A returned debit cannot be disputed: it is lost at once. */
function disputesOf(payment: SeenPayment): readonly DisputeFacts[] {
  return (payment._embedded?.chargebacks ?? []).map((chargeback: SeenChargeback) => ({
    providerId: chargeback.id,
    state: instantOf(chargeback.reversedAt) !== undefined ? 'won' : payment.method === 'directdebit' ? 'lost' : 'opened',
    amount: fromMollie(chargeback.amount),
    ...(chargeback.reason?.code ? { reason: chargeback.reason.code } : {}),
  }));
}

function endedOf(payment: SeenPayment): PaymentFacts['ended'] {
  if (payment.status === 'canceled') return 'cancelled';
  if (payment.status === 'expired' || payment.status === 'failed') return payment.status;
  if (STATUSES.has(payment.status)) return undefined;
  if (instantOf(payment.canceledAt) !== undefined) return 'cancelled';
  if (instantOf(payment.expiredAt) !== undefined) return 'expired';
  return instantOf(payment.failedAt) === undefined ? undefined : 'failed';
}

/** Why it failed, or why a debit came back: both drive what is tried next. */
function failureIn(payment: SeenPayment): PaymentFailure | undefined {
  if (endedOf(payment) === 'failed') {
    const { details, statusReason } = payment;
    return failureOf(textIn(details, 'bankReasonCode') ?? textIn(details, 'failureReason') ?? statusReason?.code ?? undefined);
  }
  // A debit that came back is tried again or not by its code. A card's chargeback is a dispute, and nobody charges into a dispute.
  if (payment.method !== 'directdebit') return undefined;
  const returned = (payment._embedded?.chargebacks ?? []).findLast((one) => one.reason?.code && instantOf(one.reversedAt) === undefined);
  return returned?.reason?.code ? failureOf(returned.reason.code) : undefined;
}

function datesOf(payment: SeenPayment): Pick<PaymentFacts, 'captureBefore' | 'provisionalUntil'> {
  const captureBefore = instantOf(payment.captureBefore);
  const paidAt = instantOf(payment.paidAt);
  return {
    ...(captureBefore === undefined ? {} : { captureBefore }),
    ...(payment.method === 'directdebit' && paidAt !== undefined ? { provisionalUntil: paidAt + NO_QUESTIONS_MS } : {}),
  };
}
