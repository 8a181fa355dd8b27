import type { PaymentFacts, PaymentFailure } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { fromStripe, UnreadableError } from './amounts.ts';
import { failureOf } from './declines.ts';
import { CANCELLED_MARK, CHARGE_MARK, markIn } from './marks.ts';
import { chargedBack, disputeFacts, refundFacts, returnedLater } from './money-back.ts';
import { chargeOf, type Seen } from './seen.ts';
import { LONGEST_DEBIT_MS } from './unverified.ts';
import { ourMethod } from './words.ts';

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
const BEGUN = new Set<string>(['requires_action', 'processing', 'requires_capture', 'succeeded']);

/** SEPA Core: a consumer gets a debit back without a question for eight weeks after it (EPC016-06, 4.3.4). */
const NO_QUESTIONS_MS = 56 * 86_400_000;

/** Turns what Stripe knows into amounts and dates. Never a state: `succeeded` stays Stripe's word after refunds and disputes. */
export function factsOf(seen: Seen): PaymentFacts {
  const { session, intent, mandate, fetchStartedAt } = seen;
  const currency = (intent?.currency ?? session?.currency ?? '').toUpperCase();
  const money = (amount: number): number => fromStripe(amount, currency);
  const charge = chargeOf(intent);
  const captured = capturedOf(charge);
  const authorized = authorizedOf(intent, charge);
  const ended = endedOf(session, intent);
  const refunds = refundFacts(seen.refunds, money);
  const sum = (state: 'pending' | 'done'): number => refunds.reduce((total, one) => total + (one.state === state ? one.amount : 0), 0);
  const disputes = disputeFacts(seen, money);
  const failure = failureIn(seen);

  return {
    providerState: intent?.status ?? session?.status ?? 'unknown',
    currency,
    started: (intent !== undefined && BEGUN.has(intent.status)) || session?.status === 'complete',
    ...(ended === undefined ? {} : { ended }),
    authorized: money(authorized),
    voided: money(intent?.status === 'requires_capture' || authorized === 0 ? 0 : authorized - captured),
    captured: money(captured),
    refunded: sum('done'),
    refundPending: sum('pending'),
    chargedBack: chargedBack(seen, money),
    fetchStartedAt,
    refunds,
    disputes,
    ...detailsOf(charge, currency),
    ...(failure === undefined ? {} : { failure }),
    ...(mandate === undefined ? {} : { mandate }),
  };
}

/** Words that are newer than this plugin: kept verbatim in the facts, and worth a line in the log. */
export function strangeStates({ session, intent }: Pick<Seen, 'session' | 'intent'>): readonly string[] {
  return [
    ...(session && !SESSION_STATES.has(session.status) ? [String(session.status)] : []),
    ...(intent && !INTENT_STATES.has(intent.status) ? [intent.status] : []),
  ];
}

/** A debit that is still under way is `captured` to Stripe; only `succeeded` means that the money came, and it stays so when it goes back. */
function capturedOf(charge: Stripe.Charge | undefined): number {
  return charge?.captured && (charge.status === 'succeeded' || returnedLater(charge)) ? charge.amount_captured : 0;
}

/** Only a payment with manual capture is ever authorized; its charge keeps the whole amount after a capture or a cancellation. */
function authorizedOf(intent: Stripe.PaymentIntent | undefined, charge: Stripe.Charge | undefined): number {
  return intent?.capture_method === 'manual' && charge?.status === 'succeeded' ? charge.amount : 0;
}

/** A declined attempt does not end a checkout: the customer is there and may try again until it expires. */
function endedOf(session: Stripe.Checkout.Session | undefined, intent: Stripe.PaymentIntent | undefined): PaymentFacts['ended'] {
  if (intent?.status === 'canceled')
    return intent.cancellation_reason === 'automatic' || intent.cancellation_reason === 'expired' ? 'expired' : 'cancelled';
  if (session?.status === 'expired') return markIn(session.metadata, CANCELLED_MARK) === undefined ? 'expired' : 'cancelled';
  const charge = chargeOf(intent);
  if (intent?.status !== 'requires_payment_method' || !intent.last_payment_error || (charge && returnedLater(charge))) return undefined;
  // A charge without the customer, and a debit that bounced days after it was approved: nobody is on the page to try again.
  const isAlone = markIn(intent.metadata, CHARGE_MARK) !== undefined || session?.status === 'complete' || isDebit(charge);
  return isAlone ? 'failed' : undefined;
}

function isDebit(charge: Stripe.Charge | undefined): boolean {
  return charge?.status === 'failed' && (charge.payment_method_details?.type.endsWith('_debit') ?? false);
}

/**
 * Why the last attempt came to nothing, or why a debit came back: both drive what is tried next. A charge that waits for its customer was
 * refused for that reason, though Stripe says so no more. A card's dispute is no failure: nobody charges into a dispute.
 */
function failureIn({ intent, disputes }: Seen): PaymentFailure | undefined {
  if (intent?.last_payment_error) return failureOf(intent.last_payment_error);
  const charge = chargeOf(intent);
  if (charge && returnedLater(charge)) return failureOf({ code: charge.failure_code });
  const returned = charge?.payment_method_details?.type.endsWith('_debit') ? disputes.find(({ status }) => status === 'lost') : undefined;
  if (returned) return failureOf({ code: returned.reason });
  const waits = intent?.status === 'requires_action' && markIn(intent.metadata, CHARGE_MARK) !== undefined;
  return waits ? failureOf({ code: 'authentication_required' }) : undefined;
}

function detailsOf(
  charge: Stripe.Charge | undefined,
  currency: string,
): Pick<PaymentFacts, 'method' | 'captureBefore' | 'fee' | 'provisionalUntil'> {
  const method = charge?.payment_method_details?.type;
  const wallet = charge?.payment_method_details?.card?.wallet?.type;
  const captureBefore = charge?.payment_method_details?.card?.capture_before;
  const balance = charge?.balance_transaction;
  // A fee in another currency than the payment's belongs to the settlement, not here.
  const fee = typeof balance === 'object' && balance !== null && balance.currency.toUpperCase() === currency ? feeOf(balance) : undefined;
  const isTaken = charge?.status === 'succeeded' && method === 'sepa_debit';
  // The balance gets the money when the bank was debited; where that moment is not told, the latest that it can be.
  const takenAt =
    typeof balance === 'object' && balance !== null ? balance.created * 1000 : (charge?.created ?? 0) * 1000 + LONGEST_DEBIT_MS;
  return {
    ...(method === undefined ? {} : { method: ourMethod(wallet === 'apple_pay' || wallet === 'google_pay' ? wallet : method) }),
    ...(captureBefore === undefined || captureBefore === null ? {} : { captureBefore: captureBefore * 1000 }),
    ...(fee === undefined ? {} : { fee }),
    ...(isTaken ? { provisionalUntil: takenAt + NO_QUESTIONS_MS } : {}),
  };
}

/** A fee may be finer than the currency's smallest unit (ISK at Stripe has two more digits): then the settlement alone has it. */
function feeOf({ fee, currency }: Stripe.BalanceTransaction): number | undefined {
  try {
    return fromStripe(fee, currency);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
