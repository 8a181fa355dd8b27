import type { Log, PaymentFacts, RefundFacts } from '@kassaflow/plugin-sdk';
import { walletOf } from './amounts.ts';
import { ABORTED, NOT_AUTHORIZED } from './declines.ts';
import { CAPTURE_DAYS } from './unverified.ts';
import { momentAt, textAt, valueAt, wholeAt } from './wire-values.ts';

/** What the provider knows about one ePayment. */
export interface SeenPayment {
  /** A payment, or the answer to a change of one. */
  readonly payment: unknown;
  /** Its event log, where it was asked for. */
  readonly events?: readonly unknown[];
  readonly fetchStartedAt: number;
}

const DAY_MS = 86_400_000;
/** What the provider's states say about the end. `AUTHORIZED` is never one: it stays after capture, refund and cancellation. */
const ENDS: Readonly<Record<string, PaymentFacts['ended'] | 'none'>> = {
  CREATED: 'none',
  AUTHORIZED: 'none',
  TERMINATED: 'cancelled',
  ABORTED: 'cancelled',
  EXPIRED: 'expired',
};

/**
 * Amounts come from `aggregate` alone (https://developer.vippsmobilepay.com/docs/APIs/epayment-api/api-guide/concepts/).
 * A chargeback is not among them: the Report API is the only place that tells of one, see `settlements.ts`.
 * `undefined` when the answer has no amounts.
 */
export function factsOfPayment({ payment, events, fetchStartedAt }: SeenPayment, log: Log): PaymentFacts | undefined {
  const amount = (name: string): number | undefined => wholeAt(payment, 'aggregate', name, 'value');
  const [authorized, voided, captured, refunded] = ['authorizedAmount', 'cancelledAmount', 'capturedAmount', 'refundedAmount'].map(amount);
  const currency = textAt(payment, 'amount', 'currency');
  const state = textAt(payment, 'state');
  if (authorized === undefined || voided === undefined || captured === undefined || refunded === undefined) return undefined;
  if (currency === undefined || state === undefined) return undefined;

  const end = Object.hasOwn(ENDS, state) ? ENDS[state] : undefined;
  if (end === undefined) log.warn('a payment has a state that this plugin does not know', { state: state.slice(0, 100) });
  const failure = failureOf(state, events ?? []);
  const left = authorized - voided - captured;
  const captureBefore = left > 0 ? captureBeforeOf(payment, events ?? [], currency) : undefined;
  return {
    providerState: state,
    currency,
    // There is no sign of a customer who has opened the app: whoever got the link or the push may be about to approve.
    started: true,
    ...(end === undefined || end === 'none' ? {} : { ended: end }),
    authorized,
    voided,
    captured,
    refunded,
    // A refund is accepted or refused at once; how long the bank then takes is nowhere to be seen.
    refundPending: 0,
    chargedBack: 0,
    fetchStartedAt,
    method: textAt(payment, 'paymentMethod', 'type') === 'CARD' ? 'card' : walletOf(currency),
    ...(captureBefore === undefined ? {} : { captureBefore }),
    ...(failure === undefined ? {} : { failure }),
    ...(events === undefined ? {} : { refunds: refundsOf(events) }),
  };
}

/** Tells whether the event log would add something: refunds one by one, why nothing came of it, or until when it can be captured. */
export function needsEvents(payment: unknown): boolean {
  const amount = (name: string): number => wholeAt(payment, 'aggregate', name, 'value') ?? 0;
  const left = amount('authorizedAmount') - amount('cancelledAmount') - amount('capturedAmount');
  return (
    amount('refundedAmount') > 0 ||
    textAt(payment, 'state') === 'EXPIRED' ||
    (left > 0 && momentAt(payment, 'captureGuaranteedUntil') === undefined)
  );
}

/** The event with which the provider answered one of our keys. */
export function eventOfKey(events: readonly unknown[], name: string, key: string): unknown {
  return events.find((event) => nameOf(event) === name && textAt(event, 'idempotencyKey') === key && valueAt(event, 'success') !== false);
}

/** When the payment was made, by its event log. */
export function createdAt(events: readonly unknown[]): number | undefined {
  return momentAt(
    events.find((event) => nameOf(event) === 'CREATED'),
    'timestamp',
  );
}

function failureOf(state: string, events: readonly unknown[]): PaymentFacts['failure'] {
  if (state === 'ABORTED') return ABORTED;
  // The customer may try another card in the app, so a refused one is a reason only once the time is over.
  const isRefused = events.some((event) => nameOf(event) === 'AUTHORIZED' && valueAt(event, 'success') === false);
  return state === 'EXPIRED' && isRefused ? NOT_AUTHORIZED : undefined;
}

function captureBeforeOf(payment: unknown, events: readonly unknown[], currency: string): number | undefined {
  const guaranteed = momentAt(payment, 'captureGuaranteedUntil');
  if (guaranteed !== undefined) return guaranteed;
  const reservedAt = momentAt(
    events.find((event) => nameOf(event) === 'AUTHORIZED' && valueAt(event, 'success') !== false),
    'timestamp',
  );
  const days = CAPTURE_DAYS[currency];
  return reservedAt === undefined || days === undefined ? undefined : reservedAt + days * DAY_MS;
}

/**
 * A refund has no name of its own but the key under which it was asked for; one that was made in the business portal has the
 * provider's reference of the event.
 */
function refundsOf(events: readonly unknown[]): readonly RefundFacts[] {
  return events.flatMap((event): RefundFacts[] => {
    const providerId = textAt(event, 'idempotencyKey') ?? textAt(event, 'pspReference');
    const amount = wholeAt(event, 'amount', 'value');
    if (nameOf(event) !== 'REFUNDED' || providerId === undefined || amount === undefined) return [];
    return [{ providerId, amount, state: valueAt(event, 'success') === false ? 'failed' : 'done' }];
  });
}

/** The event log said `paymentAction` where webhooks say `name` (OpenAPI 1.4.1). */
function nameOf(event: unknown): string | undefined {
  return (textAt(event, 'name') ?? textAt(event, 'paymentAction'))?.toUpperCase();
}
