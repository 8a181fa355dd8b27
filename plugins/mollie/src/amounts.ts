import type { Money } from '@kassaflow/plugin-sdk';

/** Money as Mollie writes it: a decimal text with exactly the currency's digits (https://docs.mollie.com/docs/common-data-types). */
export interface Amount {
  readonly currency: string;
  readonly value: string;
}

/** An amount that Mollie cannot be asked for; found before anything is sent. */
export class AmountError extends Error {}

/** An answer that says something we cannot read: never a reason to believe that nothing happened. */
export class UnreadableError extends Error {}

/** Mollie's currencies have two decimals, but for these two. It has none with three. */
const DIGITS: Readonly<Record<string, number>> = { ISK: 0, JPY: 0 };

/** @throws AmountError when Mollie has no such amount */
export function toMollie({ amount, currency }: Money): Amount {
  const digits = DIGITS[currency] ?? 2;
  if (!/^\d{1,15}(\.\d+)?$/.test(amount)) throw new AmountError('This is not an amount that can be paid.');
  // The host writes a currency's own digits, so other digits than Mollie's mean a currency that Mollie does not have.
  if (digitsIn(amount) !== digits) throw new AmountError(`Mollie takes no amounts in ${currency} with ${digitsIn(amount)} decimals.`);
  return { currency, value: amount };
}

/** Minor units by ISO 4217, without a float on the way. @throws UnreadableError when the text is not such an amount */
export function fromMollie({ currency, value }: Amount): number {
  const minor = Number(value.replace('.', ''));
  if (!/^-?\d{1,15}(\.\d+)?$/.test(value) || digitsIn(value) !== (DIGITS[currency] ?? 2) || !Number.isSafeInteger(minor))
    throw new UnreadableError(`Mollie told an amount in ${currency} that cannot be read.`);
  return minor;
}

function digitsIn(value: string): number {
  return value.split('.')[1]?.length ?? 0;
}
