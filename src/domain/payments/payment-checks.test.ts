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
