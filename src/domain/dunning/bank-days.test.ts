import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addDays, bankDayBefore, bankDayFrom, isBankDay } from './bank-days.ts';
import { canBeDueOn, debitDates } from './debit-dates.ts';

describe('the days on which banks settle', () => {
  test.each([
    ['2026-01-01', false],
    ['2026-04-02', true],
    ['2026-04-03', false], // Good Friday
    ['2026-04-06', false], // Easter Monday
    ['2026-04-07', true],
    ['2026-05-01', false],
    ['2026-05-14', true], // Ascension Day is no holiday of banks
    ['2026-12-24', true],
    ['2026-12-25', false],
    ['2026-12-26', false],
    ['2027-03-26', false],
    ['2027-03-29', false],
    ['2038-04-26', false], // the latest Easter there is
    ['2026-11-21', false],
    ['2026-11-23', true],
  ])('%s: %s', (day, open) => {
    expect(isBankDay(day)).toBe(open);
  });

  test('there are never more than five closed days in a row', () => {
    const days = fc.integer({ min: 0, max: 40_000 }).map((count) => addDays('2000-01-01', count));
    fc.assert(
      fc.property(days, (day) => {
        expect(bankDayFrom(day) >= day && bankDayFrom(day) <= addDays(day, 5)).toBe(true);
        expect(bankDayBefore(day) < day && isBankDay(bankDayBefore(day))).toBe(true);
      }),
    );
  });
});

describe('a direct debit', () => {
  test('is due fourteen days after it is announced, on a bank day, and handed in on the bank day before', () => {
    expect(debitDates('2026-11-20', 14)).toEqual({ dueOn: '2026-12-04', submitOn: '2026-12-03' });
    expect(debitDates('2026-12-11', 14)).toEqual({ dueOn: '2026-12-28', submitOn: '2026-12-24' });
    expect(debitDates('2026-03-23', 14)).toEqual({ dueOn: '2026-04-07', submitOn: '2026-04-02' });
  });

  test('can be announced later where that was agreed, and not sooner than a bank day before', () => {
    expect(debitDates('2026-11-20', 1)).toEqual({ dueOn: '2026-11-23', submitOn: '2026-11-20' });
    expect(debitDates('2026-11-21', 0)).toEqual({ dueOn: '2026-11-24', submitOn: '2026-11-23' });
    expect(debitDates('2026-11-20', 14, '2026-12-01')).toBeUndefined();
    expect(debitDates('2026-11-20', 14, '2026-12-05')).toEqual({ dueOn: '2026-12-07', submitOn: '2026-12-04' });
  });

  test('can be handed in up to the bank day before it is due', () => {
    expect(canBeDueOn('2026-11-24', '2026-11-23')).toBe(true);
    expect(canBeDueOn('2026-11-24', '2026-11-24')).toBe(false);
    expect(canBeDueOn('2026-11-23', '2026-11-20')).toBe(true);
    expect(canBeDueOn('2026-11-23', '2026-11-21')).toBe(false);
    expect(canBeDueOn('2026-11-22', '2026-11-20')).toBe(false);
  });
});
