import { failed, ok, type CreateMandate, type MandateFacts, type Mandates } from '@kassaflow/plugin-sdk';
import { toMollie } from './amounts.ts';
import { callMollie } from './client.ts';
import { descriptionOf } from './creation.ts';
import { customerFor } from './customers.ts';
import { MANDATE_MARK } from './facts.ts';
import { createdNow, look } from './look.ts';
import { fetchMandate, revokeMandate } from './mandate-facts.ts';
import { postPayment } from './post-payment.ts';
import type { SeenPayment } from './seen.ts';
import type { Settings } from './settings.ts';
import { DEBIT_FIRST_METHODS } from './unverified.ts';
import { localeOf } from './words.ts';

/**
 * How a mandate is made without a sale: by a first payment of nothing, or of one cent where the way of paying has no payment of nothing
 * (https://docs.mollie.com/docs/recurring-payments). That cent is real money and is settled like any other.
 */
const FIRST: Partial<Record<CreateMandate['kind'], { readonly methods: readonly string[]; readonly amount: string }>> = {
  card: { methods: ['creditcard'], amount: '0.00' },
  'sepa-debit': { methods: DEBIT_FIRST_METHODS, amount: '0.01' },
  account: { methods: ['paypal'], amount: '0.00' },
};

/**
 * Permissions to charge again. Until the customer has approved there is no mandate at Mollie: `providerId` is then the first payment's
 * (`tr_…`), which `fetch` and `revoke` take too; `fetch` answers with the mandate's own (`mdt_…`) from the moment there is one.
 */
export const mandates: Mandates<Settings> = {
  create: async (context, mandate) => {
    const first = FIRST[mandate.kind];
    if (!first) return failed('input', 'Mollie has mandates for cards, direct debits and PayPal only.', { field: 'kind' });
    const customer = await customerFor(context, mandate.customer);
    if (customer.kind !== 'ok') return customer;
    const currency = mandate.kind === 'sepa-debit' ? 'EUR' : (mandate.pricing?.most.currency ?? 'EUR');
    const locale = localeOf(mandate.customer.locale);
    return callMollie(context, 'write', async (mollie, wire) => {
      const body = {
        amount: toMollie({ amount: first.amount, currency }),
        description: descriptionOf(mandate.description, mandate.reference),
        redirectUrl: mandate.returnUrl,
        webhookUrl: mandate.webhookUrl,
        method: first.methods.length === 1 ? first.methods[0] : first.methods,
        ...(locale === undefined ? {} : { locale }),
        customerId: customer.value,
        sequenceType: 'first',
        metadata: { [MANDATE_MARK]: mandate.reference },
      };
      const made = await createdNow(context, mollie, wire, () => postPayment(mollie, body, context.idempotencyKey));
      if (made.kind !== 'ok') return made;
      const { providerId: id, facts, next } = made.value;
      const waits = waiting({ id, status: facts.providerState, customerId: customer.value }, mandate.kind);
      return ok({ facts: facts.mandate ?? waits, next }, id);
    });
  },

  fetch: (context, { providerId, customer }) =>
    callMollie(context, 'read', async (mollie) => {
      if (!providerId.startsWith('tr_')) {
        if (customer === undefined)
          return failed('input', 'Mollie finds a mandate by its customer; name the customer too.', { field: 'customer' });
        return ok(await fetchMandate(context, mollie, customer, providerId), providerId);
      }
      const { payment, mandate } = await look(context, mollie, providerId);
      const facts =
        mandate ?? waiting(payment, payment.method === 'creditcard' ? 'card' : payment.method === 'paypal' ? 'account' : 'sepa-debit');
      return ok(facts, facts.providerId);
    }),

  revoke: async (context, { providerId, customer }) => {
    const known = await mandates.fetch(context, { providerId, ...(customer === undefined ? {} : { customer }) });
    if (known.kind !== 'ok' || known.value.state === 'revoked') return known;
    const { value: facts } = known;
    return callMollie(context, 'write', async (mollie) => {
      if (facts.providerId.startsWith('tr_')) {
        if (facts.state === 'pending') await mollie.payments.cancel(facts.providerId, { idempotencyKey: context.idempotencyKey });
      } else {
        await revokeMandate(mollie, facts.customer ?? customer ?? '', facts.providerId, context.idempotencyKey);
      }
      return ok({ ...facts, state: 'revoked' as const }, facts.providerId);
    });
  },
};

/** A first payment stands for its mandate until there is one. */
function waiting({ id, status, customerId }: Pick<SeenPayment, 'id' | 'status' | 'customerId'>, kind: MandateFacts['kind']): MandateFacts {
  const state = status === 'expired' ? 'expired' : status === 'canceled' || status === 'failed' ? 'revoked' : 'pending';
  return { providerId: id, kind, state, ...(customerId ? { customer: customerId } : {}) };
}
