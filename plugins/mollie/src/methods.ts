import { ok, type PaymentMethod, type PaymentProvider } from '@kassaflow/plugin-sdk';
import { fromMollie, toMollie, type Amount } from './amounts.ts';
import { callMollie } from './client.ts';
import { fieldsFor } from './hosted-fields.ts';
import type { Settings } from './settings.ts';
import { FIRST_METHODS } from './unverified.ts';
import { localeOf, ourMethod } from './words.ts';

interface MollieMethod {
  readonly id: string;
  readonly description: string;
  readonly status?: string | null;
  readonly minimumAmount?: Amount | null;
  readonly maximumAmount?: Amount | null;
  readonly image?: { readonly svg?: string; readonly size2x?: string };
}

/** What the profile offers for this amount, country and language, asked each time: a method that is new at Mollie needs no new code. */
export const methods: NonNullable<PaymentProvider<Settings>['methods']> = (context, { amount, country, locale, recurring = false }) =>
  callMollie(context, 'read', async (mollie) => {
    const query = {
      amount: toMollie(amount),
      resource: 'payments',
      includeWallets: 'applepay',
      ...(country === undefined ? {} : { billingCountry: country }),
      ...(localeOf(locale) === undefined ? {} : { locale: localeOf(locale) }),
      ...(recurring ? { sequenceType: 'first' } : {}),
    };
    // the library's types want members of its enums where the wire has plain texts
    const found: readonly MollieMethod[] = await mollie.methods.list(query as unknown as Parameters<typeof mollie.methods.list>[0]);
    return ok(
      found
        .filter(({ status }) => status === undefined || status === null || status === 'activated')
        .map((one) => ({ ...shown(one, amount.currency, recurring), ...fieldsFor(one.id, context, locale) })),
    );
  });

function shown(
  { id, description, minimumAmount, maximumAmount, image }: MollieMethod,
  currency: string,
  recurring: boolean,
): PaymentMethod {
  const least = limitOf(minimumAmount, currency);
  const most = limitOf(maximumAmount, currency);
  const imageUrl = image?.svg ?? image?.size2x;
  return {
    id: ourMethod(id),
    title: description || id,
    flows: flowsOf(id),
    ...(least === undefined ? {} : { least }),
    ...(most === undefined ? {} : { most }),
    ...(recurring || FIRST_METHODS.has(id) ? { saves: true } : {}),
    ...(imageUrl?.startsWith('https://') ? { imageUrl } : {}),
  };
}

/** Every page of Mollie's can be opened from a code; only cards have fields for a page of ours (Mollie Components). */
function flowsOf(id: string): PaymentMethod['flows'] {
  if (id === 'pointofsale') return ['tap'];
  return id === 'creditcard' ? ['redirect', 'hosted-fields', 'qr'] : ['redirect', 'qr'];
}

/** Limits are in the account's currency when the method has no limit in the one asked for: those say nothing here. */
function limitOf(amount: Amount | null | undefined, currency: string): number | undefined {
  return amount && amount.currency === currency ? fromMollie(amount) : undefined;
}
