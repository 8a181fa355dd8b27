import { failed, ok, unknown, type Context, type Outcome, type PaymentFacts, type PaymentProvider } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { toStripe } from './amounts.ts';
import { callStripe } from './client.ts';
import { factsOf } from './facts.ts';
import { look } from './look.ts';
import { CANCELLED_MARK } from './marks.ts';
import { chargeOf, type Seen } from './seen.ts';
import type { Settings } from './settings.ts';

/** `POST …/capture`, once; what is not taken is released. */
export const capture: NonNullable<PaymentProvider<Settings>['capture']> = (context, { providerId, amount }) =>
  change(context, providerId, async (stripe, { intent }) => {
    if (!intent) return failed('permanent', 'Nothing is authorized yet.', { code: 'not_authorized' });
    const wanted = toStripe(amount);
    // An earlier attempt went through, and its key is forgotten or its answer was lost.
    if (context.attempt > 1 && intent.status === 'succeeded' && chargeOf(intent)?.amount_captured === wanted) return undefined;
    await stripe.paymentIntents.capture(intent.id, { amount_to_capture: wanted }, { idempotencyKey: context.idempotencyKey });
    return undefined;
  });

/** Ends an open session, or lets a payment intent and what it holds go. */
export const cancel: NonNullable<PaymentProvider<Settings>['cancel']> = (context, { providerId }) =>
  change(context, providerId, async (stripe, { session, intent }) => {
    const key = context.idempotencyKey;
    if (session?.status === 'open') {
      await stripe.checkout.sessions.update(session.id, { metadata: { [CANCELLED_MARK]: 'true' } }, { idempotencyKey: `${key}:mark` });
      await stripe.checkout.sessions.expire(session.id, {}, { idempotencyKey: `${key}:expire` });
    } else if (intent && intent.status !== 'canceled' && intent.status !== 'succeeded') {
      await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: 'requested_by_customer' }, { idempotencyKey: `${key}:cancel` });
    } else if (intent?.status === 'succeeded') {
      return failed('permanent', 'The money was taken already; refund it instead.', { code: 'already_captured' });
    }
    return undefined;
  });

/** Looks, lets `act` change something, and looks again. The first look only reads, so nothing is lost when it fails. */
async function change(
  context: Context<Settings>,
  providerId: string,
  act: (stripe: Stripe, seen: Seen) => Promise<Outcome<never> | undefined>,
): Promise<Outcome<PaymentFacts>> {
  const before = await callStripe(context, 'read', async (stripe) => ok(await look(context, stripe, providerId)));
  if (before.kind !== 'ok') return before;
  const refused = await callStripe(context, 'write', async (stripe) => (await act(stripe, before.value)) ?? ok(undefined));
  if (refused.kind !== 'ok') return refused;
  const after = await callStripe(context, 'read', async (stripe) => ok(factsOf(await look(context, stripe, providerId)), providerId));
  // It was done: only the second look failed, and saying "nothing happened" would be wrong.
  return after.kind === 'failed' ? unknown(`The change was made, and looking at it failed: ${after.message}`) : after;
}
