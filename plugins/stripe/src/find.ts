import { failed, ok, type Context, type CreatedPayment, type Outcome, type PaymentProvider } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { callStripe } from './client.ts';
import { createdFrom, look } from './look.ts';
import { PAYMENT_MARK, markIn } from './marks.ts';
import type { Settings } from './settings.ts';

/** More of them than this in the time window of a search, and absence cannot be proved any more. */
const MAX_SEARCHED = 2_000;
/** Stripe's clock against ours. */
const CLOCK_SKEW_S = 300;

/**
 * Two lists by time, which show everything at once; Stripe's search lags by a minute and sees no session that nobody opened. Sessions
 * first: the payment intent of a session carries our reference too.
 */
export const find: NonNullable<PaymentProvider<Settings>['find']> = (context, { reference, notBefore }) =>
  callStripe(context, 'read', async (stripe) => {
    const window = { created: { gte: Math.floor(notBefore / 1000) - CLOCK_SKEW_S }, limit: 100 };
    const session = await search(stripe.checkout.sessions.list(window), (one) => one.client_reference_id === reference);
    if (session !== undefined) return found(context, stripe, session);
    const intent = await search(stripe.paymentIntents.list(window), (one) => markIn(one.metadata, PAYMENT_MARK) === reference);
    return intent === undefined ? ok(undefined) : found(context, stripe, intent);
  });

const TOO_MANY = 'too many';

async function search<T extends { readonly id: string }>(list: AsyncIterable<T>, fits: (one: T) => boolean): Promise<string | undefined> {
  let searched = 0;
  for await (const one of list) {
    if (fits(one)) return one.id;
    searched += 1;
    if (searched >= MAX_SEARCHED) return TOO_MANY;
  }
  return undefined;
}

async function found(context: Context<Settings>, stripe: Stripe, id: string): Promise<Outcome<CreatedPayment>> {
  if (id === TOO_MANY) return failed('temporary', 'There are too many payments in this time to prove that one is missing.');
  return createdFrom(context, await look(context, stripe, id));
}
