import { ok, type Context, type CreatedPayment, type NextStep, type Outcome } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { factsOf, strangeStates } from './facts.ts';
import { mandateOf } from './mandate-facts.ts';
import { CHARGE_MARK, markIn } from './marks.ts';
import { chargeOf, collect, idOf, type Seen } from './seen.ts';
import type { Settings } from './settings.ts';

/** Looks at a payment by its session's id or its payment intent's: session, intent, charge with fee, refunds, disputes, mandate. */
export async function look(context: Context<Settings>, stripe: Stripe, providerId: string): Promise<Seen> {
  const fetchStartedAt = context.now().getTime();
  const session = isSession(providerId) ? await stripe.checkout.sessions.retrieve(providerId) : undefined;
  const intentId = session ? idOf(session.payment_intent) : providerId;
  const known = session ? { session } : {};
  if (intentId === undefined) {
    warnOfStrange(context, known);
    return { ...known, refunds: [], disputes: [], fetchStartedAt };
  }
  const intent = await stripe.paymentIntents.retrieve(intentId, { expand: ['latest_charge.balance_transaction'] });
  warnOfStrange(context, { ...known, intent });
  const charge = chargeOf(intent);
  const [refunds, disputes, mandate] = await Promise.all([
    charge?.captured ? collect(stripe.refunds.list({ payment_intent: intent.id, limit: 100 })) : [],
    charge?.disputed ? collect(stripe.disputes.list({ payment_intent: intent.id, limit: 100 })) : [],
    mandateOf(context, stripe, intent),
  ]);
  return { ...known, intent, refunds, disputes, mandate, fetchStartedAt };
}

/** The payment intent, where the customer has begun. */
export async function intentOf(stripe: Stripe, providerId: string): Promise<Stripe.PaymentIntent | undefined> {
  const id = isSession(providerId) ? idOf((await stripe.checkout.sessions.retrieve(providerId)).payment_intent) : providerId;
  return id === undefined ? undefined : stripe.paymentIntents.retrieve(id);
}

/** A payment that was just made, or found again: its facts and what the customer has to do. */
export function createdFrom({ settings }: Context<Settings>, seen: Seen): Outcome<CreatedPayment> {
  const id = seen.session?.id ?? seen.intent?.id ?? '';
  return ok({ providerId: id, facts: factsOf(seen), next: nextStep(seen, settings.publishableKey) }, id);
}

function nextStep({ session, intent }: Pick<Seen, 'session' | 'intent'>, publishableKey: string | undefined): NextStep {
  if (session) {
    if (session.status !== 'open' || !session.url) return { kind: 'none' };
    const isCode = markIn(session.metadata, 'flow') === 'qr';
    return isCode ? { kind: 'qr', payload: session.url, expiresAt: session.expires_at * 1000 } : { kind: 'redirect', url: session.url };
  }
  const url = intent?.next_action?.redirect_to_url?.url;
  if (intent?.status === 'requires_action' && url) return { kind: 'redirect', url };
  const isOpen =
    intent?.status === 'requires_payment_method' || intent?.status === 'requires_confirmation' || intent?.status === 'requires_action';
  const isAlone = markIn(intent?.metadata, CHARGE_MARK) !== undefined && intent?.status !== 'requires_action';
  if (!isOpen || isAlone || !intent.client_secret || publishableKey === undefined) return { kind: 'none' };
  return { kind: 'hosted-fields', clientSecret: intent.client_secret, publishableKey };
}

function warnOfStrange(context: Context<Settings>, seen: Pick<Seen, 'session' | 'intent'>): void {
  for (const state of strangeStates(seen)) context.log.warn('Stripe uses a word for a payment’s state that is not known here', { state });
}

function isSession(id: string): boolean {
  return id.startsWith('cs_');
}
