import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fineOf, fineText, readFine, toMinor } from './fine-money.ts';
import { money } from './money.ts';

describe('a fine amount', () => {
  test.each([
    ['0.4410', 441_000n, '0.441'],
    ['-3.146', -3_146_000n, '-3.146'],
    ['86.1000', 86_100_000n, '86.10'],
    ['12', 12_000_000n, '12.00'],
    ['-0.000001', -1n, '-0.000001'],
  ])('%s is read exactly', (text, fine, shortest) => {
    expect(readFine(text)).toBe(fine);
    expect(fineText(fine)).toBe(shortest);
  });

  test.each(['', '1.', '.5', '1.0000001', '1e3', '+1', ' 1', '--1'])('%p is refused', (text) => {
    expect(() => readFine(text)).toThrow(RangeError);
  });

  test('is what was written, whatever it is', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (fine) => {
        expect(readFine(fineText(fine))).toBe(fine);
      }),
    );
  });

  test.each([
    [4_999n, 'EUR', 0n],
    [5_000n, 'EUR', 1n],
    [-5_000n, 'EUR', -1n],
    [1_499_999n, 'JPY', 1n],
    [1_500n, 'BHD', 2n],
  ] as const)('%p becomes money by the digits of %s', (fine, currency, minor) => {
    expect(toMinor(fine, currency)).toBe(minor);
  });

  test('of money is that money', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }), fc.constantFrom('EUR', 'JPY', 'BHD'), (minor, currency) => {
        expect(toMinor(fineOf(money(minor, currency)), currency)).toBe(minor);
      }),
    );
  });
});
