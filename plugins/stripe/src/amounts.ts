import { minorOf, type Money } from '@kassaflow/plugin-sdk';

/** An amount that Stripe cannot be asked for; found before anything is sent. */
export class AmountError extends Error {}

/** An answer that says something we cannot read: never a reason to believe that nothing happened. */
export class UnreadableError extends Error {}

/**
 * Stripe's minor units are ISO 4217's, but for these (https://docs.stripe.com/currencies#special-cases): ISK and UGX have no
 * decimals and are still sent times 100, and MGA has two by ISO and none at Stripe.
 */
const TIMES: Readonly<Record<string, number>> = { ISK: 100, UGX: 100 };
const PER: Readonly<Record<string, number>> = { MGA: 100 };
/** With three decimals the last digit must be 0. */
const THREE_DECIMALS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);
/** https://docs.stripe.com/currencies#zero-decimal */
const NO_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));

/** @throws AmountError when Stripe has no such amount */
export function toStripe(money: Money): number {
  const minor = minorOf(money);
  const { currency } = money;
  if (THREE_DECIMALS.has(currency) && minor % 10 !== 0) throw new AmountError(`Stripe takes ${currency} only with a last digit of 0.`);
  const per = PER[currency] ?? 1;
  if (minor % per !== 0) throw new AmountError(`Stripe takes ${currency} only in whole units.`);
  return (minor / per) * (TIMES[currency] ?? 1);
}

/** ISO minor units of an amount of Stripe. @throws UnreadableError when it is not whole */
export function fromStripe(amount: number, currency: string): number {
  const code = currency.toUpperCase();
  const minor = (amount * (PER[code] ?? 1)) / (TIMES[code] ?? 1);
  if (!Number.isSafeInteger(minor)) throw new UnreadableError(`Stripe told an amount in ${code} that is not a whole number of units.`);
  return minor;
}

/**
 * An amount of Stripe as a decimal text: `1250` EUR is `12.50`, and `4350` ISK is `43.50`, finer than the currency's own units.
 *
 * @throws UnreadableError when it is not whole
 */
export function decimalOf(amount: number, currency: string): string {
  const code = currency.toUpperCase();
  if (!Number.isSafeInteger(amount)) throw new UnreadableError(`Stripe told an amount in ${code} that is not a whole number.`);
  const digits = THREE_DECIMALS.has(code) ? 3 : NO_DECIMALS.has(code) ? 0 : 2;
  const sign = amount < 0 ? '-' : '';
  const size = String(Math.abs(amount));
  if (digits === 0) return sign + size;
  const padded = size.padStart(digits + 1, '0');
  return `${sign}${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}
