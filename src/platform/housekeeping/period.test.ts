import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newUuid } from '../../kernel/ids.ts';
import { lowestUuid, momentOf, periodOf, periodsFrom } from './period.ts';

describe('a week', () => {
  test.each([
    ['2026-11-21T12:00:00Z', '2026w47', '2026-11-16', '2026-11-23'],
    ['2026-11-22T23:59:59.999Z', '2026w47', '2026-11-16', '2026-11-23'],
    ['2026-11-23T00:00:00Z', '2026w48', '2026-11-23', '2026-11-30'],
    // ISO 8601: the first of January belongs to the year of its Thursday
    ['2027-01-01T00:00:00Z', '2026w53', '2026-12-28', '2027-01-04'],
    ['2024-12-30T00:00:00Z', '2025w01', '2024-12-30', '2025-01-06'],
  ])('of %s is %s', (moment, name, from, to) => {
    expect(periodOf(new Date(moment), 'week')).toEqual({ name, from: new Date(`${from}T00:00:00Z`), to: new Date(`${to}T00:00:00Z`) });
  });
});

test('a month is one of the calendar', () => {
  expect(periodOf(new Date('2026-12-31T23:59:59.999Z'), 'month')).toEqual({
    name: '2026m12',
    from: new Date('2026-12-01T00:00:00Z'),
    to: new Date('2027-01-01T00:00:00Z'),
  });
});

test('the present and the next follow each other without a gap', () => {
  const weeks = periodsFrom(new Date('2026-12-20T10:00:00Z'), 'week', 3);
  expect(weeks.map(({ name }) => name)).toEqual(['2026w51', '2026w52', '2026w53', '2027w01']);
  expect(weeks.slice(1).map(({ from }) => from)).toEqual(weeks.slice(0, -1).map(({ to }) => to));
});

test('every moment is in its period, and the period of its last millisecond is the same', () => {
  const moments = fc.date({ min: new Date('1970-01-05T00:00:00Z'), max: new Date('2999-12-31T00:00:00Z'), noInvalidDate: true });
  fc.assert(
    fc.property(moments, fc.constantFrom('week' as const, 'month' as const), (moment, length) => {
      const period = periodOf(moment, length);
      return (
        period.from <= moment &&
        moment < period.to &&
        periodOf(new Date(period.to.getTime() - 1), length).name === period.name &&
        periodOf(period.to, length).name !== period.name
      );
    }),
  );
});

test('an id is not below the lowest of its own moment', () => {
  const id = newUuid();
  expect(lowestUuid(momentOf(id)) <= id).toBe(true);
  expect(lowestUuid(new Date(momentOf(id).getTime() + 1)) > id).toBe(true);
});
