import { failed, ok, type PaymentProvider } from '@kassaflow/plugin-sdk';
import { cancel, capture } from './changes.ts';
import { charge } from './charge.ts';
import { callMollie } from './client.ts';
import { creation, refuseCreation } from './creation.ts';
import { customerFor } from './customers.ts';
import { PAYMENT_MARK } from './facts.ts';
import { hostedFields } from './hosted-fields.ts';
import { createdFrom, createdNow, factsFrom, look } from './look.ts';
import { methods } from './methods.ts';
import { cursorIn, MOST_PER_PAGE } from './paging.ts';
import { postPayment } from './post-payment.ts';
import { refund } from './refund.ts';
import { instantOf, markIn } from './seen.ts';
import type { Settings } from './settings.ts';
import { settlements } from './settlements.ts';

/** An idempotency key is forgotten after an hour; then the same key makes a second payment (https://docs.mollie.com/reference/api-idempotency). */
const KEY_TTL_MS = 3_600_000;
/** More payments than this in the time window of a search, and absence cannot be proved any more. */
const MAX_SEARCHED = 5_000;
/** Mollie's clock against ours. */
const CLOCK_SKEW_MS = 300_000;

/** Payments by Mollie's hosted page, by card fields on a page of ours, by a code, or at a terminal. */
export const payments: PaymentProvider<Settings> = {
  keyTtlMs: KEY_TTL_MS,

  create: async (context, payment) => {
    const refused = refuseCreation(payment);
    if (refused) return refused;
    const customer = payment.save ? await customerFor(context, payment.customer) : ok(payment.customer?.providerId);
    if (customer.kind !== 'ok') return customer;
    return callMollie(context, 'write', (mollie, wire) => {
      const post = () => postPayment(mollie, creation(payment, customer.value), context.idempotencyKey);
      return createdNow(context, mollie, wire, post, payment.flow === 'qr');
    });
  },

  fetch: (context, { providerId }) =>
    callMollie(context, 'read', async (mollie) => ok(factsFrom(context, await look(context, mollie, providerId)), providerId)),

  find: (context, { reference, notBefore }) =>
    callMollie(context, 'read', async (mollie) => {
      const since = notBefore - CLOCK_SKEW_MS;
      // Newest first. The library's own iterator follows `next` to https, where its agent cannot go, so pages are asked by their cursor.
      let from: string | undefined;
      for (let searched = 0; searched < MAX_SEARCHED; searched += MOST_PER_PAGE) {
        const page = await mollie.payments.page({ limit: MOST_PER_PAGE, ...(from === undefined ? {} : { from }) });
        const found = page.find(({ metadata }) => markIn(metadata, PAYMENT_MARK) === reference);
        if (found) return createdFrom(context, await look(context, mollie, found.id));
        from = cursorIn(page.links);
        const oldest = instantOf(page.at(-1)?.createdAt);
        if (from === undefined || (oldest !== undefined && oldest < since)) return ok(undefined);
      }
      return failed('temporary', 'There are too many payments in this time to prove that one is missing.');
    }),

  capture,
  cancel,
  refund,
  methods,
  hostedFields,
  charge,
  settlements,
};
