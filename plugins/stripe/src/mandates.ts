import {
  failed,
  ok,
  type Context,
  type CreatedMandate,
  type CreateMandate,
  type MandateFacts,
  type Mandates,
  type Outcome,
} from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { callStripe } from './client.ts';
import { descriptionOf, whoPays } from './creation.ts';
import { fetchPermission, generatedBy, permissionId } from './mandate-facts.ts';
import { KIND_MARK, MANDATE_MARK, markIn } from './marks.ts';
import { idOf } from './seen.ts';
import type { Settings } from './settings.ts';
import { localeOf } from './words.ts';

/** Ways by which a permission is given; after a bank's own way (iDEAL, Bancontact) the account can be debited. */
const WAYS: Partial<Record<CreateMandate['kind'], string[]>> = {
  card: ['card'],
  'sepa-debit': ['ideal', 'bancontact', 'sepa_debit'],
  account: ['paypal'],
};

/**
 * Permissions to charge again. One is given on Stripe's page, in a session of mode `setup`: no money moves. Until the customer has
 * approved, `providerId` is the session's (`cs_…`), which `fetch` and `revoke` take too; `fetch` answers with the permission's own from
 * the moment there is one: `mandate_…` for direct debits, `pm_…` for all the rest.
 */
export const mandates: Mandates<Settings> = {
  create: async (context, mandate) => {
    const ways = WAYS[mandate.kind];
    if (!ways) return failed('input', 'Stripe has permissions for cards, direct debits and PayPal only.', { field: 'kind' });
    return callStripe(context, 'write', async (stripe) => {
      const made = await stripe.checkout.sessions.create(parametersOf(mandate, ways), { idempotencyKey: context.idempotencyKey });
      const isReplay = made.lastResponse.headers['idempotent-replayed'] === 'true';
      return created(context, stripe, isReplay ? await stripe.checkout.sessions.retrieve(made.id) : made);
    });
  },

  fetch: (context, { providerId }) =>
    callStripe(context, 'read', async (stripe) => {
      const facts = await see(context, stripe, providerId);
      return ok(facts, facts.providerId);
    }),

  revoke: async (context, { providerId }) => {
    const known = await mandates.fetch(context, { providerId });
    if (known.kind !== 'ok' || known.value.state === 'revoked' || known.value.providerId.startsWith('seti_')) return known;
    const { value: facts } = known;
    const options = { idempotencyKey: context.idempotencyKey };
    return callStripe(context, 'write', async (stripe) => {
      if (facts.providerId.startsWith('cs_')) {
        if (facts.state === 'pending') await stripe.checkout.sessions.expire(facts.providerId, {}, options);
      } else {
        const { paymentMethod } = await fetchPermission(context, stripe, facts.providerId);
        await stripe.paymentMethods.detach(paymentMethod, {}, options);
      }
      return ok({ ...facts, state: 'revoked' as const }, facts.providerId);
    });
  },
};

function parametersOf(mandate: CreateMandate, ways: string[]): Stripe.Checkout.SessionCreateParams {
  const metadata = { [MANDATE_MARK]: mandate.reference, [KIND_MARK]: mandate.kind };
  const locale = localeOf(mandate.customer.locale);
  return {
    mode: 'setup',
    client_reference_id: mandate.reference,
    allowed_payment_method_types: ways,
    success_url: mandate.returnUrl,
    cancel_url: mandate.returnUrl,
    metadata,
    setup_intent_data: { metadata, description: descriptionOf(mandate.description, mandate.reference) },
    ...whoPays(mandate.customer, true),
    ...(locale === undefined ? {} : { locale }),
  };
}

async function created(context: Context<Settings>, stripe: Stripe, session: Stripe.Checkout.Session): Promise<Outcome<CreatedMandate>> {
  const facts = session.status === 'open' ? waiting(session) : await see(context, stripe, session.id);
  const next = session.status === 'open' && session.url ? ({ kind: 'redirect', url: session.url } as const) : ({ kind: 'none' } as const);
  return ok({ facts, next }, facts.providerId);
}

async function see(context: Context<Settings>, stripe: Stripe, id: string): Promise<MandateFacts> {
  if (!id.startsWith('cs_')) return (await fetchPermission(context, stripe, id)).facts;
  const session = await stripe.checkout.sessions.retrieve(id);
  const setup = idOf(session.setup_intent);
  if (session.status !== 'complete' || setup === undefined) return waiting(session);
  const intent = await stripe.setupIntents.retrieve(setup, { expand: ['latest_attempt'] });
  const given = intent.status === 'succeeded' ? permissionIn(intent) : undefined;
  if (given !== undefined) return (await fetchPermission(context, stripe, given)).facts;
  return { ...waiting(session), ...(intent.status === 'canceled' ? { state: 'revoked' as const } : {}) };
}

/** What a set-up came to: the debit that a bank's own way made possible, or what the customer gave itself. */
function permissionIn(intent: Stripe.SetupIntent): string | undefined {
  const attempt = typeof intent.latest_attempt === 'object' ? intent.latest_attempt : undefined;
  const generated = attempt ? generatedBy(attempt.payment_method_details) : undefined;
  return generated ?? permissionId(attempt?.payment_method_details.type ?? '', idOf(intent.mandate), idOf(intent.payment_method));
}

/** A session stands for its permission until there is one. */
function waiting(session: Stripe.Checkout.Session): MandateFacts {
  const customer = idOf(session.customer);
  const kind = markIn(session.metadata, KIND_MARK);
  return {
    providerId: session.id,
    kind: kind === 'card' || kind === 'account' ? kind : 'sepa-debit',
    state: session.status === 'expired' ? 'expired' : 'pending',
    ...(customer === undefined ? {} : { customer }),
  };
}
