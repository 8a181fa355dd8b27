import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { windowAt } from './window.ts';

const DAY_MS = 86_400_000;

test('a day begins and ends at midnight of the zone, also when the clocks change', () => {
  const lengths = ['2026-03-29T10:00:00Z', '2026-10-25T10:00:00Z', '2026-11-21T23:30:00Z'].map((at) => {
    const { from, expires } = windowAt('day', Date.parse(at), 'Europe/Amsterdam');
    return [new Date(from).toISOString(), (expires - from) / 3_600_000];
  });
  expect(lengths).toEqual([
    ['2026-03-28T23:00:00.000Z', 23],
    ['2026-10-24T22:00:00.000Z', 25],
    ['2026-11-21T23:00:00.000Z', 24],
  ]);
});

test('a month is that of the zone', () => {
  const { from, expires } = windowAt('month', Date.parse('2026-12-31T23:30:00Z'), 'Europe/Amsterdam');
  expect([from, expires].map((at) => new Date(at).toISOString())).toEqual(['2026-12-31T23:00:00.000Z', '2027-01-31T23:00:00.000Z']);
});

test('in no stretch of a sliding period is more let through than the cap, and what is full frees when it says', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.integer({ min: 0, max: 20 * DAY_MS }), { minLength: 1, maxLength: 60 }),
      (cap, days, moments) => {
        const used = new Map<number, number>();
        const admitted: number[] = [];
        for (const now of moments.toSorted((a, b) => a - b)) {
          const window = windowAt({ days }, now, 'UTC');
          const counting = [...used].filter(([bucket]) => bucket >= window.from);
          if (counting.reduce((sum, [, count]) => sum + count, 0) < cap) {
            used.set(window.bucket, (used.get(window.bucket) ?? 0) + 1);
            admitted.push(now);
            continue;
          }
          const oldest = Math.min(...counting.map(([bucket]) => bucket));
          const frees = window.freesAt(oldest);
          expect(frees).toBeGreaterThan(now);
          expect(windowAt({ days }, frees, 'UTC').from).toBeGreaterThan(oldest);
        }
        for (const end of admitted) expect(admitted.filter((at) => at > end - days * DAY_MS && at <= end).length).toBeLessThanOrEqual(cap);
      },
    ),
  );
});
