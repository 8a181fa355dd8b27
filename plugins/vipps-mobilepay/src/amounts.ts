import { minorOf, type Money } from '@kassaflow/plugin-sdk';

/**
 * Whole minor units of the market's own currency (https://developer.vippsmobilepay.com/docs/knowledge-base/orderid/ and the ePayment
 * API's `Amount`). All three have two decimals, at ISO 4217 and here.
 */
export const MARKETS = { NOK: 'NO', DKK: 'DK', EUR: 'FI' } as const;

export type VippsCurrency = keyof typeof MARKETS;

/** An amount that Vipps MobilePay cannot be asked for; found before anything is sent. */
export class AmountError extends Error {}

export function isVippsCurrency(currency: string): currency is VippsCurrency {
  return Object.hasOwn(MARKETS, currency);
}

/** @throws AmountError when there is no such amount at Vipps MobilePay */
export function toVipps({ amount, currency }: Money): { readonly currency: VippsCurrency; readonly value: number } {
  if (!isVippsCurrency(currency)) throw new AmountError(`Vipps MobilePay takes NOK, DKK and EUR, not ${currency}.`);
  // The digits are the host's; with another number of them the whole number would be a tenth or ten times of what was meant.
  if (!/^\d{1,13}\.\d{2}$/.test(amount)) throw new AmountError(`An amount in ${currency} has two decimals and no sign.`);
  const value = minorOf({ amount, currency });
  if (value === 0) throw new AmountError('An amount of zero moves no money.');
  return { currency, value };
}

/** Minor units as a decimal text, without a detour over fractions: `-5` is `-0.05`. */
export function decimalOf(minor: number): string {
  const digits = String(Math.abs(minor)).padStart(3, '0');
  return `${minor < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** What people call it where they pay: one app with two names. */
export function walletOf(currency: string): 'vipps' | 'mobilepay' {
  return currency === 'NOK' ? 'vipps' : 'mobilepay';
}
