import { failed, ok, type Context, type Money, type Outcome, type RefundResult } from '@kassaflow/plugin-sdk';
import { fromPaypal, toPaypal } from './amounts.ts';
import { callPaypal, withAmounts } from './client.ts';
import { isTaken, partsOf, refundState, type Parts } from './order-parts.ts';
import { see, shortened } from './orders.ts';
import { codeOfOutcome } from './outcomes.ts';
import type { Settings } from './settings.ts';
import type { Capture, Refund } from './wire.ts';

/** `note_to_payer` of a refund. */
const LONGEST_NOTE = 255;
/** PayPal's words that an earlier attempt of this refund can be the reason of. */
const MAYBE_DONE = new Set(['DUPLICATE_INVOICE_ID', 'CAPTURE_FULLY_REFUNDED', 'REFUND_AMOUNT_EXCEEDED']);

/**
 * Refunds a part or all of one capture. Our refund id travels as `custom_id`, by which an earlier attempt is found, and as `invoice_id`, which
 * PayPal does not take twice: after the 45 days for which it keeps the key, too.
 */
export function refund(
  context: Context<Settings>,
  request: { readonly providerId: string; readonly reference: string; readonly amount: Money; readonly reason?: string },
): Promise<Outcome<RefundResult>> {
  return withAmounts('write', async () => {
    const amount = toPaypal(request.amount);
    const before = await see(context, request.providerId);
    if (before.kind !== 'ok') return before;
    const parts = partsOf(before.value.order);
    const earlier = refundOf(parts, request.reference);
    if (earlier) return ok(earlier, earlier.providerId);
    const capture = captureWith(parts, amount.currency_code === parts.currency ? fromPaypal(amount) : Number.POSITIVE_INFINITY);
    if (typeof capture === 'string') return refusal(capture);

    const sent = await callPaypal<Refund>(context, 'write', {
      method: 'POST',
      path: `/v2/payments/captures/${encodeURIComponent(capture.id ?? '')}/refund`,
      body: {
        amount,
        custom_id: request.reference,
        invoice_id: request.reference,
        ...(request.reason === undefined ? {} : { note_to_payer: shortened(request.reason, LONGEST_NOTE) }),
      },
      key: context.idempotencyKey,
      operation: 'refund',
    });
    if (sent.kind === 'ok') {
      const { id, status } = sent.value;
      return id === undefined
        ? { kind: 'unknown', message: 'PayPal made a refund and did not say which.' }
        : ok({ providerId: id, state: refundState(status) }, id);
    }
    return MAYBE_DONE.has(codeOfOutcome(sent) ?? '') ? doneOr(context, request, sent) : sent;
  });
}

/** An attempt at the same time may have won: then its refund is ours. */
async function doneOr(
  context: Context<Settings>,
  { providerId, reference }: { readonly providerId: string; readonly reference: string },
  refused: Outcome<never>,
): Promise<Outcome<RefundResult>> {
  const after = await see(context, providerId);
  if (after.kind !== 'ok')
    return { kind: 'unknown', message: `PayPal refused the refund as a repeat, and looking for the first one failed: ${after.message}` };
  const done = refundOf(partsOf(after.value.order), reference);
  return done ? ok(done, done.providerId) : refused;
}

function refundOf({ refunds }: Parts, reference: string): RefundResult | undefined {
  const found = refunds.find(({ custom_id: customId }) => customId === reference);
  return found?.id === undefined ? undefined : { providerId: found.id, state: refundState(found.status) };
}

/** The first capture that has so much left. Refunds name their capture in a link. */
function captureWith({ captures, refunds }: Parts, amount: number): Capture | 'nothing-paid' | 'too-much' | 'over-several' {
  const taken = captures.filter(isTaken);
  if (taken.length === 0) return 'nothing-paid';
  const left = taken.map((capture) => ({ capture, left: leftOf(capture, refunds, taken.length === 1) }));
  const fitting = left.find((one) => one.left >= amount);
  if (fitting) return fitting.capture;
  return left.reduce((sum, one) => sum + one.left, 0) >= amount ? 'over-several' : 'too-much';
}

function leftOf(capture: Capture, refunds: readonly Refund[], isOnly: boolean): number {
  const ours = refunds.filter((one) => isOnly || one.links?.some(({ rel, href }) => rel === 'up' && href?.endsWith(`/${capture.id}`)));
  const gone = ours.reduce((sum, one) => sum + (refundState(one.status) !== 'failed' && one.amount ? fromPaypal(one.amount) : 0), 0);
  return (capture.amount ? fromPaypal(capture.amount) : 0) - gone;
}

function refusal(why: 'nothing-paid' | 'too-much' | 'over-several'): Outcome<never> {
  if (why === 'nothing-paid') return failed('permanent', 'Nothing was paid yet.', { code: 'NOT_PAID' });
  if (why === 'too-much')
    return failed('input', 'That is more than is left of the payment.', { code: 'REFUND_AMOUNT_EXCEEDED', field: 'amount' });
  return failed('input', 'The payment was taken in parts, and no part has so much left; refund each part by itself.', {
    code: 'REFUND_OVER_SEVERAL_CAPTURES',
    field: 'amount',
  });
}
