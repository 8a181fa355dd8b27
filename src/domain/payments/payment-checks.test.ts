import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextCheck } from './payment-checks.ts';

const since = new Date('2026-11-20T10:00:00Z');
const HOUR = 60;
const DAY = 24 * HOUR;
const next = (minute: number) => {
  const at = nextCheck(since, new Date(since.getTime() + minute * 60_000));
  return at && (at.getTime() - since.getTime()) / 60_000;
};

describe('a payment of a provider that tells nothing by itself', () => {
  test('is asked about every two seconds, then ever less often, to the same end as the others', () => {
    const moments: number[] = [];
    const at = (second: number) => nextCheck(since, new Date(since.getTime() + second * 1_000), true);
    for (let next = at(0); next !== null; next = at((moments.at(-1) ?? 0) as number))
      moments.push((next.getTime() - since.getTime()) / 1_000);
    const pauses = moments.map((second, index) => second - (moments[index - 1] ?? 0));
    expect([pauses[0], pauses[59], pauses[60], pauses.at(-1)]).toEqual([2, 2, 5, 6 * 3_600]);
    expect(moments.at(-1)).toBe((next(30 * DAY - 6 * HOUR - 1) ?? 0) * 60);
    for (const from of [0, 60, 119, 600, 1_800, 7_200])
      expect(moments.filter((second) => second > from && second <= from + 60).length).toBeLessThanOrEqual(30);
  });
});

describe('an open payment', () => {
  test.each([
    [0, 1],
    [1, 6],
    [6, 36],
    [36, 156],
    [156, 156 + 6 * HOUR],
    [157, 156 + 6 * HOUR],
    [156 + 6 * HOUR, 156 + 12 * HOUR],
    [10 * DAY, 156 + 10 * DAY],
    [30 * DAY - 1, null],
    [400 * DAY, null],
  ])('that opened %i minutes ago is asked about next at minute %p', (minute, due) => {
    expect(next(minute)).toBe(due);
  });

  test('is asked about again and again, with pauses that never shrink, and not for ever', () => {
    const moments: number[] = [];
    for (let at = next(0); at !== null; at = next(at)) moments.push(at);
    const pauses = moments.map((at, index) => at - (moments[index - 1] ?? 0));
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(moments.at(-1)).toBeGreaterThan(29 * DAY);
  });

  test('is asked about later than now, at the same moments however late one looks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 29 * DAY }), (minute) => {
        const at = next(minute);
        expect(at !== null && at > minute && next(at - 0.5) === at).toBe(true);
      }),
    );
  });
});
