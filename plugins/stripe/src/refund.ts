import { failed, ok, type PaymentProvider } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { toStripe } from './amounts.ts';
import { callStripe } from './client.ts';
import { intentOf } from './look.ts';
import { markIn, PAYMENT_MARK, REFUND_MARK } from './marks.ts';
import { refundState } from './money-back.ts';
import { collect } from './seen.ts';
import type { Settings } from './settings.ts';
import { METADATA } from './unverified.ts';

const REASONS: readonly Stripe.RefundCreateParams.Reason[] = ['duplicate', 'fraudulent', 'requested_by_customer'];

/**
 * `POST /refunds`. Accepted is not done: to a bank account it is `pending` for days, and it may fail after that.
 *
 * A repeated attempt looks first whether the refund is there by our id in its metadata: Stripe forgets keys after a day, and repeats a
 * stored 500 until then.
 */
export const refund: NonNullable<PaymentProvider<Settings>['refund']> = async (context, { providerId, reference, amount, reason }) => {
  const seen = await callStripe(context, 'read', async (stripe) => {
    const intent = await intentOf(stripe, providerId);
    const isRepeated = intent !== undefined && context.attempt > 1;
    const made = isRepeated ? await collect(stripe.refunds.list({ payment_intent: intent.id, limit: 100 })) : [];
    return ok({ intent, earlier: made.find(({ metadata }) => markIn(metadata, REFUND_MARK) === reference) });
  });
  if (seen.kind !== 'ok') return seen;
  const { intent, earlier } = seen.value;
  if (earlier) return ok({ providerId: earlier.id, state: refundState(earlier.status) }, earlier.id);
  if (!intent) return failed('permanent', 'Nothing was paid yet.', { code: 'not_paid' });
  return callStripe(context, 'write', async (stripe) => {
    const made = await stripe.refunds.create(
      {
        payment_intent: intent.id,
        amount: toStripe(amount),
        reason: REASONS.find((known) => known === reason) ?? 'requested_by_customer',
        metadata: {
          [REFUND_MARK]: reference,
          [PAYMENT_MARK]: intent.metadata[PAYMENT_MARK] ?? '',
          ...(reason ? { reason: reason.slice(0, METADATA.valueLength).replace(/[\uD800-\uDBFF]$/, '') } : {}),
        },
      },
      { idempotencyKey: context.idempotencyKey },
    );
    return ok({ providerId: made.id, state: refundState(made.status) }, made.id);
  });
};
