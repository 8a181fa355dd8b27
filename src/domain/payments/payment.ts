/**
 * What a payment is and how its state follows from facts.
 *
 * A payment is one attempt by a customer to pay one amount through one connection. Its state is never set: providers report
 * facts (amounts and dates), and {@link derive} reads the state off them.
 *
 * | state | what is true |
 * |---|---|
 * | created | it exists; the customer has not begun |
 * | pending | the customer has begun, or a bank is busy with it |
 * | authorized | money is reserved, none is taken |
 * | completed | money was taken. Not final: refunds and chargebacks follow, for SEPA up to 13 months later |
 * | partially-refunded, refunded | part, or all, of what was taken was sent back |
 * | charged-back | bank or scheme took it back; a dispute that is won leads back |
 * | failed, cancelled, expired | no money came. Late money may still: a customer who pays an expired link completes it |
 *
 * Signals come late, twice and in any order; that does no harm, because each leads to a fetch and only the newest fetch
 * counts. Two moves need care: money that was taken and then was not (a returned debit) is believed only after a second
 * fetch, see `payment-change.ts`; and from a state with money there is no way back to one in which it is only expected: what says
 * so is not believed, and a person is told.
 */
import type { DisputeFacts, MandateFacts, PaymentFacts, PaymentFailure, RefundFacts } from '@kassaflow/plugin-sdk';
import type { PaymentSubject } from '../../events/catalogue/subjects.ts';
import { isCurrency, type Currency } from '../../kernel/currency.ts';
import { paymentErrors } from './payment.errors.ts';

export type PaymentState = PaymentSubject['status'];

/** Cumulative amounts of one payment in minor units: what we have recorded, or what a fetch reports. */
export interface PaymentAmounts {
  readonly authorized: bigint;
  readonly voided: bigint;
  readonly captured: bigint;
  readonly refunded: bigint;
  readonly refundPending: bigint;
  readonly chargedBack: bigint;
  /** The provider's fee; `undefined` while it is not known. */
  readonly fee: bigint | undefined;
}

/** Facts after the edge: exact integers, a known currency, a date. */
export interface Facts extends PaymentAmounts {
  readonly currency: Currency | undefined;
  readonly providerState: string;
  readonly started: boolean;
  readonly ended: 'failed' | 'cancelled' | 'expired' | undefined;
  readonly fetchedAt: Date;
  /** When the provider booked what is new, where a report told it; else it counts as of the fetch. */
  readonly bookedAt?: Date;
  readonly method: string | undefined;
  readonly failure: PaymentFailure | undefined;
  /** The permission to charge again that came of it, or under which it was made. */
  readonly mandate: MandateFacts | undefined;
  /** Every refund one by one; `undefined` where only the totals are known. */
  readonly refunds: readonly RefundFacts[] | undefined;
  readonly disputes: readonly DisputeFacts[] | undefined;
  /** Until when reserved money can be taken. */
  readonly captureBefore: Date | undefined;
  /** Until when the payer's bank may take it back without a question. */
  readonly provisionalUntil: Date | undefined;
}

const NO_MONEY = ['failed', 'cancelled', 'expired'] as const;
const MONEY = ['completed', 'partially-refunded', 'refunded', 'charged-back'] as const;

const NEXT: Readonly<Record<PaymentState, readonly PaymentState[]>> = {
  created: ['pending', 'authorized', ...MONEY, ...NO_MONEY],
  pending: ['authorized', ...MONEY, ...NO_MONEY],
  authorized: ['pending', ...MONEY, ...NO_MONEY],
  completed: [...MONEY, ...NO_MONEY],
  'partially-refunded': [...MONEY, ...NO_MONEY],
  refunded: [...MONEY, ...NO_MONEY],
  'charged-back': [...MONEY, ...NO_MONEY],
  failed: ['pending', 'authorized', ...MONEY, ...NO_MONEY],
  cancelled: ['pending', 'authorized', ...MONEY, ...NO_MONEY],
  expired: ['pending', 'authorized', ...MONEY, ...NO_MONEY],
};

/** The states in which a payment has taken money at some time. */
export function tookMoney(state: PaymentState): boolean {
  return (MONEY as readonly PaymentState[]).includes(state);
}

/** The states in which money is expected. */
export function isOpen(state: PaymentState): boolean {
  return state === 'created' || state === 'pending' || state === 'authorized';
}

/** The state that facts amount to. Only amounts tell it: providers keep their main state after a refund. */
export function derive(facts: PaymentAmounts & Pick<Facts, 'started' | 'ended'>): PaymentState {
  if (facts.captured > 0n) {
    if (facts.chargedBack > 0n) return 'charged-back';
    if (facts.refunded === 0n) return 'completed';
    return facts.refunded >= facts.captured ? 'refunded' : 'partially-refunded';
  }
  if (facts.ended) return facts.ended;
  if (facts.authorized > 0n) return facts.voided >= facts.authorized ? 'cancelled' : 'authorized';
  return facts.started ? 'pending' : 'created';
}

/** The new state, after a check that it can follow; the same state again is no change. @throws payment.illegal-transition */
export function transition(from: PaymentState, to: PaymentState): PaymentState {
  if (from !== to && !NEXT[from].includes(to)) throw paymentErrors['illegal-transition']({ from, to });
  return to;
}

/**
 * Takes a plugin's facts in: safe integers become exact amounts.
 * @throws payment.invalid-facts for an amount below zero, or with more refunded than was captured
 */
export function readFacts(facts: PaymentFacts): Facts {
  const amounts = [facts.authorized, facts.voided, facts.captured, facts.refunded, facts.refundPending, facts.chargedBack, facts.fee ?? 0];
  if (
    !amounts.every((amount) => Number.isSafeInteger(amount) && amount >= 0) ||
    facts.refunded > facts.captured ||
    facts.chargedBack > facts.captured
  ) {
    throw paymentErrors['invalid-facts']({ captured: facts.captured, refunded: facts.refunded, chargedBack: facts.chargedBack });
  }
  return {
    currency: isCurrency(facts.currency) ? facts.currency : undefined,
    providerState: facts.providerState,
    started: facts.started,
    ended: facts.ended,
    authorized: BigInt(facts.authorized),
    voided: BigInt(facts.voided),
    captured: BigInt(facts.captured),
    refunded: BigInt(facts.refunded),
    refundPending: BigInt(facts.refundPending),
    chargedBack: BigInt(facts.chargedBack),
    fee: facts.fee === undefined ? undefined : BigInt(facts.fee),
    fetchedAt: new Date(facts.fetchStartedAt),
    method: facts.method,
    failure: facts.failure,
    mandate: facts.mandate,
    refunds: facts.refunds,
    disputes: facts.disputes,
    captureBefore: dateOf(facts.captureBefore),
    provisionalUntil: dateOf(facts.provisionalUntil),
  };
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
