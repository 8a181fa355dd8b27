import type { Log, MandateFacts, PaymentFacts, RefundFacts } from '@kassaflow/plugin-sdk';
import { walletOf } from './amounts.ts';
import { failureOfCharge } from './declines.ts';
import { noMoneyYet } from './no-money.ts';
import { CAPTURE_DAYS } from './unverified.ts';
import { listAt, momentAt, textAt, valueAt, wholeAt } from './wire-values.ts';

/** What the provider knows about a charge of an agreement. */
export interface SeenCharge {
  readonly charge: unknown;
  /** The permission that came of the same approval, for an agreement's first charge. */
  readonly mandate?: MandateFacts;
  readonly fetchStartedAt: number;
}

const DAY_MS = 86_400_000;
/** https://developer.vippsmobilepay.com/docs/APIs/recurring-api/recurring-api-guide/#charge-states; jumps forward are normal. */
const STATES: ReadonlySet<string> = new Set([
  'PENDING',
  'DUE',
  'PROCESSING',
  'RESERVED',
  'CHARGED',
  'PARTIALLY_CAPTURED',
  'FAILED',
  'CANCELLED',
  'PARTIALLY_REFUNDED',
  'REFUNDED',
]);

/** Amounts come from `summary`, never from the state. `undefined` when the answer has none. */
export function factsOfCharge({ charge, mandate, fetchStartedAt }: SeenCharge, log: Log): PaymentFacts | undefined {
  const amount = wholeAt(charge, 'amount');
  const state = textAt(charge, 'status');
  const currency = textAt(charge, 'currency');
  const [captured, refunded, cancelled] = ['captured', 'refunded', 'cancelled'].map((name) => wholeAt(charge, 'summary', name));
  if (amount === undefined || state === undefined || currency === undefined) return undefined;
  if (captured === undefined || refunded === undefined || cancelled === undefined) return undefined;
  if (!STATES.has(state)) log.warn('a charge has a state that this plugin does not know', { state: state.slice(0, 100) });

  const reserved = reservedOf(charge, amount);
  const voided = Math.min(cancelled, Math.max(0, reserved.amount - captured));
  const captureBefore = reserved.amount > captured + voided ? captureBeforeOf(reserved.at, currency) : undefined;
  const ended = captured > 0 ? undefined : endOf(state, mandate);
  return {
    providerState: state,
    currency,
    // The provider works on it by itself; the customer has agreed long before.
    started: mandate?.state !== 'pending' || state !== 'PENDING',
    ...(ended === undefined ? {} : { ended }),
    authorized: reserved.amount,
    voided,
    captured,
    refunded,
    refundPending: 0,
    chargedBack: 0,
    fetchStartedAt,
    method: walletOf(currency),
    ...(captureBefore === undefined ? {} : { captureBefore }),
    ...(state === 'FAILED' ? { failure: failureOfCharge(textAt(charge, 'failureReason')) } : {}),
    ...(refunded > 0 ? { refunds: refundsOf(charge) } : {}),
    ...(mandate === undefined ? {} : { mandate }),
  };
}

/** A charge of which only the agreement tells, because it is not made before the customer approves. */
export function factsOfUnmadeCharge(mandate: MandateFacts, currency: string, fetchStartedAt: number): PaymentFacts {
  const ended = endOf('PENDING', mandate);
  return {
    ...noMoneyYet('PENDING', currency, { fetchStartedAt, started: false }),
    ...(ended === undefined ? {} : { ended }),
    mandate,
  };
}

/** Tells whether a change was made under one of our keys. */
export function isInHistory(charge: unknown, event: string, key: string, amount: number): boolean {
  return listAt(charge, 'history').some(
    (entry) =>
      textAt(entry, 'event') === event &&
      textAt(entry, 'idempotencyKey') === key &&
      wholeAt(entry, 'amount') === amount &&
      valueAt(entry, 'success') !== false,
  );
}

/** A charge under way whose agreement is over comes to nothing: a stop cancels it, and without an approval it never begins. */
function endOf(state: string, mandate: MandateFacts | undefined): PaymentFacts['ended'] {
  if (state === 'FAILED') return 'failed';
  if (state === 'CANCELLED') return 'cancelled';
  if (state !== 'PENDING' && state !== 'DUE') return undefined;
  if (mandate?.state === 'expired') return 'expired';
  return mandate?.state === 'revoked' ? 'cancelled' : undefined;
}

/** Only what is reserved first and captured later was ever authorized. */
function reservedOf(charge: unknown, amount: number): { readonly amount: number; readonly at: number | undefined } {
  if (textAt(charge, 'transactionType') !== 'RESERVE_CAPTURE') return { amount: 0, at: undefined };
  const event = listAt(charge, 'history').find((entry) => textAt(entry, 'event') === 'RESERVE' && valueAt(entry, 'success') !== false);
  return event === undefined
    ? { amount: 0, at: undefined }
    : { amount: wholeAt(event, 'amount') ?? amount, at: momentAt(event, 'occurred') };
}

function captureBeforeOf(reservedAt: number | undefined, currency: string): number | undefined {
  const days = CAPTURE_DAYS[currency];
  return reservedAt === undefined || days === undefined ? undefined : reservedAt + days * DAY_MS;
}

function refundsOf(charge: unknown): readonly RefundFacts[] {
  return listAt(charge, 'history').flatMap((entry, index): RefundFacts[] => {
    const amount = wholeAt(entry, 'amount');
    if (textAt(entry, 'event') !== 'REFUND' || amount === undefined) return [];
    const providerId = textAt(entry, 'idempotencyKey') ?? `refund-${index}`;
    return [{ providerId, amount, state: valueAt(entry, 'success') === false ? 'failed' : 'done' }];
  });
}
