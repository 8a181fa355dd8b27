import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { fromStripe } from './amounts.ts';
import { AmountError, failureOf } from './outcomes.ts';

/** What Stripe knows about one payment, fetched together. */
export interface Seen {
  readonly session?: Stripe.Checkout.Session;
  readonly intent?: Stripe.PaymentIntent;
  /** All refunds of the intent. */
  readonly refunds: readonly Stripe.Refund[];
  /** All disputes of the intent's charge. */
  readonly disputes: readonly Stripe.Dispute[];
  /** When the first request for these was sent. */
  readonly fetchStartedAt: number;
}

/** Every word of Stripe for the state of a session and of a payment intent, as of 2026-10-28. */
const SESSION_STATES = new Set<string | null>(['open', 'complete', 'expired']);
const INTENT_STATES = new Set<string>([
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'canceled',
  'succeeded',
]);
/** Money is with the bank, or lost. Not `warning_*` (an inquiry: no money moved), `won` and `prevented`. */
const MONEY_TAKEN_BACK = new Set<string>(['needs_response', 'under_review', 'appeal_needs_response', 'appeal_under_review', 'lost']);
const BEGUN = new Set<string>(['requires_action', 'processing', 'requires_capture', 'succeeded']);

/** Our own mark on a session that we ended ourselves; to Stripe it is `expired` like any other. */
export const CANCELLED_MARK = 'cancelled_by_us';

/** Turns what Stripe knows into amounts and dates. Never a state: `succeeded` stays Stripe's word after refunds and disputes. */
export function factsOf({ session, intent, refunds, disputes, fetchStartedAt }: Seen): PaymentFacts {
  const currency = (intent?.currency ?? session?.currency ?? '').toUpperCase();
  const money = (amount: number): number => fromStripe(amount, currency);
  const charge = chargeOf(intent);
  // A debit that is still under way is `captured` to Stripe; only `succeeded` means that the money came.
  const captured = charge?.captured && charge.status === 'succeeded' ? charge.amount_captured : 0;
  const authorized = authorizedOf(intent, charge);
  const ended = endedOf(session, intent);
  const { last_payment_error: error } = intent ?? {};

  return {
    providerState: intent?.status ?? session?.status ?? 'unknown',
    currency,
    started: (intent !== undefined && BEGUN.has(intent.status)) || session?.status === 'complete',
    ...(ended === undefined ? {} : { ended }),
    authorized: money(authorized),
    voided: money(intent?.status === 'requires_capture' || authorized === 0 ? 0 : authorized - captured),
    captured: money(captured),
    refunded: money(sum(refunds, ['succeeded'])),
    refundPending: money(sum(refunds, ['pending', 'requires_action'])),
    chargedBack: money(disputes.reduce((total, dispute) => total + (MONEY_TAKEN_BACK.has(dispute.status) ? dispute.amount : 0), 0)),
    fetchStartedAt,
    ...detailsOf(charge, currency),
    ...(error ? { failure: failureOf(error) } : {}),
  };
}

/** Words that are newer than this plugin: kept verbatim in the facts, and worth a line in the log. */
export function strangeStates({ session, intent }: Pick<Seen, 'session' | 'intent'>): readonly string[] {
  return [
    ...(session && !SESSION_STATES.has(session.status) ? [String(session.status)] : []),
    ...(intent && !INTENT_STATES.has(intent.status) ? [intent.status] : []),
  ];
}

export function chargeOf(intent: Stripe.PaymentIntent | undefined): Stripe.Charge | undefined {
  const charge = intent?.latest_charge;
  return typeof charge === 'object' && charge !== null ? charge : undefined;
}

/** Only a payment with manual capture is ever authorized; its charge keeps the whole amount after a capture or a cancellation. */
function authorizedOf(intent: Stripe.PaymentIntent | undefined, charge: Stripe.Charge | undefined): number {
  return intent?.capture_method === 'manual' && charge?.status === 'succeeded' ? charge.amount : 0;
}

/** A declined attempt does not end a session: the customer may try again until it expires. */
function endedOf(session: Stripe.Checkout.Session | undefined, intent: Stripe.PaymentIntent | undefined): PaymentFacts['ended'] {
  if (intent?.status === 'canceled')
    return intent.cancellation_reason === 'automatic' || intent.cancellation_reason === 'expired' ? 'expired' : 'cancelled';
  if (session?.status === 'expired') return session.metadata?.[CANCELLED_MARK] === undefined ? 'expired' : 'cancelled';
  // A debit that bounced days after the session was completed: nobody is on the page to try again.
  if (session?.status === 'complete' && intent?.status === 'requires_payment_method' && intent.last_payment_error) return 'failed';
  return undefined;
}

function detailsOf(charge: Stripe.Charge | undefined, currency: string): Pick<PaymentFacts, 'method' | 'captureBefore' | 'fee'> {
  const method = charge?.payment_method_details?.type;
  const captureBefore = charge?.payment_method_details?.card?.capture_before;
  const balance = charge?.balance_transaction;
  // A fee in another currency than the payment's belongs to the settlement, not here.
  const fee = typeof balance === 'object' && balance !== null && balance.currency.toUpperCase() === currency ? feeOf(balance) : undefined;
  return {
    ...(method === undefined ? {} : { method: method.replaceAll('_', '-') }),
    ...(captureBefore === undefined || captureBefore === null ? {} : { captureBefore: captureBefore * 1000 }),
    ...(fee === undefined ? {} : { fee }),
  };
}

/** A fee may be finer than the currency's smallest unit (ISK at Stripe has two more digits): then the settlement alone has it. */
function feeOf({ fee, currency }: Stripe.BalanceTransaction): number | undefined {
  try {
    return fromStripe(fee, currency);
  } catch (error) {
    if (error instanceof AmountError) return undefined;
    throw error;
  }
}

function sum(refunds: readonly Stripe.Refund[], statuses: readonly string[]): number {
  return refunds.reduce((total, refund) => total + (statuses.includes(refund.status ?? '') ? refund.amount : 0), 0);
}
