import {
  failed,
  ok,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type Outcome,
  type PaymentFacts,
  type PaymentProvider,
} from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { toStripe } from './amounts.ts';
import { callStripe } from './client.ts';
import { CANCELLED_MARK, chargeOf, factsOf, strangeStates, type Seen } from './facts.ts';
import type { Settings } from './settings.ts';

const DAY_MS = 86_400_000;
/** More sessions than this in the time window of a search, and absence cannot be proved any more. */
const MAX_SEARCHED = 2_000;
/** More refunds or disputes than this on one payment have never been seen. */
const MAX_LISTED = 500;
/** Stripe's clock against ours. */
const CLOCK_SKEW_S = 300;

/** Our word for a way of paying → Stripe's. Anything else is passed on with underscores. */
const METHODS: Readonly<Record<string, string>> = { 'sepa-debit': 'sepa_debit', paypal: 'paypal', mobilepay: 'mobilepay' };
/** Languages of the checkout page that our portals use; Stripe asks the browser for any other. */
const LOCALES = new Set(['da', 'de', 'en', 'fr', 'nb', 'nl', 'sv', 'fi']);
const REFUND_REASONS = new Set(['duplicate', 'fraudulent', 'requested_by_customer']);

/** Payments by hosted Checkout. `providerId` is the session's id; `fetch` also takes the id of a payment intent. */
export const payments: PaymentProvider<Settings> = {
  // Stripe keeps a key for at least 24 hours (https://docs.stripe.com/api/idempotent_requests).
  keyTtlMs: DAY_MS,

  create: (context, payment) =>
    callStripe(context, 'write', async (stripe) => {
      const fetchStartedAt = context.now().getTime();
      const session = await stripe.checkout.sessions.create(creation(payment), { idempotencyKey: context.idempotencyKey });
      return created(session, { session, refunds: [], disputes: [], fetchStartedAt });
    }),

  fetch: (context, { providerId }) =>
    callStripe(context, 'read', async (stripe) => facts(await see(context, stripe, providerId), providerId)),

  find: (context, { reference, notBefore }) =>
    callStripe(context, 'read', async (stripe) => {
      // A list by time sees every session at once; Stripe's search lags by a minute and sees no session that nobody opened.
      const since = Math.floor(notBefore / 1000) - CLOCK_SKEW_S;
      let searched = 0;
      for await (const session of stripe.checkout.sessions.list({ created: { gte: since }, limit: 100 })) {
        if (session.client_reference_id === reference) return created(session, await see(context, stripe, session.id));
        searched += 1;
        if (searched >= MAX_SEARCHED)
          return failed('temporary', 'There are too many checkout sessions in this time to prove that one is missing.');
      }
      return ok(undefined);
    }),

  capture: (context, { providerId, amount }) =>
    change(context, providerId, async (stripe, { intent }) => {
      if (!intent) return failed('permanent', 'Nothing is authorized yet.', { code: 'not_authorized' });
      await stripe.paymentIntents.capture(intent.id, { amount_to_capture: toStripe(amount) }, { idempotencyKey: context.idempotencyKey });
      return undefined;
    }),

  cancel: (context, { providerId }) =>
    change(context, providerId, async (stripe, { session, intent }) => {
      const key = context.idempotencyKey;
      if (session?.status === 'open') {
        await stripe.checkout.sessions.update(session.id, { metadata: { [CANCELLED_MARK]: 'true' } }, { idempotencyKey: `${key}:mark` });
        await stripe.checkout.sessions.expire(session.id, {}, { idempotencyKey: `${key}:expire` });
      } else if (intent && intent.status !== 'canceled' && intent.status !== 'succeeded') {
        await stripe.paymentIntents.cancel(
          intent.id,
          { cancellation_reason: 'requested_by_customer' },
          { idempotencyKey: `${key}:cancel` },
        );
      } else if (intent?.status === 'succeeded') {
        return failed('permanent', 'The money was taken already; refund it instead.', { code: 'already_captured' });
      }
      return undefined;
    }),

  refund: async (context, { providerId, reference, amount, reason }) => {
    const seen = await callStripe(context, 'read', async (stripe) => ok(await intentOf(stripe, providerId)));
    if (seen.kind !== 'ok') return seen;
    const intent = seen.value;
    if (!intent) return failed('permanent', 'Nothing was paid yet.', { code: 'not_paid' });
    return callStripe(context, 'write', async (stripe) => {
      const refund = await stripe.refunds.create(
        {
          payment_intent: intent.id,
          amount: toStripe(amount),
          reason:
            reason !== undefined && REFUND_REASONS.has(reason) ? (reason as Stripe.RefundCreateParams.Reason) : 'requested_by_customer',
          metadata: { refund_id: reference, payment_id: intent.metadata['payment_id'] ?? '' },
        },
        { idempotencyKey: context.idempotencyKey },
      );
      return ok({ providerId: refund.id, state: refundState(refund.status) }, refund.id);
    });
  },
};

