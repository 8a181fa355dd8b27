import type { Context, HostedFields, Money, PaymentMethod } from '@kassaflow/plugin-sdk';
import { toStripe } from './amounts.ts';
import type { Settings } from './settings.ts';
import { stripeMethod } from './words.ts';

/** Where there is something to type; all others are shorter by Stripe's page. */
const TYPED: ReadonlySet<string> = new Set(['card', 'sepa_debit']);

/**
 * Stripe's Payment Element inside our payment page, before there is a payment (https://docs.stripe.com/payments/finalize-payments-on-the-server):
 * it makes a confirmation token, and the payment is created with that. The sources are those of https://docs.stripe.com/security/guide#content-security-policy.
 */
export const hostedFields: HostedFields = {
  scripts: ['https://js.stripe.com/v3/'],
  frames: ['https://js.stripe.com', 'https://*.js.stripe.com', 'https://hooks.stripe.com'],
  connects: ['https://api.stripe.com'],
  mount: `async ({ element, values, locale, theme }) => {
  const stripe = Stripe(values.publishableKey, { locale });
  const elements = stripe.elements({
    mode: 'payment',
    amount: Number(values.amount),
    currency: values.currency,
    paymentMethodTypes: [values.type],
    appearance: { theme: theme === 'dark' ? 'night' : 'stripe' },
  });
  const payment = elements.create('payment');
  const ready = new Promise((done, fail) => {
    payment.on('ready', done);
    payment.on('loaderror', ({ error }) => fail(new Error(error.message)));
  });
  payment.mount(element);
  await ready;
  return {
    submit: async () => {
      const checked = await elements.submit();
      if (checked.error) throw new Error(checked.error.message);
      const { error, confirmationToken } = await stripe.createConfirmationToken({ elements });
      if (error) throw new Error(error.message);
      return { token: confirmationToken.id };
    },
  };
}`,
};

/** What the browser needs for them; nothing for a method without fields, or without the publishable key. */
export function fieldsFor(method: string, { settings }: Context<Settings>, amount: Money): Pick<PaymentMethod, 'fields'> {
  const { publishableKey } = settings;
  const type = stripeMethod(method);
  if (publishableKey === undefined || !TYPED.has(type) || method !== type) return {};
  return { fields: { publishableKey, type, amount: String(toStripe(amount)), currency: amount.currency.toLowerCase() } };
}
