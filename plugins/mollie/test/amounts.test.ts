import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AmountError, fromMollie, toMollie, UnreadableError } from '../src/amounts.ts';
import { decimalText, millionthsOf } from '../src/decimal.ts';
import { payments } from '../src/payments.ts';
import { Fixture, ORDER } from './fixture.ts';

describe('amounts, pitfall 12', () => {
  test.each([
    ['12.50', 'EUR', 1_250],
    ['0.05', 'EUR', 5],
    ['999999.99', 'EUR', 99_999_999],
    ['500', 'JPY', 500],
    ['100', 'ISK', 100],
    ['123.50', 'HUF', 12_350],
  ])('%s %s goes and comes back unchanged as %i', (amount, currency, minor) => {
    expect(toMollie({ amount, currency })).toEqual({ currency, value: amount });
    expect(fromMollie({ currency, value: amount })).toBe(minor);
  });

  test.each([
    ['1.230', 'KWD'],
    ['500', 'UGX'],
    ['1e3', 'EUR'],
    ['-1.00', 'EUR'],
    ['12.5', 'EUR'],
    ['', 'EUR'],
  ])('%s %s cannot be asked for', (amount, currency) => {
    expect(() => toMollie({ amount, currency })).toThrow(AmountError);
  });

  test.each([
    ['12.5', 'EUR'],
    ['100.00', 'JPY'],
    ['0.4410', 'EUR'],
    ['90071992547409.93', 'EUR'],
    ['NaN', 'EUR'],
  ])('%s %s told by Mollie is not guessed at', (value, currency) => {
    expect(() => fromMollie({ currency, value })).toThrow(UnreadableError);
  });

  test('no amount is changed on the way through Mollie', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999_999 }), fc.constantFrom('EUR', 'DKK', 'JPY', 'ISK'), (minor, currency) => {
        const digits = currency === 'EUR' || currency === 'DKK' ? 2 : 0;
        const text = String(minor).padStart(digits + 1, '0');
        const amount = digits === 0 ? text : `${text.slice(0, -2)}.${text.slice(-2)}`;
        expect(fromMollie(toMollie({ amount, currency }))).toBe(minor);
      }),
    );
  });
});

describe('decimals of settlements, pitfall 33', () => {
  test.each([
    ['0.4410', 441_000n, '0.441'],
    ['-39.75', -39_750_000n, '-39.75'],
    ['7', 7_000_000n, '7.00'],
    ['-0.000001', -1n, '-0.000001'],
  ])('%s', (text, millionths, shown) => {
    expect(millionthsOf(text)).toBe(millionths);
    expect(decimalText(millionths)).toBe(shown);
  });

  test('what was read is written so that it reads the same', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), (size) => expect(millionthsOf(decimalText(size))).toBe(size)),
    );
  });
});

describe('on the wire', () => {
  const at = new Fixture();

  test.each([
    ['500', 'JPY'],
    ['100', 'ISK'],
    ['0.01', 'EUR'],
  ])('%s %s is sent as a text with just these decimals', async (amount, currency) => {
    const { facts } = await at.create({ amount: { amount, currency }, methods: [] });
    expect(at.mollie.bodies[0]).toMatchObject({ amount: { value: amount, currency } });
    expect(facts.currency).toBe(currency);
  });

  test('three decimals are refused before anything is sent', async () => {
    const outcome = await payments.create(at.context(), { ...ORDER, amount: { amount: '1.230', currency: 'KWD' } });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
    expect(at.mollie.log.all()).toHaveLength(0);
  });

  test('a currency that Mollie does not have names the amount', async () => {
    const outcome = await payments.create(at.context(), { ...ORDER, amount: { amount: '1.23', currency: 'XTS' } });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount', code: '422' });
  });
});
