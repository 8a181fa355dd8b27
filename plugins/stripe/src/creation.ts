import { failed, type Context, type CreatePayment, type Failed } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { toStripe } from './amounts.ts';
import { PAYMENT_MARK } from './marks.ts';
import type { Settings } from './settings.ts';
import { DESCRIPTION_LENGTH, METADATA, PRODUCT_NAME_LENGTH, SESSION_LIFE } from './unverified.ts';
import { localeOf, stripeMethods } from './words.ts';

/** A token of Stripe's fields: a confirmation token, or a payment method. */
const TOKEN = /^(ctoken|pm)_[A-Za-z0-9_]{6,250}$/;

/** What cannot be asked of Stripe, found before anything is sent. */
export function refuseCreation(context: Context<Settings>, payment: CreatePayment): Failed | undefined {
  const { settings } = context;
  const { flow = 'redirect', token } = payment;
  if (flow === 'push' || flow === 'tap')
    return failed('input', 'Stripe’s online payments go by its page or its fields, not by a phone or a terminal.', { field: 'flow' });
  if (flow === 'hosted-fields' && settings.publishableKey === undefined)
    return failed('input', 'Stripe’s fields need the publishable key, and this connection has none.', { field: 'flow' });
  if (flow === 'hosted-fields' && token !== undefined && !TOKEN.test(token))
    return failed('input', 'This is not a token of Stripe’s fields.', { field: 'token' });
  if (payment.expiresAt !== undefined && payment.expiresAt <= context.now().getTime())
    return failed('input', 'The time for this payment is over already.', { field: 'expiresAt' });
  if (payment.save && payment.customer === undefined)
    return failed('input', 'A payment that leaves a mandate names the customer.', { field: 'customer' });
  return refuseMetadata(payment.metadata);
}

export function refuseMetadata(metadata: Readonly<Record<string, string>> = {}): Failed | undefined {
  const { names, nameLength, valueLength } = METADATA;
  const entries = Object.entries(metadata);
  // Four are ours.
  const fits = entries.length <= names - 4 && entries.every(([name, value]) => name.length <= nameLength && value.length <= valueLength);
  if (fits) return undefined;
  return failed('input', `Stripe keeps ${names} metadata with names of ${nameLength} and texts of ${valueLength} characters.`, {
    field: 'metadata',
  });
}

/** The body of `POST /checkout/sessions`. Depends on its argument and the day's time alone: the same key with another body is refused. */
export function sessionParameters(payment: CreatePayment, now: number): Stripe.Checkout.SessionCreateParams {
  const metadata = metadataOf(payment.reference, payment.metadata);
  const { flow = 'redirect', methods = [], save = false } = payment;
  const description = oneLine(payment.description) || payment.reference;
  const locale = localeOf(payment.customer?.locale);
  return {
    mode: 'payment',
    client_reference_id: payment.reference,
    line_items: [
      {
        quantity: 1,
        price_data: {
          currency: payment.amount.currency.toLowerCase(),
          unit_amount: toStripe(payment.amount),
          product_data: { name: shortened(description, PRODUCT_NAME_LENGTH) },
        },
      },
    ],
    success_url: payment.returnUrl,
    cancel_url: payment.cancelUrl ?? payment.returnUrl,
    metadata: flow === 'qr' ? { ...metadata, flow } : metadata,
    // A session's metadata is not copied to its payment intent, and the intent's events are the ones that carry the news.
    payment_intent_data: {
      metadata,
      description: shortened(description, DESCRIPTION_LENGTH),
      ...(payment.capture === 'manual' ? { capture_method: 'manual' } : {}),
      ...(save ? { setup_future_usage: 'off_session' } : {}),
    },
    ...(methods.length > 0 ? { allowed_payment_method_types: stripeMethods(methods) } : {}),
    ...whoPays(payment.customer, save),
    ...(locale === undefined ? {} : { locale }),
    ...expiryOf(payment.expiresAt, now),
  };
}

/**
 * Stripe's page lives between 30 minutes and 24 hours. One that is to end sooner ends half an hour after that, and one that is to live
 * longer lives a day: whoever asked ends the payment, or opens another, by its own clock.
 */
function expiryOf(expiresAt: number | undefined, now: number): { readonly expires_at?: number } {
  if (expiresAt === undefined || expiresAt - now > SESSION_LIFE.longest) return {};
  const isSoon = expiresAt - now < SESSION_LIFE.shortest;
  return { expires_at: Math.floor((isSoon ? expiresAt + SESSION_LIFE.shortest : expiresAt) / 1000) };
}

/** The body of `POST /payment_intents` for Stripe's fields on a page of ours; with a token it is confirmed at once. */
export function intentParameters(payment: CreatePayment, customer: string | undefined): Stripe.PaymentIntentCreateParams {
  const { token, methods = [], save = false } = payment;
  return {
    amount: toStripe(payment.amount),
    currency: payment.amount.currency.toLowerCase(),
    description: descriptionOf(payment.description, payment.reference),
    metadata: metadataOf(payment.reference, payment.metadata),
    ...(methods.length > 0 ? { allowed_payment_method_types: stripeMethods(methods) } : { automatic_payment_methods: { enabled: true } }),
    ...(payment.capture === 'manual' ? { capture_method: 'manual' } : {}),
    ...(customer === undefined ? {} : { customer }),
    ...(save ? { setup_future_usage: 'off_session' } : {}),
    ...(token === undefined
      ? {}
      : {
          confirm: true,
          return_url: payment.returnUrl,
          ...(token.startsWith('ctoken_') ? { confirmation_token: token } : { payment_method: token }),
        }),
  };
}

/** The customer that Stripe knows, or one that its page makes when a permission to charge is to belong to somebody. */
export function whoPays(
  customer: CreatePayment['customer'],
  save: boolean,
): Pick<Stripe.Checkout.SessionCreateParams, 'customer' | 'customer_email' | 'customer_creation'> {
  if (customer?.providerId !== undefined) return { customer: customer.providerId };
  return {
    ...(customer?.email === undefined ? {} : { customer_email: customer.email }),
    ...(save ? { customer_creation: 'always' } : {}),
  };
}

export function metadataOf(reference: string, metadata: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return { ...metadata, [PAYMENT_MARK]: reference };
}

export function descriptionOf(description: string, reference: string): string {
  return shortened(oneLine(description) || reference, DESCRIPTION_LENGTH);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** Never cut in the middle of a character that takes two places. */
function shortened(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}
