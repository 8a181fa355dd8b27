import { ok, type PaymentProvider } from '@kassaflow/plugin-sdk';
import { cancel, capture } from './changes.ts';
import { charge } from './charge.ts';
import { callStripe } from './client.ts';
import { intentParameters, refuseCreation, sessionParameters } from './creation.ts';
import { customerFor } from './customers.ts';
import { factsOf } from './facts.ts';
import { find } from './find.ts';
import { hostedFields } from './hosted-fields.ts';
import { createdFrom, look } from './look.ts';
import { make } from './make.ts';
import { methods } from './methods.ts';
import { refund } from './refund.ts';
import type { Settings } from './settings.ts';
import { settlements } from './settlements.ts';

/** Stripe keeps a key for at least 24 hours (https://docs.stripe.com/api/idempotent_requests). */
const KEY_TTL_MS = 86_400_000;

/**
 * Payments on Stripe's hosted page, or with its fields on a page of ours, and charges without the customer. `providerId` is the session's
 * id for the first, the payment intent's for the others; `fetch` takes both for every payment.
 */
export const payments: PaymentProvider<Settings> = {
  keyTtlMs: KEY_TTL_MS,

  // Only its own subscriptions' invoices: a refused charge of ours is never tried again by Stripe.
  traits: { retriesCharges: false },

  create: async (context, payment) => {
    const refused = refuseCreation(context, payment);
    if (refused) return refused;
    const options = { idempotencyKey: context.idempotencyKey };
    if (payment.flow !== 'hosted-fields') {
      const now = context.now().getTime();
      const made = await make(context, (stripe) => stripe.checkout.sessions.create(sessionParameters(payment, now), options));
      return made.kind === 'ok' ? createdFrom(context, made.value) : made;
    }
    const customer = payment.save ? await customerFor(context, payment.customer) : ok(payment.customer?.providerId);
    if (customer.kind !== 'ok') return customer;
    const made = await make(context, (stripe) => stripe.paymentIntents.create(intentParameters(payment, customer.value), options));
    return made.kind === 'ok' ? createdFrom(context, made.value) : made;
  },

  fetch: (context, { providerId }) =>
    callStripe(context, 'read', async (stripe) => ok(factsOf(await look(context, stripe, providerId)), providerId)),

  find,
  capture,
  cancel,
  refund,
  methods,
  hostedFields,
  charge,
  settlements,
};
