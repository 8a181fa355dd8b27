import { minorOf, type Money } from '@kassaflow/plugin-sdk';
import { CURRENCIES, WHOLE_CURRENCIES } from './assumptions.ts';

/** An amount that PayPal cannot be asked for; found before anything is sent. */
export class AmountError extends Error {}

/** An amount of PayPal's that nobody can read: its answer is as good as none. */
export class UnreadableAmount extends Error {}

/** Money on PayPal's wire: `{"currency_code":"EUR","value":"12.50"}`. */
export interface WireMoney {
  readonly currency_code: string;
  readonly value: string;
}

/** @throws AmountError when PayPal has no such amount */
export function toPaypal(money: Money): WireMoney {
  const { amount, currency } = money;
  if (!CURRENCIES.has(currency)) throw new AmountError(`PayPal does not take ${currency}.`);
  if (minorOf(money) <= 0) throw new AmountError('PayPal takes amounts above zero only.');
  if (!WHOLE_CURRENCIES.has(currency)) return { currency_code: currency, value: amount };
  const [whole = '', decimals = ''] = amount.split('.');
  if (/[^0]/.test(decimals)) throw new AmountError(`PayPal takes ${currency} only without decimals.`);
  return { currency_code: currency, value: whole };
}

/** ISO 4217 minor units of an amount on the wire, exactly; trailing zeros may be there or not. @throws UnreadableAmount */
export function fromPaypal({ currency_code: currency, value }: WireMoney): number {
  const [, sign = '', whole = '', decimals = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  // JPY is the one currency of PayPal's that has no decimals by ISO 4217 either.
  const digits = currency === 'JPY' ? 0 : 2;
  const minor = Number(`${sign}${whole}${decimals.slice(0, digits).padEnd(digits, '0')}`);
  if (whole === '' || /[^0]/.test(decimals.slice(digits)) || !Number.isSafeInteger(minor))
    throw new UnreadableAmount(`PayPal told an amount in ${currency} that cannot be read.`);
  return minor === 0 ? 0 : minor;
}

/** The difference of two decimal texts, exactly, with as many decimals as the longer has. */
export function subtract(left: string, right: string): string {
  const digits = Math.max(...[left, right].map((text) => text.split('.')[1]?.length ?? 0));
  const units = (text: string): bigint => {
    const [whole = '0', decimals = ''] = text.split('.');
    return BigInt(`${whole}${decimals.padEnd(digits, '0')}`);
  };
  const result = units(left) - units(right);
  const text = `${result < 0n ? -result : result}`.padStart(digits + 1, '0');
  const point = text.length - digits;
  return `${result < 0n ? '-' : ''}${text.slice(0, point)}${digits === 0 ? '' : `.${text.slice(point)}`}`;
}

/** The same decimal text with the other sign. */
export function negated(value: string): string {
  return subtract('0', value);
}
