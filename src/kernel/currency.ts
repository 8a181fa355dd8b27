/**
 * ISO 4217 currencies we accept, with their exact number of minor digits.
 *
 * The digits are the ISO ones, not a provider's: Stripe sends ISK times 100, and that conversion lives in its plugin.
 * Source: ISO 4217 amendment list; checked against `Intl.NumberFormat(...).resolvedOptions()` in the test beside this file.
 */
// prettier-ignore
const DIGITS = {
  AED: 2, ALL: 2, AMD: 2, ARS: 2, AUD: 2, AZN: 2, BAM: 2, BDT: 2, BGN: 2, BHD: 3, BIF: 0, BOB: 2, BRL: 2, CAD: 2, CHF: 2,
  CLP: 0, CNY: 2, COP: 2, CRC: 2, CZK: 2, DJF: 0, DKK: 2, DOP: 2, DZD: 2, EGP: 2, ETB: 2, EUR: 2, GBP: 2, GEL: 2, GHS: 2,
  GNF: 0, GTQ: 2, HKD: 2, HNL: 2, HUF: 2, IDR: 2, ILS: 2, INR: 2, IQD: 3, ISK: 0, JMD: 2, JOD: 3, JPY: 0, KES: 2, KGS: 2,
  KMF: 0, KRW: 0, KWD: 3, KZT: 2, LBP: 2, LKR: 2, LYD: 3, MAD: 2, MDL: 2, MGA: 2, MKD: 2, MNT: 2, MUR: 2, MXN: 2, MYR: 2,
  NAD: 2, NGN: 2, NIO: 2, NOK: 2, NPR: 2, NZD: 2, OMR: 3, PEN: 2, PHP: 2, PKR: 2, PLN: 2, PYG: 0, QAR: 2, RON: 2, RSD: 2,
  RWF: 0, SAR: 2, SEK: 2, SGD: 2, THB: 2, TND: 3, TRY: 2, TWD: 2, TZS: 2, UAH: 2, UGX: 0, USD: 2, UYU: 2, UZS: 2, VND: 0,
  VUV: 0, XAF: 0, XCD: 2, XOF: 0, XPF: 0, ZAR: 2, ZMW: 2,
} as const satisfies Record<string, 0 | 2 | 3>;

/** An ISO 4217 code in capitals, of a currency in which money can be paid. */
export type Currency = keyof typeof DIGITS;

/** Every accepted currency, in alphabetical order. */
export const CURRENCIES = Object.keys(DIGITS) as readonly Currency[];

/** Tells whether `code` is an accepted currency. Lower case is not: the wire form is exact. */
export function isCurrency(code: unknown): code is Currency {
  return typeof code === 'string' && Object.hasOwn(DIGITS, code);
}

/** The number of digits after the decimal point: EUR 2, JPY 0, BHD 3. */
export function digitsOf(currency: Currency): 0 | 2 | 3 {
  return DIGITS[currency];
}
