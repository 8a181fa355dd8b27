import type { Money } from './schema.ts';

/**
 * Minor units of an amount, for providers that want whole numbers. The number of decimals in the string is the currency's
 * own (`"12.50"` EUR, `"500"` JPY), because the host wrote it.
 */
export function minorOf({ amount }: Money): number {
  const minor = Number(amount.replace('.', ''));
  if (!/^-?\d+(\.\d+)?$/.test(amount) || !Number.isSafeInteger(minor)) throw new RangeError('minorOf: not an amount of money');
  return minor;
}
