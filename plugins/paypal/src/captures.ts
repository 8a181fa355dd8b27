/** Taking approved or held money, and letting go of it. */
import { failed, ok, type Context, type Money, type Outcome, type PaymentFacts } from '@kassaflow/plugin-sdk';
import { createHash } from 'node:crypto';
import { fromPaypal, toPaypal } from './amounts.ts';
import { callPaypal, withAmounts } from './client.ts';
import { factsOf, type Seen } from './facts.ts';
import { CANCELLED_MARK, isOpenHold, isTaken, partsOf } from './order-parts.ts';
import { fetchFacts, orderPath, see } from './orders.ts';
import { codeOfOutcome } from './outcomes.ts';
import type { Settings } from './settings.ts';
import type { Authorization, Order } from './wire.ts';

/** PayPal's words for "this was done before": then how things stand is the answer. */
const DONE_BEFORE = new Set(['ORDER_ALREADY_CAPTURED', 'AUTHORIZATION_ALREADY_CAPTURED', 'PREVIOUSLY_VOIDED', 'DUPLICATE_INVOICE_ID']);

/** Takes the money of an approved order as a whole, or any part of a hold. */
export function capture(
  context: Context<Settings>,
  { providerId, amount }: { readonly providerId: string; readonly amount: Money },
): Promise<Outcome<PaymentFacts>> {
  return change(context, providerId, async (seen) => {
    const value = toPaypal(amount);
    const parts = partsOf(seen.order);
    if (parts.isCancelled) return failed('permanent', 'This payment was cancelled.', { code: 'CANCELLED' });
    if (seen.order.intent === 'AUTHORIZE') return captureHold(context, seen, value);
    if (parts.captures.some((one) => one.status === 'PENDING' || isTaken(one))) return ok(undefined);
    if (fromPaypal(value) !== parts.asked || value.currency_code !== parts.currency) {
      return failed('input', 'PayPal takes an approved order only as a whole; ask for manual capture to take parts.', { field: 'amount' });
    }
    return callPaypal<Order>(context, 'write', {
      method: 'POST',
      path: orderPath(providerId, 'capture'),
      body: {},
      key: context.idempotencyKey,
      operation: 'capture',
    });
  });
}

/** Voids a hold; marks an order that is not taken yet, so that it never is. */
export function cancel(context: Context<Settings>, { providerId }: { readonly providerId: string }): Promise<Outcome<PaymentFacts>> {
  return change(context, providerId, async (seen) => {
    const { ended } = factsOf(context, seen);
    const parts = partsOf(seen.order);
    const open = parts.authorizations.find(isOpenHold);
    if (ended !== undefined) return ok(undefined);
    if (open?.id !== undefined) {
      const path = `/v2/payments/authorizations/${encodeURIComponent(open.id)}/void`;
      return callPaypal(context, 'write', { method: 'POST', path, key: context.idempotencyKey, operation: 'void' });
    }
    if (parts.captures.length > 0 || parts.authorizations.length > 0)
      return failed('permanent', 'The money was taken already; refund it instead.', { code: 'ALREADY_CAPTURED' });
    const patch = [
      { op: 'replace', path: "/purchase_units/@reference_id=='default'/custom_id", value: `${parts.reference ?? ''}${CANCELLED_MARK}` },
    ];
    return callPaypal(context, 'write', { method: 'PATCH', path: orderPath(providerId), body: patch });
  });
}

/**
 * Every capture has an invoice id of its own, made from the key, by which a repeat is known also when PayPal has forgotten the key. None is
 * called final: whether it is would depend on what was taken before, and a repeat must send the same bytes.
 */
async function captureHold(context: Context<Settings>, { order }: Seen, amount: ReturnType<typeof toPaypal>): Promise<Outcome<unknown>> {
  const parts = partsOf(order);
  const invoice = `${parts.reference ?? order.id}-${createHash('sha256').update(context.idempotencyKey).digest('hex').slice(0, 12)}`;
  if (parts.captures.some((one) => one.invoice_id === invoice && (one.status === 'PENDING' || isTaken(one)))) return ok(undefined);
  const held: Authorization | undefined = parts.authorizations.find(isOpenHold);
  if (held?.id === undefined) return failed('permanent', 'Nothing is held that could be taken.', { code: 'NOT_AUTHORIZED_YET' });
  return callPaypal(context, 'write', {
    method: 'POST',
    path: `/v2/payments/authorizations/${encodeURIComponent(held.id)}/capture`,
    body: { amount, invoice_id: invoice, final_capture: false },
    key: context.idempotencyKey,
    operation: 'capture',
  });
}

/** Looks, lets `act` change something, and looks again. The first look only reads, so nothing is lost when it fails. */
function change(
  context: Context<Settings>,
  orderId: string,
  act: (seen: Seen) => Promise<Outcome<unknown>>,
): Promise<Outcome<PaymentFacts>> {
  return withAmounts('write', async () => {
    const before = await see(context, orderId);
    if (before.kind !== 'ok') return before;
    const done = await act(before.value);
    const wasDoneBefore = DONE_BEFORE.has(codeOfOutcome(done) ?? '');
    if (done.kind !== 'ok' && !wasDoneBefore) return done;
    const after = await fetchFacts(context, orderId);
    if (after.kind === 'failed') return { kind: 'unknown', message: `The change was made, and looking at it failed: ${after.message}` };
    if (after.kind !== 'ok' || !wasDoneBefore || done.kind === 'ok') return after;
    // Somebody was faster: fine if it is this payment that was changed.
    return after.value.captured > 0 || after.value.ended !== undefined || after.value.voided > 0 ? after : done;
  });
}
