import { describe, expect, test } from '@jest/globals';
import { fromStripe, toStripe } from '../src/amounts.ts';

describe('pitfall 12: amounts', () => {
  test.each([
    ['12.50', 'EUR', 1250],
    ['0.05', 'EUR', 5],
    ['500', 'JPY', 500],
    ['100', 'ISK', 10_000],
    ['500', 'UGX', 50_000],
    ['123.00', 'HUF', 12_300],
    ['1.230', 'KWD', 1230],
    ['5.00', 'MGA', 5],
  ])('%s %s is %i to Stripe, and back', (amount, currency, stripe) => {
    expect(toStripe({ amount, currency })).toBe(stripe);
    expect(fromStripe(stripe, currency.toLowerCase())).toBe(Number(amount.replace('.', '')));
  });

  test.each([
    ['1.234', 'KWD'],
    ['5.01', 'MGA'],
  ])('%s %s is refused', (amount, currency) => {
    expect(() => toStripe({ amount, currency })).toThrow(`Stripe takes ${currency} only`);
  });
});
