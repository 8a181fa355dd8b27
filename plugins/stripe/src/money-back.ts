import type { DisputeFacts, RefundFacts } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { REFUND_MARK, markIn } from './marks.ts';
import { chargeOf, type Seen } from './seen.ts';

/**
 * Stripe's words for a dispute. `warning_*` is an inquiry: no money has moved. `prevented` never became a dispute, and an inquiry that
 * was closed is over: both ended well. A word that we do not know says nothing of money, so none is thought to have moved.
 */
const DISPUTE_STATES: Readonly<Record<string, DisputeFacts['state']>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry',
  warning_closed: 'won',
  needs_response: 'opened',
  under_review: 'opened',
  appeal_needs_response: 'opened',
  appeal_under_review: 'opened',
  prevented: 'won',
  won: 'won',
  lost: 'lost',
};

const REFUND_STATES: Readonly<Record<string, RefundFacts['state']>> = {
  pending: 'pending',
  requires_action: 'pending',
  succeeded: 'done',
  failed: 'failed',
  canceled: 'failed',
};

/** A refund's state in our words. One that we do not know is not done yet. */
export function refundState(status: string | null): RefundFacts['state'] {
  return REFUND_STATES[status ?? ''] ?? 'pending';
}

/** Each refund, with those of the dashboard, oldest first. */
export function refundFacts(refunds: readonly Stripe.Refund[], money: (amount: number) => number): readonly RefundFacts[] {
  return refunds.toReversed().map((refund) => {
    const reference = markIn(refund.metadata, REFUND_MARK);
    const state = refundState(refund.status);
    return {
      providerId: refund.id,
      ...(reference === undefined ? {} : { reference }),
      amount: money(refund.amount),
      state,
      ...(state === 'failed' ? { failure: refund.failure_reason ?? refund.status ?? 'failed' } : {}),
    };
  });
}

/**
 * A charge whose money came and that failed after that: a bank took a debit back outside of its dispute process. Stripe then turns
 * `succeeded` into `failed` and books `payment_failure_refund`; a charge that failed at once has no such booking.
 */
export function returnedLater(charge: Stripe.Charge): boolean {
  return charge.status === 'failed' && charge.failure_balance_transaction !== null && charge.failure_balance_transaction !== undefined;
}

/** Each dispute as it stands now, and a debit that came back without one. */
export function disputeFacts({ intent, disputes }: Seen, money: (amount: number) => number): readonly DisputeFacts[] {
  const charge = chargeOf(intent);
  const returned: DisputeFacts[] =
    charge && returnedLater(charge)
      ? [
          {
            providerId: charge.id,
            state: 'lost',
            amount: money(charge.amount_captured),
            ...(charge.failure_code === null ? {} : { reason: charge.failure_code }),
          },
        ]
      : [];
  const disputed = disputes.toReversed().map((dispute): DisputeFacts => {
    const dueBy = dispute.evidence_details?.due_by;
    return {
      providerId: dispute.id,
      state: DISPUTE_STATES[dispute.status] ?? 'inquiry',
      amount: money(amountOf(dispute, charge)),
      reason: dispute.reason,
      ...(dueBy === undefined || dueBy === null ? {} : { respondBy: dueBy * 1000 }),
    };
  });
  return [...returned, ...disputed];
}

/** What bank or scheme holds of the money now. */
export function chargedBack(seen: Seen, money: (amount: number) => number): number {
  return disputeFacts(seen, money).reduce((total, { state, amount }) => total + (state === 'opened' || state === 'lost' ? amount : 0), 0);
}

/** Disputes in another currency than the payment's are over all of it: what was given back before is not disputed. */
function amountOf(dispute: Stripe.Dispute, charge: Stripe.Charge | undefined): number {
  if (!charge || dispute.currency === charge.currency) return dispute.amount;
  return charge.amount_captured - charge.amount_refunded;
}
