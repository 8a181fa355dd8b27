import { failed, ok, type PaymentMethod, type PaymentProvider } from '@kassaflow/plugin-sdk';
import { fromStripe, toStripe } from './amounts.ts';
import { callStripe } from './client.ts';
import { fieldsFor } from './hosted-fields.ts';
import type { Settings } from './settings.ts';
import { CURRENCIES, LEAST, SAVES } from './unverified.ts';
import { ourMethod, titleOf } from './words.ts';

/**
 * What the account has switched on and may use, asked each time: a method that is new at Stripe needs no new code
 * (https://docs.stripe.com/api/payment_method_configurations). The configuration knows nothing of amounts and currencies, so what is
 * known of these is left out here; Stripe's page and fields decide on the rest by themselves.
 */
export const methods: NonNullable<PaymentProvider<Settings>['methods']> = (context, { amount, locale, recurring = false }) =>
  callStripe(context, 'read', async (stripe) => {
    const { currency } = amount;
    const least = LEAST[currency];
    if (least !== undefined && toStripe(amount) < least) return ok([]);
    const listed = await stripe.paymentMethodConfigurations.list({ limit: 100 });
    const configuration = listed.data.find((one) => one.is_default && one.active && one.application === null);
    if (!configuration)
      return failed('permanent', 'This Stripe account has no default configuration of payment methods.', { code: 'no_configuration' });
    const flows: PaymentMethod['flows'] =
      context.settings.publishableKey === undefined ? ['redirect', 'qr'] : ['redirect', 'hosted-fields', 'qr'];
    return ok(
      Object.entries(configuration)
        .filter(([name, value]) => isAvailable(value) && (CURRENCIES[name]?.includes(currency) ?? true) && (!recurring || SAVES.has(name)))
        .map(([name]): PaymentMethod => ({
          id: ourMethod(name),
          title: titleOf(name, locale),
          flows,
          ...(least === undefined ? {} : { least: fromStripe(least, currency) }),
          ...(SAVES.has(name) ? { saves: true } : {}),
          ...fieldsFor(name, context, amount),
        })),
    );
  });

/** `available`: switched on, and the account may use it. */
function isAvailable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'available' in value && value.available === true;
}
