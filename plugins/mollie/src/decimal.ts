import { UnreadableError } from './amounts.ts';

/** Settlements have costs with four decimals (`"0.4410"`); six leave room. */
const PLACES = 6;

/** A decimal text as a whole number of millionths. @throws UnreadableError */
export function millionthsOf(text: string): bigint {
  const [, sign, whole, part = ''] = /^(-?)(\d{1,15})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (whole === undefined) throw new UnreadableError('Mollie told a number that cannot be read.');
  const size = BigInt(whole + part.padEnd(PLACES, '0'));
  return sign === '-' ? -size : size;
}

/** The shortest text with at least two decimals: `12.50`, `-0.441`. */
export function decimalText(millionths: bigint): string {
  const size = (millionths < 0n ? -millionths : millionths).toString().padStart(PLACES + 1, '0');
  const part = size.slice(-PLACES).replace(/0{1,4}$/, '');
  return `${millionths < 0n ? '-' : ''}${size.slice(0, -PLACES)}.${part}`;
}
