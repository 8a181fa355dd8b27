/**
 * Amounts finer than the smallest coin: whole millionths of a currency's unit, exact.
 *
 * Providers tell costs with up to four decimals (`0.4410`), and only their sum is rounded. Nothing is paid or booked in these:
 * {@link toMinor} leads to money, once, at the end of a sum.
 */
import { digitsOf, type Currency } from './currency.ts';
import type { Money } from './money.ts';

/** Millionths of the unit: `0.4410` is 441000n in every currency. */
export type Fine = bigint;

const PLACES = 6;
const DECIMAL = /^(-?)(\d{1,18})(?:\.(\d{1,6}))?$/;

/** Reads a decimal text with at most six decimals. @throws RangeError for any other text */
export function readFine(text: string): Fine {
  const [, sign, whole, part = ''] = DECIMAL.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`readFine: not a decimal: ${text.slice(0, 40)}`);
  const size = BigInt(whole + part.padEnd(PLACES, '0'));
  return sign === '-' ? -size : size;
}

/** The shortest decimal text with at least two decimals: `12.50`, `-0.441`. */
export function fineText(fine: Fine): string {
  const size = sizeOf(fine)
    .toString()
    .padStart(PLACES + 1, '0');
  return `${fine < 0n ? '-' : ''}${size.slice(0, -PLACES)}.${size.slice(-PLACES).replace(/0{1,4}$/, '')}`;
}

export function fineOf({ minor, currency }: Money): Fine {
  return minor * minorUnit(currency);
}

/** The nearest whole minor units; a half goes away from zero. */
export function toMinor(fine: Fine, currency: Currency): bigint {
  const unit = minorUnit(currency);
  const rounded = (sizeOf(fine) * 2n + unit) / (2n * unit);
  return fine < 0n ? -rounded : rounded;
}

/** One minor unit: 10000n for a currency with two decimals. */
export function minorUnit(currency: Currency): Fine {
  return 10n ** BigInt(PLACES - digitsOf(currency));
}

export function sizeOf(fine: Fine): Fine {
  return fine < 0n ? -fine : fine;
}
