import { failed, ok, unknown, type Context, type Outcome, type PaymentProvider, type RefundResult } from '@kassaflow/plugin-sdk';
import type { MollieClient } from '@mollie/api-client';
import { toMollie } from './amounts.ts';
import { callMollie } from './client.ts';
import { REFUND_MARK, refundState } from './facts.ts';
import { checkedId } from './ids.ts';
import { look } from './look.ts';
import { refusalOf } from './outcomes.ts';
import { markIn } from './seen.ts';
import type { Settings } from './settings.ts';
import { DUPLICATE_REFUND, DUPLICATE_REFUND_MS } from './unverified.ts';

/** What a customer's bank statement has room for (SEPA remittance information). */
const REASON_LENGTH = 140;

type Refund = NonNullable<PaymentProvider<Settings>['refund']>;
type Request = Parameters<Refund>[1];

/**
 * `POST …/refunds`. `queued` (no balance yet) and `pending` are not done, and a done one may still fail.
 *
 * Mollie forgets keys after an hour, so a repeated attempt looks first whether the refund is there: its metadata name ours.
 */
export const refund: Refund = async (context, request) => {
  if (context.attempt > 1) {
    const earlier = await callMollie(context, 'read', async (mollie) => ok(await earlierRefund(context, mollie, request)));
    if (earlier.kind !== 'ok') return earlier;
    if (earlier.value) return ok(earlier.value, earlier.value.providerId);
  }
  return callMollie(context, 'refund', async (mollie) => {
    const { providerId, reference, amount, reason } = request;
    try {
      const made = await mollie.paymentRefunds.create({
        paymentId: checkedId('payment', providerId),
        amount: { ...toMollie(amount) },
        ...(reason ? { description: Array.from(reason.replaceAll(/\s+/g, ' ')).slice(0, REASON_LENGTH).join('') } : {}),
        metadata: { [REFUND_MARK]: reference },
        idempotencyKey: context.idempotencyKey,
      } as Parameters<typeof mollie.paymentRefunds.create>[0]); // the type wants a description, which Mollie does not
      return ok({ providerId: made.id, state: refundState(made.status) }, made.id);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal?.status !== 409) throw error;
      return conflict(await earlierRefund(context, mollie, request), refusal.detail);
    }
  });
};

async function earlierRefund(
  context: Context<Settings>,
  mollie: MollieClient,
  { providerId, reference }: Request,
): Promise<RefundResult | undefined> {
  const { payment } = await look(context, mollie, providerId);
  const found = payment._embedded?.refunds?.find(({ metadata }) => markIn(metadata, REFUND_MARK) === reference);
  return found && { providerId: found.id, state: refundState(found.status) };
}

/** 409 says one of two things: a refund of the same amount was made in the last hour, or a call with this key is under way. */
function conflict(earlier: RefundResult | undefined, detail: string): Outcome<RefundResult> {
  if (earlier) return ok(earlier, earlier.providerId);
  if (!DUPLICATE_REFUND.test(detail)) return unknown('Mollie is still busy with an earlier attempt of this refund.');
  return failed('temporary', 'Mollie takes this for a repetition of another refund of the last hour.', {
    code: 'duplicate-refund',
    retryAfterMs: DUPLICATE_REFUND_MS,
  });
}
