import { minorOf, type Money } from '@kassaflow/plugin-sdk';
import { AmountError } from './outcomes.ts';

/**
 * Stripe's minor units are ISO 4217's, but for these (https://docs.stripe.com/currencies#special-cases): ISK and UGX have no
 * decimals and are still sent times 100, and MGA has two by ISO and none at Stripe.
 */
const TIMES: Readonly<Record<string, number>> = { ISK: 100, UGX: 100 };
const PER: Readonly<Record<string, number>> = { MGA: 100 };
/** With three decimals the last digit must be 0. */
const THREE_DECIMALS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);

/** @throws AmountError when Stripe has no such amount */
export function toStripe(money: Money): number {
  const minor = minorOf(money);
  const { currency } = money;
  if (THREE_DECIMALS.has(currency) && minor % 10 !== 0) throw new AmountError(`Stripe takes ${currency} only with a last digit of 0.`);
  const per = PER[currency] ?? 1;
  if (minor % per !== 0) throw new AmountError(`Stripe takes ${currency} only in whole units.`);
  return (minor / per) * (TIMES[currency] ?? 1);
}

/** ISO minor units of an amount of Stripe. @throws AmountError when it is not whole */
export function fromStripe(amount: number, currency: string): number {
  const code = currency.toUpperCase();
  const minor = (amount * (PER[code] ?? 1)) / (TIMES[code] ?? 1);
  if (!Number.isSafeInteger(minor)) throw new AmountError(`Stripe told an amount in ${code} that is not a whole number of units.`);
  return minor;
}
