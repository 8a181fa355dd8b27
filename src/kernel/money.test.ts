import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CURRENCIES, digitsOf } from './currency.ts';
import { add, allocate, compare, decimal, money, parseMoney, subtract, sum, toWire } from './money.ts';

describe('money', () => {
  test.each([
    [1250n, 'EUR', '12.50'],
    [-5n, 'EUR', '-0.05'],
    [500n, 'JPY', '500'],
    [100n, 'ISK', '100'],
    [1250n, 'BHD', '1.250'],
    [0n, 'DKK', '0.00'],
  ] as const)('%s minor units of %s are written %s', (minor, currency, amount) => {
    expect(toWire(money(minor, currency))).toEqual({ amount, currency });
    expect(parseMoney({ amount, currency })).toEqual(money(minor, currency));
  });

  test.each([
    ['a JSON number', { amount: 10.5, currency: 'EUR' }, 'money.type'],
    ['too many decimals', { amount: '10.005', currency: 'EUR' }, 'money.scale'],
    ['decimals of a currency without', { amount: '10.50', currency: 'JPY' }, 'money.scale'],
    ['a comma', { amount: '10,00', currency: 'EUR' }, 'money.format'],
    ['a sign of a currency', { amount: '€10', currency: 'EUR' }, 'money.format'],
    ['spaces', { amount: ' 10.00', currency: 'EUR' }, 'money.format'],
    ['an exponent', { amount: '1e2', currency: 'EUR' }, 'money.format'],
    ['a plus sign', { amount: '+10.00', currency: 'EUR' }, 'money.format'],
    ['hexadecimal', { amount: '0x10', currency: 'EUR' }, 'money.format'],
    ['other digits', { amount: '١٠', currency: 'EUR' }, 'money.format'],
    ['too much', { amount: '99999999999999.99', currency: 'EUR' }, 'money.range'],
    ['no amount', { currency: 'EUR' }, 'money.type'],
    ['null', null, 'money.type'],
    ['true', true, 'money.type'],
    ['a list', [], 'money.type'],
    ['lower case', { amount: '1.00', currency: 'eur' }, 'money.unknown-currency'],
    ['not a currency', { amount: '1.00', currency: 'BTC' }, 'money.unknown-currency'],
    ['an inherited name', { amount: '1.00', currency: 'constructor' }, 'money.unknown-currency'],
  ])('%s is refused', (_, wire, code) => {
    expect(() => parseMoney(wire)).toThrow(expect.objectContaining({ code }));
  });

  test('fewer decimals than the currency has lose nothing and become canonical', () => {
    expect(decimal(parseMoney({ amount: '10', currency: 'EUR' }))).toBe('10.00');
    expect(decimal(parseMoney({ amount: '10.5', currency: 'EUR' }))).toBe('10.50');
  });

  test('every currency has the digits that the platform knows for it', () => {
    // The platform follows CLDR, which drops the minor unit of some currencies in daily use; ISO 4217 keeps it.
    const daily = new Set([
      'ALL',
      'AMD',
      'COP',
      'CRC',
      'DJF',
      'HUF',
      'IDR',
      'IQD',
      'LBP',
      'MGA',
      'PKR',
      'RSD',
      'TZS',
      'UYU',
      'UZS',
      'CZK',
      'TWD',
      'MUR',
      'MNT',
      'NOK',
      'SEK',
      'ISK',
      'KMF',
    ]);
    for (const currency of CURRENCIES.filter((code) => !daily.has(code))) {
      expect([currency, digitsOf(currency)]).toEqual([
        currency,
        new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits,
      ]);
    }
  });

  test('different currencies never combine', () => {
    const [euro, crown] = [money(1n, 'EUR'), money(1n, 'NOK')];
    for (const operation of [add, subtract, compare])
      expect(() => operation(euro, crown)).toThrow(expect.objectContaining({ code: 'money.currency-mix' }));
  });
});

describe('allocation', () => {
  test('100.00 over three equal parts gives the odd cent to the first', () => {
    expect(allocate(money(10_000n, 'EUR'), [1n, 1n, 1n]).map(decimal)).toEqual(['33.34', '33.33', '33.33']);
  });

  test('any amount over any weights sums to the amount, and no part is a cent from its share', () => {
    const amounts = fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n });
    const weights = fc
      .array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1, maxLength: 12 })
      .filter((list) => list.some((weight) => weight > 0n));
    fc.assert(
      fc.property(amounts, weights, (minor, list) => {
        const parts = allocate(money(minor, 'EUR'), list);
        const whole = list.reduce((a, b) => a + b, 0n);
        expect(sum(parts, 'EUR').minor).toBe(minor);
        parts.forEach((part, index) => {
          const error = part.minor * whole - minor * (list[index] ?? 0n);
          expect(error < whole && error > -whole).toBe(true);
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test('no positive weight, or a negative one, is a mistake of the caller', () => {
    expect(() => allocate(money(1n, 'EUR'), [0n])).toThrow(RangeError);
    expect(() => allocate(money(1n, 'EUR'), [2n, -1n])).toThrow(RangeError);
  });
});
