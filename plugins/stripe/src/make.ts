import { ok, unknown, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { callStripe } from './client.ts';
import { look } from './look.ts';
import type { Seen } from './seen.ts';
import type { Settings } from './settings.ts';

type Made = Stripe.Response<Stripe.Checkout.Session> | Stripe.Response<Stripe.PaymentIntent>;

/**
 * Makes or confirms a payment at Stripe, and tells how it stands.
 *
 * - Refused by the bank (402), there is a payment all the same, and the refusal carries it.
 * - An answer out of Stripe's memory of keys is as old as the first attempt, and must not look newer than what was fetched since: then
 *   the payment is looked at again. When that look fails it is `unknown`, because something was made.
 */
export async function make(context: Context<Settings>, post: (stripe: Stripe) => Promise<Made>): Promise<Outcome<Seen>> {
  const fetchStartedAt = context.now().getTime();
  const made = await callStripe(context, 'write', async (stripe) => {
    try {
      const answer = await post(stripe);
      return ok({ id: answer.id, fresh: freshly(answer) });
    } catch (error) {
      const id = refusedIntent(error);
      if (id === undefined) throw error;
      return ok({ id, fresh: undefined });
    }
  });
  // Time has passed since the first attempt, and what follows from it is another body: it is the first that counts, and it can be found.
  if (made.kind === 'failed' && made.code === 'idempotency_error' && context.attempt > 1)
    return unknown('An earlier attempt of this call was made with another date in it.');
  if (made.kind !== 'ok') return made;
  const { id, fresh } = made.value;
  if (fresh) return ok({ ...fresh, refunds: [], disputes: [], fetchStartedAt });
  const seen = await callStripe(context, 'read', async (stripe) => ok(await look(context, stripe, id)));
  return seen.kind === 'failed' ? unknown(`It was made, and looking at it failed: ${seen.message}`) : seen;
}

/** What an answer tells of a payment that nobody has begun; of any other there is more to know than the answer has. */
function freshly(answer: Made): Pick<Seen, 'session' | 'intent'> | undefined {
  if (answer.lastResponse.headers['idempotent-replayed'] === 'true') return undefined;
  if (answer.object === 'checkout.session') return { session: answer };
  return answer.status === 'requires_payment_method' && !answer.last_payment_error ? { intent: answer } : undefined;
}

/** The payment intent that a refusal by the bank is about. */
function refusedIntent(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('type' in error) || error.type !== 'StripeCardError' || !('payment_intent' in error)) return undefined;
  const intent: unknown = error.payment_intent;
  return typeof intent === 'object' && intent !== null && 'id' in intent && typeof intent.id === 'string' ? intent.id : undefined;
}
