import type { StripeBook, StripeWorld } from './stripe-book.ts';
import { DISPUTE_FEE } from './stripe-ledger.ts';
import { missing, newId, refuse, type Dispute, type Refund } from './stripe-objects.ts';

const DAY = 86_400_000;
/** How long a bank account waits for its refund. */
const REFUND_MS = 4 * DAY;
/** Until when a merchant may answer a dispute. */
const ANSWER_MS = 14 * DAY;
const MONEY_TAKEN = new Set(['needs_response', 'under_review', 'lost']);

/** Refunds and disputes: money that goes back. */
export class StripeMoneyBack {
  readonly refunds = new Map<string, Refund>();
  readonly disputes = new Map<string, Dispute>();
  readonly #world: StripeWorld;
  readonly #book: StripeBook;

  constructor(world: StripeWorld, book: StripeBook) {
    this.#world = world;
    this.#book = book;
    book.disputed = (intent) => void this.dispute(intent, 'lost', { reason: 'debit_not_authorized' });
  }

  refundsOf(intentId: string): readonly Refund[] {
    return [...this.refunds.values()].filter((refund) => refund.payment_intent === intentId);
  }

  /** A refund, as by the API or by a person in the dashboard. To a bank account it is `pending` for days; others are done at once. */
  refund(
    intentId: string,
    amount: number,
    more: { readonly metadata?: Record<string, string>; readonly reason?: string; readonly status?: Refund['status'] } = {},
  ): Refund {
    const { clock, ledger, tell } = this.#world;
    const intent = this.#book.intent(intentId);
    const charge = this.#book.chargeOf(intent);
    if (amount > charge.amount_captured - charge.amount_refunded)
      refuse('Refund amount is greater than unrefunded amount on charge.', 'charge_already_refunded', 'amount');
    const isCard = charge.payment_method_details.type === 'card';
    const refund: Refund = {
      id: newId(isCard ? 're' : 'pyr'),
      object: 'refund',
      amount,
      currency: intent.currency,
      status: more.status ?? (charge.payment_method_details.type === 'sepa_debit' ? 'pending' : 'succeeded'),
      charge: charge.id,
      payment_intent: intent.id,
      reason: more.reason ?? null,
      metadata: more.metadata ?? {},
      created: clock.seconds(),
    };
    this.refunds.set(refund.id, refund);
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded === charge.amount_captured;
    ledger.book({
      type: isCard ? 'refund' : 'payment_refund',
      amount: -amount,
      currency: charge.currency,
      source: refund.id,
      category: 'refund',
    });
    tell('refund.created', refund);
    tell('charge.refunded', charge);
    if (refund.status === 'pending') clock.after(REFUND_MS, () => refund.status === 'pending' && this.finishRefund(refund.id, 'succeeded'));
    return refund;
  }

  finishRefund(id: string, status: 'succeeded' | 'failed'): void {
    const refund = this.refunds.get(id) ?? missing('refund', id);
    refund.status = status;
    if (status === 'failed') {
      refund.failure_reason = 'declined';
      this.#book.charge(refund.charge).amount_refunded -= refund.amount;
      const { amount, currency } = refund;
      this.#world.ledger.book({ type: 'refund_failure', amount, currency, source: id, category: 'refund_failure' });
    }
    this.#world.tell(status === 'failed' ? 'refund.failed' : 'refund.updated', refund);
  }

  /** The customer's bank takes the money back, or gives it back: a second call moves on the first one's dispute. */
  dispute(
    intentId: string,
    status = 'needs_response',
    more: { readonly reason?: string; readonly amount?: number; readonly currency?: string } = {},
  ): Dispute {
    const { clock, isLive, tell } = this.#world;
    const charge = this.#book.chargeOf(this.#book.intent(intentId));
    const known = [...this.disputes.values()].find((dispute) => dispute.payment_intent === intentId);
    const before = known?.status ?? '';
    const dispute: Dispute = known ?? {
      id: newId(charge.id.startsWith('ch') ? 'dp' : 'du'),
      object: 'dispute',
      amount: more.amount ?? charge.amount_captured,
      currency: more.currency ?? charge.currency,
      status,
      charge: charge.id,
      payment_intent: intentId,
      reason: more.reason ?? 'fraudulent',
      evidence_details: { due_by: charge.id.startsWith('ch') ? clock.seconds() + ANSWER_MS / 1000 : null },
      metadata: {},
      created: clock.seconds(),
      livemode: isLive,
    };
    dispute.status = status;
    charge.disputed = true;
    this.disputes.set(dispute.id, dispute);
    this.#move(dispute, before);
    tell(known ? 'charge.dispute.closed' : 'charge.dispute.created', dispute);
    return dispute;
  }

  #move({ id, amount, currency, status }: Dispute, before: string): void {
    const { ledger } = this.#world;
    const [wasTaken, isTaken] = [MONEY_TAKEN.has(before), MONEY_TAKEN.has(status)];
    if (isTaken && !wasTaken)
      ledger.book({ type: 'adjustment', amount: -amount, currency, source: id, fee: DISPUTE_FEE, category: 'dispute' });
    if (wasTaken && !isTaken) ledger.book({ type: 'adjustment', amount, currency, source: id, category: 'dispute_reversal' });
  }
}
