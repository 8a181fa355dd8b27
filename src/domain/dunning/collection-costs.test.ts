import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { collectionCosts } from './collection-costs.ts';

test.each([
  [125_00n, 40_00n],
  [266_66n, 40_00n],
  [300_00n, 45_00n],
  [2_500_00n, 375_00n],
  [23_000_00n, 1_005_00n],
  [200_000_00n, 2_775_00n],
  [1_000_000_00n, 6_775_00n],
  [0n, 0n],
  [1n, 40_00n],
])('acceptance 15: collecting %d cents costs %d', (principal, costs) => {
  expect(collectionCosts(principal)).toBe(costs);
});

test('a larger debt never costs less, and no debt more than € 6,775', () => {
  const cents = fc.bigInt({ min: 1n, max: 500_000_000n });
  fc.assert(
    fc.property(cents, cents, (a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      expect(collectionCosts(less) <= collectionCosts(more)).toBe(true);
      expect(collectionCosts(more) >= 4_000n && collectionCosts(more) <= 677_500n).toBe(true);
    }),
  );
});
