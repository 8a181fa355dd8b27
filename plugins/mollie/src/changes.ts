import { failed, ok, unknown, type Context, type Outcome, type PaymentFacts, type PaymentProvider } from '@kassaflow/plugin-sdk';
import type { MollieClient } from '@mollie/api-client';
import { fromMollie, toMollie } from './amounts.ts';
import { callMollie } from './client.ts';
import { factsFrom, look, type Look } from './look.ts';
import { refusalOf } from './outcomes.ts';
import type { Settings } from './settings.ts';

/** `POST …/captures`. A capture that was made before and whose answer got lost is seen in the amount that is captured. */
export const capture: NonNullable<PaymentProvider<Settings>['capture']> = (context, { providerId, amount }) =>
  change(context, providerId, async (mollie) => {
    const wanted = toMollie(amount);
    try {
      await mollie.paymentCaptures.create({ paymentId: providerId, amount: { ...wanted }, idempotencyKey: context.idempotencyKey });
      return undefined;
    } catch (error) {
      if (refusalOf(error)?.status !== 422) throw error;
      const { amountCaptured } = (await look(context, mollie, providerId)).payment;
      // Nothing is left to capture, and what an earlier attempt asked for is what was taken.
      if (context.attempt > 1 && amountCaptured && fromMollie(amountCaptured) === fromMollie(wanted)) return undefined;
      throw error;
    }
  });

/**
 * Ends an open payment, or lets an authorization go. Mollie decides by payment which of the two it offers, and for some neither: an
 * iDEAL payment with a bank chosen can only lapse.
 */
export const cancel: NonNullable<PaymentProvider<Settings>['cancel']> = (context, { providerId }) =>
  change(context, providerId, async (mollie, { payment }) => {
    const { status, isCancelable } = payment;
    if (['canceled', 'expired', 'failed'].includes(status)) return undefined;
    if (status === 'paid') return failed('permanent', 'The money was taken already; refund it instead.', { code: 'already-paid' });
    const isHeld = status === 'authorized';
    if (!isHeld && !isCancelable)
      return failed('permanent', 'Mollie cannot cancel this payment now; it ends by itself when its time is over.', {
        code: 'not-cancelable',
      });
    try {
      if (isHeld) await release(mollie, providerId, context.idempotencyKey);
      else await mollie.payments.cancel(providerId, { idempotencyKey: context.idempotencyKey });
      return undefined;
    } catch (error) {
      if (refusalOf(error)?.status !== 422) throw error;
      const { payment: now } = await look(context, mollie, providerId);
      if (now.status === 'paid')
        return failed('permanent', 'The customer paid in this moment; refund it instead.', { code: 'already-paid' });
      if (now.status === status) throw error;
      return undefined;
    }
  });

/** Looks, lets `act` change something, and looks again. The first look only reads, so nothing is lost when it fails. */
async function change(
  context: Context<Settings>,
  providerId: string,
  act: (mollie: MollieClient, seen: Look) => Promise<Outcome<never> | undefined>,
): Promise<Outcome<PaymentFacts>> {
  const before = await callMollie(context, 'read', async (mollie) => ok(await look(context, mollie, providerId)));
  if (before.kind !== 'ok') return before;
  const done = await callMollie(context, 'write', async (mollie) => (await act(mollie, before.value)) ?? ok(undefined));
  if (done.kind !== 'ok') return done;
  const after = await callMollie(context, 'read', async (mollie) =>
    ok(factsFrom(context, await look(context, mollie, providerId)), providerId),
  );
  // It was done: only the second look failed, and saying "nothing happened" would be wrong.
  return after.kind === 'failed' ? unknown(`The change was made, and looking at it failed: ${after.message}`) : after;
}

/** The library passes the key on, though its type does not say so. */
function release(mollie: MollieClient, providerId: string, idempotencyKey: string): Promise<unknown> {
  const parameters: NonNullable<Parameters<typeof mollie.payments.releaseAuthorization>[1]> & { readonly idempotencyKey: string } = {
    idempotencyKey,
  };
  return mollie.payments.releaseAuthorization(providerId, parameters);
}
