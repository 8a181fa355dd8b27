/**
 * What a refund is and how it settles.
 *
 * | state | what is true |
 * |---|---|
 * | requested | we want it; the provider has not answered yet, or nobody has asked it because approval is awaited |
 * | pending | the provider accepted it; the money has not moved |
 * | completed | the provider's total of refunded money covers it |
 * | failed | it will not happen; also a completed one that bounced days later |
 * | cancelled | whoever had to approve it, or asked for it, called it off before it was sent |
 *
 * One that was requested may wait for approval, by somebody else than who asked for it. At some terminals money goes back only to the
 * card that is tapped again: a refund that such a provider refuses waits for that, and is completed by the provider's totals or reports,
 * like one that was made in its dashboard.
 *
 * Accepted is not done, so only facts complete a refund: the provider reports totals, and {@link settle} finds which refunds
 * they cover. What no refund of ours explains was made in the provider's dashboard, and gets a record of its own.
 */
import type { RefundSubject } from '../../events/catalogue/subjects.ts';
import { SECOND_FETCH_AFTER_MS } from './payment-change.ts';
import type { Facts, PaymentAmounts } from './payment.ts';

export type RefundState = RefundSubject['status'];

/** A refund as far as settling needs it. */
export interface RefundView {
  readonly id: string;
  readonly amount: bigint;
  readonly state: RefundState;
  /** When it was sent to the provider; `null` while approval is awaited. */
  readonly sentAt: Date | null;
  /** When the provider accepted it. */
  readonly acceptedAt: Date | null;
}

export interface Settlement {
  readonly completed: readonly string[];
  readonly failed: readonly string[];
  /** Refunded at the provider without us; 0n when nothing was. */
  readonly foreign: bigint;
}

const LIVE: readonly RefundState[] = ['requested', 'pending', 'completed'];

/** How much of the payment can still be refunded: what was captured, less what went back or is under way by any account. */
export function refundable(payment: PaymentAmounts, refunds: readonly RefundView[]): bigint {
  const ours = sum(refunds.filter(({ state }) => LIVE.includes(state)));
  const theirs = payment.refunded + payment.refundPending;
  const left = payment.captured - payment.chargedBack - (ours > theirs ? ours : theirs);
  return left > 0n ? left : 0n;
}

/** @param refunds of one payment, oldest first */
export function settle(refunds: readonly RefundView[], facts: Pick<Facts, 'refunded' | 'refundPending' | 'fetchedAt'>): Settlement {
  const done = refunds.filter(({ state }) => state === 'completed');
  const difference = facts.refunded - sum(done);
  if (difference > 0n) {
    const { taken, left } = cover(
      refunds.filter(({ state, sentAt }) => sentAt !== null && (state === 'requested' || state === 'pending')),
      difference,
    );
    return { completed: taken, failed: [], foreign: left };
  }
  if (difference < 0n) return { completed: [], failed: cover(done.toReversed(), -difference).taken, foreign: 0n };
  return { completed: [], failed: lostRefunds(refunds, facts), foreign: 0n };
}

/** Pending refunds that the provider no longer counts, neither as pending nor as done: they failed. */
function lostRefunds(refunds: readonly RefundView[], facts: Pick<Facts, 'refundPending' | 'fetchedAt'>): readonly string[] {
  // One that was accepted moments ago may be missing from a lagging replica.
  const settledBefore = facts.fetchedAt.getTime() - SECOND_FETCH_AFTER_MS;
  const pending = refunds.filter(
    ({ state, acceptedAt }) => state === 'pending' && acceptedAt !== null && acceptedAt.getTime() <= settledBefore,
  );
  const lost = sum(pending) - facts.refundPending;
  return lost > 0n ? cover(pending.toReversed(), lost).taken : [];
}

/** Refunds that make up `amount`: one of exactly that amount, else the first ones that fit. */
function cover(refunds: readonly RefundView[], amount: bigint): { readonly taken: readonly string[]; readonly left: bigint } {
  const exact = refunds.find((refund) => refund.amount === amount);
  if (exact) return { taken: [exact.id], left: 0n };
  const taken: string[] = [];
  let left = amount;
  for (const refund of refunds) {
    if (refund.amount > left) continue;
    taken.push(refund.id);
    left -= refund.amount;
  }
  return { taken, left };
}

function sum(refunds: readonly RefundView[]): bigint {
  return refunds.reduce((total, { amount }) => total + amount, 0n);
}
