import {
  failed,
  ok,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type Failed,
  type Outcome,
  type PaymentProvider,
} from '@kassaflow/plugin-sdk';
import { toPaypal } from './amounts.ts';
import { CANCELLED_MARK } from './order-parts.ts';
import { cancel, capture } from './captures.ts';
import { callPaypal, withAmounts } from './client.ts';
import { find } from './find.ts';
import { chargeOf, completed, createdOf, fetchFacts, orderOf, see } from './orders.ts';
import { codeOfOutcome } from './outcomes.ts';
import { refund } from './refunds.ts';
import { settlements } from './settlements.ts';
import type { Settings } from './settings.ts';
import type { Order } from './wire.ts';

/** PayPal keeps `PayPal-Request-Id` for six hours with orders; 45 days with captures and refunds (checkout_orders_v2). */
export const KEY_TTL_MS = 6 * 3_600_000;

/** `custom_id`, with room for our own mark. */
const LONGEST_REFERENCE = 127 - CANCELLED_MARK.length;

/** Payments by orders. `providerId` is the order's id. */
export const payments: PaymentProvider<Settings> = {
  keyTtlMs: KEY_TTL_MS,
  traits: { capturesByRequest: true, findsByReport: true },

  create: async (context, payment) => {
    const problem = problemOf(payment);
    if (problem) return problem;
    const made = await order(context, 'create', () => orderOf(payment));
    if (made.kind !== 'ok' || payment.flow !== 'hosted-fields') return made;
    // PayPal's own buttons on our page approve the order by its id.
    return ok(
      { ...made.value, next: { kind: 'hosted-fields', clientSecret: made.value.providerId, publishableKey: context.settings.clientId } },
      made.reference,
    );
  },

  fetch: (context, { providerId }) => fetchFacts(context, providerId),
  find,
  capture,
  cancel,
  refund,

  methods: async (_context, { amount }) => {
    const possible = await withAmounts('read', async () => ok(toPaypal(amount)));
    return possible.kind === 'ok' ? ok([{ id: 'paypal', title: 'PayPal', flows: ['redirect', 'hosted-fields'], saves: true }]) : ok([]);
  },

  charge: async (context, charge) => {
    const made = await order(context, 'charge', () => chargeOf(charge));
    // Another order took money for this payment: not this one, and `find` knows it once PayPal's report does.
    return codeOfOutcome(made) === 'DUPLICATE_INVOICE_ID'
      ? { kind: 'unknown', message: 'PayPal has taken money for this payment before, under another order.' }
      : made;
  },

  settlements,
};

function problemOf({ flow, methods, reference }: CreatePayment): Failed | undefined {
  if (flow !== undefined && flow !== 'redirect' && flow !== 'hosted-fields')
    return failed('input', `PayPal has no way to pay by ${flow}.`, { field: 'flow' });
  if (methods !== undefined && methods.length > 0 && !methods.includes('paypal'))
    return failed('input', 'PayPal is asked for as the method "paypal".', { field: 'methods' });
  if (reference.length > LONGEST_REFERENCE)
    return failed('input', `PayPal takes references of up to ${LONGEST_REFERENCE} characters.`, { field: 'reference' });
  return undefined;
}

/** Makes an order; a lost answer leaves it open whether there is one. */
function order(context: Context<Settings>, operation: 'create' | 'charge', bodyOf: () => object): Promise<Outcome<CreatedPayment>> {
  return withAmounts('write', async () => {
    const fetchStartedAt = context.now().getTime();
    const body = bodyOf();
    const made = await callPaypal<Order>(context, 'write', {
      method: 'POST',
      path: '/v2/checkout/orders',
      body,
      key: context.idempotencyKey,
      operation,
    });
    if (made.kind !== 'ok') return made;
    const { id, purchase_units: units } = made.value;
    if (id === undefined) return { kind: 'unknown', message: 'PayPal made an order and did not say which.' };
    // A repeat may be answered with less than was asked for.
    const seen = units?.[0]?.amount === undefined ? await see(context, id) : await completed(context, made.value, fetchStartedAt);
    // The order is there: only looking at it failed, and the same key finds it again.
    return seen.kind === 'ok'
      ? createdOf(context, seen.value)
      : { kind: 'unknown', message: `The order ${id} was made, and looking at it failed: ${seen.message}` };
  });
}
