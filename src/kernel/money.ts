/**
 * Money: whole minor units of one currency, exact, without floating point anywhere.
 *
 * Inside, an amount is `bigint` minor units; on the wire it is `{"amount":"12.50","currency":"EUR"}`, a decimal string
 * with exactly the currency's digits. Only this file converts between the two or does arithmetic on amounts.
 */
import { digitsOf, isCurrency, type Currency } from './currency.ts';
import { defineErrors } from './errors.ts';

declare const brand: unique symbol;

/** An amount in minor units (cents, øre) of one currency. Made only by {@link money} and {@link parseMoney}. */
export type Money = Readonly<{ minor: bigint; currency: Currency }> & { readonly [brand]: 'Money' };

/** The wire form: `amount` has exactly as many decimals as the currency (`"12.50"` EUR, `"500"` JPY, `"1.250"` BHD). */
export interface WireMoney {
  readonly amount: string;
  readonly currency: string;
}

export const moneyErrors = defineErrors('money', {
  type: { status: 422, title: 'An amount of money is written as {"amount":"12.50","currency":"EUR"}', remedy: 'fix' },
  format: { status: 422, title: 'An amount is a plain decimal number with a point, in quotes', remedy: 'fix' },
  scale: { status: 422, title: 'The amount does not have the number of decimals of its currency', remedy: 'fix' },
  range: { status: 422, title: 'The amount is larger than can be handled', remedy: 'fix' },
  'unknown-currency': { status: 422, title: 'This is not a currency that can be paid in', remedy: 'fix' },
  'currency-mix': { status: 422, title: 'Amounts in different currencies cannot be combined', remedy: 'fix' },
});

/** 10^15 minor units: far above any payment, far below what `bigint` columns and JSON readers of others can carry. */
const LIMIT = 10n ** 15n;
const AMOUNT = /^(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,6}))?$/;

/** Makes an amount from minor units. @throws money.range when it has more than 15 digits */
export function money(minor: bigint, currency: Currency): Money {
  if (minor >= LIMIT || minor <= -LIMIT) throw moneyErrors.range({ limit: `${LIMIT - 1n} minor units` });
  return Object.freeze({ minor, currency }) as Money;
}

/**
 * Reads the wire form exactly: nothing is rounded and nothing guessed.
 * `"10"` and `"10.0"` are accepted for a currency with two decimals, because no digit is lost.
 *
 * @throws money.type, money.format, money.scale, money.range, money.unknown-currency
 */
export function parseMoney(wire: unknown): Money {
  const { amount, currency } = wireParts(wire);
  if (!isCurrency(currency))
    throw moneyErrors['unknown-currency']({ found: String(currency).slice(0, 12), accepted: 'an ISO 4217 code such as EUR' });
  if (typeof amount !== 'string') throw moneyErrors.type({ field: 'amount', found: typeof amount });
  const match = AMOUNT.exec(amount);
  if (!match) throw moneyErrors.format({ found: amount.slice(0, 40), accepted: 'digits with a point, for example "12.50"' });
  const [, sign = '', whole = '0', fraction = ''] = match;
  const digits = digitsOf(currency);
  if (fraction.length > digits) throw moneyErrors.scale({ found: amount, currency, decimals: digits });
  const minor = BigInt(whole + fraction.padEnd(digits, '0'));
  return money(sign === '-' ? -minor : minor, currency);
}

/** The wire form with exactly the currency's decimals. */
export function toWire(value: Money): { amount: string; currency: Currency } {
  return { amount: decimal(value), currency: value.currency };
}

/** `"12.50"`: the amount alone, as on the wire. */
export function decimal({ minor, currency }: Money): string {
  const digits = digitsOf(currency);
  if (digits === 0) return minor.toString();
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  return `${minor < 0n ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** @throws money.currency-mix */
export function add(a: Money, b: Money): Money {
  return money(a.minor + sameCurrency(a, b).minor, a.currency);
}

/** @throws money.currency-mix */
export function subtract(a: Money, b: Money): Money {
  return money(a.minor - sameCurrency(a, b).minor, a.currency);
}

export function negate(value: Money): Money {
  return money(-value.minor, value.currency);
}

/** Sum of `values`; `currency` gives an empty list its zero. @throws money.currency-mix */
export function sum(values: Iterable<Money>, currency: Currency): Money {
  let total = money(0n, currency);
  for (const value of values) total = add(total, value);
  return total;
}

/** Negative, zero or positive, as `Array.prototype.sort` wants it. @throws money.currency-mix */
export function compare(a: Money, b: Money): -1 | 0 | 1 {
  const { minor } = sameCurrency(a, b);
  return a.minor < minor ? -1 : a.minor > minor ? 1 : 0;
}

/**
 * Splits `total` over `weights` by the largest-remainder method, so that the parts sum to `total` exactly.
 * Equal remainders go to the earlier part, so the same input always gives the same split.
 *
 * @param total   may be negative (a credit note)
 * @param weights whole, not negative; at least one must be positive
 * @throws RangeError when a weight is negative or none is positive
 */
export function allocate(total: Money, weights: readonly bigint[]): Money[] {
  const whole = weights.reduce((sumOfWeights, weight) => sumOfWeights + weight, 0n);
  if (whole <= 0n || weights.some((weight) => weight < 0n))
    throw new RangeError('allocate: weights must not be negative and one must be positive');
  const sign = total.minor < 0n ? -1n : 1n;
  const magnitude = total.minor * sign;
  const parts = weights.map((weight, index) => ({ index, floor: (magnitude * weight) / whole, remainder: (magnitude * weight) % whole }));
  let left = magnitude - parts.reduce((assigned, part) => assigned + part.floor, 0n);
  const byRemainder = parts.toSorted((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  for (const part of byRemainder) {
    if (left === 0n) break;
    part.floor += 1n;
    left -= 1n;
  }
  return parts.map((part) => money(part.floor * sign, total.currency));
}

function wireParts(wire: unknown): { amount: unknown; currency: unknown } {
  if (typeof wire !== 'object' || wire === null || !('amount' in wire) || !('currency' in wire)) {
    throw moneyErrors.type({ found: wire === null ? 'null' : typeof wire });
  }
  return wire;
}

function sameCurrency(a: Money, b: Money): Money {
  if (a.currency !== b.currency) throw moneyErrors['currency-mix']({ left: a.currency, right: b.currency });
  return b;
}