/** Depends on nothing but its argument: the same key with another body is refused. */
function creation(payment: CreatePayment): Stripe.Checkout.SessionCreateParams {
  const metadata = { ...payment.metadata, payment_id: payment.reference };
  const description = payment.description || payment.reference;
  const language = payment.customer?.locale?.split(/[-_]/)[0];
  return {
    mode: 'payment',
    client_reference_id: payment.reference,
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: payment.amount.currency.toLowerCase(),
          unit_amount: toStripe(payment.amount),
          product_data: { name: description },
        },
      },
    ],
    success_url: payment.returnUrl,
    cancel_url: payment.cancelUrl ?? payment.returnUrl,
    metadata,
    // A session's metadata is not copied to its payment intent, and the intent's events are the ones that carry the news.
    payment_intent_data: { metadata, description, ...(payment.capture === 'manual' ? { capture_method: 'manual' as const } : {}) },
    ...(payment.methods && payment.methods.length > 0 ? { allowed_payment_method_types: payment.methods.map(stripeMethod) } : {}),
    ...(payment.customer?.email === undefined ? {} : { customer_email: payment.customer.email }),
    ...(language !== undefined && LOCALES.has(language) ? { locale: language } : {}),
    ...(payment.expiresAt === undefined ? {} : { expires_at: Math.floor(payment.expiresAt / 1000) }),
  };
}

function stripeMethod(method: string): string {
  return METHODS[method] ?? method.replaceAll('-', '_');
}

/** Looks, lets `act` change something, and looks again. The first look only reads, so nothing is lost when it fails. */
async function change(
  context: Context<Settings>,
  providerId: string,
  act: (stripe: Stripe, seen: Seen) => Promise<Outcome<never> | undefined>,
): Promise<Outcome<PaymentFacts>> {
  const before = await callStripe(context, 'read', async (stripe) => ok(await see(context, stripe, providerId)));
  if (before.kind !== 'ok') return before;
  const refused = await callStripe(context, 'write', async (stripe) => (await act(stripe, before.value)) ?? ok(undefined));
  if (refused.kind !== 'ok') return refused;
  const after = await payments.fetch(context, { providerId });
  // It was done: only the second look failed, and saying "nothing happened" would be wrong.
  return after.kind === 'failed' ? { kind: 'unknown', message: `The change was made, and looking at it failed: ${after.message}` } : after;
}

async function see(context: Context<Settings>, stripe: Stripe, providerId: string): Promise<Seen> {
  const fetchStartedAt = context.now().getTime();
  const session = isSession(providerId) ? await stripe.checkout.sessions.retrieve(providerId) : undefined;
  const intentId = session ? idOf(session.payment_intent) : providerId;
  if (intentId === undefined) return { ...(session ? { session } : {}), refunds: [], disputes: [], fetchStartedAt };

  const intent = await stripe.paymentIntents.retrieve(intentId, { expand: ['latest_charge.balance_transaction'] });
  for (const state of strangeStates({ intent, ...(session ? { session } : {}) }))
    context.log.warn('Stripe uses a word for a payment’s state that is not known here', { state });
  const charge = chargeOf(intent);
  const refunds = charge?.captured ? await collect(stripe.refunds.list({ payment_intent: intent.id, limit: 100 })) : [];
  const disputes = charge?.disputed ? await collect(stripe.disputes.list({ payment_intent: intent.id, limit: 100 })) : [];
  return { ...(session ? { session } : {}), intent, refunds, disputes, fetchStartedAt };
}

async function intentOf(stripe: Stripe, providerId: string): Promise<Stripe.PaymentIntent | undefined> {
  const id = isSession(providerId) ? idOf((await stripe.checkout.sessions.retrieve(providerId)).payment_intent) : providerId;
  return id === undefined ? undefined : stripe.paymentIntents.retrieve(id);
}

function created(session: Stripe.Checkout.Session, seen: Seen): Outcome<CreatedPayment> {
  const next = session.status === 'open' && session.url ? ({ kind: 'redirect', url: session.url } as const) : ({ kind: 'none' } as const);
  return ok({ providerId: session.id, facts: factsOf(seen), next }, session.id);
}

function facts(seen: Seen, reference: string): Outcome<PaymentFacts> {
  return ok(factsOf(seen), reference);
}

function isSession(id: string): boolean {
  return id.startsWith('cs_');
}

function idOf(value: string | { readonly id: string } | null | undefined): string | undefined {
  return typeof value === 'string' ? value : (value?.id ?? undefined);
}

function refundState(status: string | null): 'pending' | 'done' | 'failed' {
  if (status === 'succeeded') return 'done';
  return status === 'failed' || status === 'canceled' ? 'failed' : 'pending';
}

async function collect<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of list) {
    found.push(item);
    if (found.length >= MAX_LISTED) break;
  }
  return found;
}
