import { describe, expect, test } from '@jest/globals';
import { fromPaypal, negated, subtract, toPaypal } from '../src/amounts.ts';

describe('pitfall 12: amounts', () => {
  test.each([
    ['12.50', 'EUR', '12.50', 1250],
    ['0.05', 'EUR', '0.05', 5],
    ['0.01', 'EUR', '0.01', 1],
    ['999999.99', 'DKK', '999999.99', 99_999_999],
    ['500', 'JPY', '500', 500],
    ['123.00', 'HUF', '123', 12_300],
    ['100.00', 'TWD', '100', 10_000],
  ])('%s %s is %s to PayPal, and back', (amount, currency, value, minor) => {
    expect(toPaypal({ amount, currency })).toEqual({ currency_code: currency, value });
    expect(fromPaypal({ currency_code: currency, value })).toBe(minor);
  });

  test.each([
    ['123.50', 'HUF', 'only without decimals'],
    ['100.05', 'TWD', 'only without decimals'],
    ['1.234', 'KWD', 'does not take KWD'],
    ['100', 'ISK', 'does not take ISK'],
    ['0.00', 'EUR', 'above zero'],
  ])('%s %s is refused', (amount, currency, why) => {
    expect(() => toPaypal({ amount, currency })).toThrow(why);
  });

  test.each(['12,50', '', 'NaN', '1e3', '12.505', '99999999999999999'])('"%s" EUR from PayPal cannot be read', (value) => {
    expect(() => fromPaypal({ currency_code: 'EUR', value })).toThrow('cannot be read');
  });

  test('zeros at the end may be there or not', () => {
    expect(fromPaypal({ currency_code: 'EUR', value: '12.5' })).toBe(1250);
    expect(fromPaypal({ currency_code: 'HUF', value: '123.00' })).toBe(12_300);
    expect(fromPaypal({ currency_code: 'EUR', value: '-0.70' })).toBe(-70);
  });

  test.each([
    ['12.50', '0.70', '11.80'],
    ['0.1', '0.25', '-0.15'],
    ['500', '14', '486'],
    ['-5.00', '0.00', '-5.00'],
    ['9007199254740993.01', '0.02', '9007199254740992.99'],
  ])('%s − %s is %s, without floats', (left, right, result) => {
    expect(subtract(left, right)).toBe(result);
  });

  test('a sign turns exactly', () => {
    expect([negated('-0.70'), negated('0.70'), negated('0.00')]).toEqual(['0.70', '-0.70', '0.00']);
  });
});
