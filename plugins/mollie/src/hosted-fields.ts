import type { Context, HostedFields, PaymentMethod } from '@kassaflow/plugin-sdk';
import type { Settings } from './settings.ts';
import { localeOf } from './words.ts';

/** Mollie's card form inside our payment page (https://docs.mollie.com/docs/mollie-components): it makes a token, and the payment takes that. */
export const hostedFields: HostedFields = {
  scripts: ['https://js.mollie.com/v1/mollie.js'],
  frames: ['https://js.mollie.com'],
  mount: `async ({ element, values }) => {
  const mollie = Mollie(values.profileId, { testmode: values.testmode === 'true', ...(values.locale && { locale: values.locale }) });
  mollie.createComponent('card').mount(element);
  return {
    submit: async () => {
      const { token, error } = await mollie.createToken();
      if (error) throw new Error(error.message);
      return { token };
    },
  };
}`,
};

/** What the browser needs for them; nothing for a method that has no fields, or where the profile is not known. */
export function fieldsFor(
  method: string,
  { settings, mode }: Context<Settings>,
  locale: string | undefined,
): Pick<PaymentMethod, 'fields'> {
  const { profileId } = settings;
  if (method !== 'creditcard' || profileId === undefined) return {};
  const language = localeOf(locale);
  return { fields: { profileId, testmode: String(mode === 'test'), ...(language === undefined ? {} : { locale: language }) } };
}
