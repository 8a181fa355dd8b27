import { ok, type Context, type DisputeFacts, type Outcome } from '@kassaflow/plugin-sdk';
import { fromPaypal } from './amounts.ts';
import { callPaypal } from './client.ts';
import type { Settings } from './settings.ts';
import { momentOf, type Capture, type Dispute } from './wire.ts';

/** One payment has one dispute, or a few after appeals. */
const MOST = 20;

/**
 * How a resolved dispute ended (customer_disputes_v1, `dispute_outcome.outcome_code`). With `RESOLVED_WITH_PAYOUT` PayPal pays out of its own
 * pocket and the seller keeps the money; `DENIED` and `NONE` leave it where it was. A word that is not here leaves the dispute open: losing
 * money quietly is worse than keeping it in doubt.
 */
const OUTCOMES: Readonly<Record<string, DisputeFacts['state']>> = {
  RESOLVED_BUYER_FAVOUR: 'lost',
  ACCEPTED: 'lost',
  RESOLVED_SELLER_FAVOUR: 'won',
  RESOLVED_WITH_PAYOUT: 'won',
  CANCELED_BY_BUYER: 'won',
  DENIED: 'won',
  NONE: 'won',
};

/** Every dispute over the captures, each as it stands now. */
export async function disputesOf(context: Context<Settings>, captures: readonly Capture[]): Promise<Outcome<readonly DisputeFacts[]>> {
  const found: DisputeFacts[] = [];
  for (const { id, amount } of captures) {
    if (id === undefined) continue;
    const query = new URLSearchParams({ disputed_transaction_id: id, page_size: String(MOST) });
    const list = await callPaypal<{ items?: readonly Dispute[] }>(context, 'read', {
      method: 'GET',
      path: `/v1/customer/disputes?${query.toString()}`,
    });
    if (list.kind !== 'ok') return list;
    for (const summary of list.value.items ?? []) {
      // The list does not tell how a dispute ended.
      const whole = summary.status === 'RESOLVED' ? await detailOf(context, summary) : ok(summary);
      if (whole.kind !== 'ok') return whole;
      found.push(disputeFacts(context, whole.value, amount === undefined ? 0 : fromPaypal(amount), amount?.currency_code));
    }
  }
  return ok(found);
}

/** What disputes hold or took: never more than is left after refunds, because a lost dispute can also be paid by a refund. */
export function chargedBackOf(disputes: readonly DisputeFacts[], captures: readonly Capture[], left: number): number {
  const reversed = captures.reduce((sum, { status, amount }) => sum + (status === 'REVERSED' && amount ? fromPaypal(amount) : 0), 0);
  const disputed = disputes.reduce((sum, { state, amount }) => sum + (state === 'opened' || state === 'lost' ? amount : 0), 0);
  return Math.min(left, Math.max(reversed, disputed));
}

function detailOf(context: Context<Settings>, { dispute_id: id = '' }: Dispute): Promise<Outcome<Dispute>> {
  return callPaypal<Dispute>(context, 'read', { method: 'GET', path: `/v1/customer/disputes/${encodeURIComponent(id)}` });
}

function disputeFacts({ log }: Context<Settings>, dispute: Dispute, captured: number, currency: string | undefined): DisputeFacts {
  const { dispute_id: providerId = 'unknown', reason, dispute_amount: amount } = dispute;
  const outcome = dispute.dispute_outcome?.outcome_code;
  if (dispute.status === 'RESOLVED' && OUTCOMES[outcome ?? ''] === undefined)
    log.warn('A dispute at PayPal ended in a way that this plugin does not know', { dispute: providerId, outcome });
  const respondBy = momentOf(dispute.seller_response_due_date);
  return {
    providerId,
    state: stateOf(dispute, outcome),
    // A dispute in the payer's currency is over the whole payment, as far as we can tell.
    amount: amount !== undefined && amount.currency_code === currency ? Math.min(captured, fromPaypal(amount)) : captured,
    ...(reason === undefined ? {} : { reason }),
    ...(respondBy === undefined ? {} : { respondBy }),
  };
}

/** In the stage of an inquiry the buyer asks and PayPal decides nothing. */
function stateOf({ status, dispute_life_cycle_stage: stage }: Dispute, outcome: string | undefined): DisputeFacts['state'] {
  if (status === 'RESOLVED') return OUTCOMES[outcome ?? ''] ?? 'opened';
  return stage === 'INQUIRY' ? 'inquiry' : 'opened';
}
