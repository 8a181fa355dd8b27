/** What new facts change: the one place that decides whether they are believed and which domain events they cause. */
import type { Currency } from '../../kernel/currency.ts';
import { derive, isOpen, tookMoney, transition, type Facts, type PaymentAmounts, type PaymentState } from './payment.ts';

/** What is recorded of a payment before the new facts. */
export interface KnownPayment extends PaymentAmounts {
  readonly state: PaymentState;
  readonly currency: Currency;
  /** What should be captured: what we asked the customer for, or what we asked to capture, without and with a capture under way. */
  readonly asked: { readonly least: bigint; readonly most: bigint };
  /** When the fetch started on which this rests; `undefined` before the first. */
  readonly fetchedAt: Date | undefined;
  /** When a fetch first reported that money was taken back without a refund or chargeback. */
  readonly doubtedAt: Date | undefined;
  /** True since two fetches told of taken money as if it were still expected; see {@link Change}. */
  readonly contradicted: boolean;
  /** True once the provider took another amount or currency than we asked for. */
  readonly mismatched: boolean;
  /** True when we take the money ourselves as soon as it is reserved. */
  readonly takenWhenAuthorized: boolean;
  /** True once it was told that the time in which reserved money could be taken is over. */
  readonly lapsed: boolean;
}

export type PaymentEventType =
  | 'payment.pending'
  | 'payment.authorized'
  | 'payment.completed'
  | 'payment.amount-mismatch'
  | 'payment.overpaid'
  | 'payment.failed'
  | 'payment.cancelled'
  | 'payment.expired'
  | 'payment.authorization-expired'
  | 'payment.reversed'
  | 'payment.refunded'
  | 'payment.charged-back';

export type Change =
  /** An older answer than the one we have: nothing to do. */
  | { readonly kind: 'stale' }
  /** The money is gone without a reason; ask again after 30 seconds before believing it. */
  | { readonly kind: 'doubtful'; readonly doubtedAt: Date }
  /**
   * Money was taken, and twice the provider tells of the payment as if nobody had paid yet. No rule of any provider leads there: its answer
   * is about another payment, from a system that was set back, or a mistake. So it does not undo money that was booked and delivered for; it
   * is told once (`isNew`), the provider is asked on, and its next answer that can be true is believed.
   */
  | { readonly kind: 'contradicted'; readonly isNew: boolean }
  /** The provider took another currency: nothing can be booked, a person must look. `isNew` the first time. */
  | { readonly kind: 'wrong-currency'; readonly isNew: boolean }
  | { readonly kind: 'facts'; readonly state: PaymentState; readonly mismatched: boolean; readonly events: readonly PaymentEventType[] };

/** How far apart two fetches must start before a loss of captured money is believed: replicas of providers lag by seconds. */
export const SECOND_FETCH_AFTER_MS = 30_000;

export function changeOf(known: KnownPayment, facts: Facts): Change {
  if (known.fetchedAt && facts.fetchedAt < known.fetchedAt) return { kind: 'stale' };
  if (facts.captured < known.captured) {
    const doubtedAt = known.doubtedAt ?? facts.fetchedAt;
    if (facts.fetchedAt.getTime() - doubtedAt.getTime() < SECOND_FETCH_AFTER_MS) return { kind: 'doubtful', doubtedAt };
  }
  if (facts.currency !== known.currency) return { kind: 'wrong-currency', isNew: facts.captured > 0n && !known.mismatched };
  const derived = begun(known, derive(facts));
  if (tookMoney(known.state) && isOpen(derived)) return { kind: 'contradicted', isNew: !known.contradicted };
  const state = transition(known.state, derived);
  const mismatched = isMismatch(known, facts, state);
  return { kind: 'facts', state, mismatched, events: eventsOf(known, facts, state, mismatched) };
}

/**
 * What was begun does not become unbegun: a customer whom the bank refused is back on the page, and a replica that lags tells of a
 * payment that has ended as if it were new. Neither is news, and neither may keep the payment from being read.
 */
function begun({ state, captured }: KnownPayment, derived: PaymentState): PaymentState {
  if (derived !== 'created' || state === 'created' || captured > 0n) return derived;
  return state === 'authorized' ? 'pending' : state;
}

/** Another amount was taken than asked for; or less is reserved than we would take by ourselves. */
function isMismatch({ asked, takenWhenAuthorized }: KnownPayment, { captured, authorized }: Facts, state: PaymentState): boolean {
  if (captured > 0n) return captured < asked.least || captured > asked.most;
  return takenWhenAuthorized && state === 'authorized' && authorized < asked.most;
}

const ON_ENTERING: Partial<Record<PaymentState, PaymentEventType>> = {
  pending: 'payment.pending',
  authorized: 'payment.authorized',
  failed: 'payment.failed',
  cancelled: 'payment.cancelled',
  expired: 'payment.expired',
};

/** Whether facts tell anything else than the provider told before, in amounts or by its own word for how the payment stands. */
export function isNews(known: KnownPayment & { readonly providerState: string }, facts: Facts): boolean {
  const { state, providerState } = known;
  return (
    facts.providerState !== providerState ||
    AMOUNTS.some((amount) => facts[amount] !== known[amount]) ||
    (facts.fee !== undefined && facts.fee !== known.fee) ||
    begun(known, derive(facts)) !== state
  );
}

const AMOUNTS = ['authorized', 'voided', 'captured', 'refunded', 'refundPending', 'chargedBack'] as const;

/** Events come from the difference of amounts, so a repeated or reordered signal causes none. */
function eventsOf(known: KnownPayment, facts: Facts, state: PaymentState, mismatched: boolean): PaymentEventType[] {
  const events: PaymentEventType[] = [];
  // Another amount than asked for must not deliver anything by itself: it has its own event in place of "completed".
  if (mismatched && (!known.mismatched || facts.captured !== known.captured)) events.push('payment.amount-mismatch');
  if (!mismatched && facts.captured > 0n && (known.captured === 0n || known.mismatched)) events.push('payment.completed');
  // Captured money that is gone, or a chargeback that was won: the amount in the event says which.
  if ((known.captured > 0n && facts.captured === 0n) || (facts.captured > 0n && facts.chargedBack < known.chargedBack))
    events.push('payment.reversed');
  if (facts.refunded > known.refunded) events.push('payment.refunded');
  if (facts.chargedBack > known.chargedBack) events.push('payment.charged-back');
  if (known.state === 'authorized' && state === 'expired' && !known.lapsed) events.push('payment.authorization-expired');
  const entered = state === known.state || known.captured > 0n ? undefined : ON_ENTERING[state];
  return entered ? [...events, entered] : events;
}
