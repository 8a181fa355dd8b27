import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clockShift } from '../../kernel/duration.ts';
import { adviceFor, type Failure } from './decline-advice.ts';
import { DECLINE_CODES } from './decline-codes.ts';
import { messageMoment } from './quiet-hours.ts';
import { nextRepeat, type Earlier } from './retry-plan.ts';

const DAY_MS = 86_400_000;
const QUIET = { timeZone: 'Europe/Amsterdam', from: 22, until: 8 };
/** A Friday, 10:00 in Amsterdam. */
const FIRST = new Date('2026-11-20T09:00:00Z');

/** Days after the first failure on which a charge is made that always fails for the same reason, each at once. */
function daysOf(failure: Failure, best: { readonly lastSuccess?: Date; readonly payDay?: number } = {}): number[] {
  const days: number[] = [];
  let at = FIRST;
  let [quick, scheduled] = [0, 0];
  while (days.length < 50) {
    const earlier: Earlier = { firstAt: days.length === 0 ? undefined : FIRST, quick, scheduled };
    const onBankDays = failure.method === 'sepa-debit';
    const repeat = nextRepeat(adviceFor(failure), at, earlier, { ...best, onBankDays }, QUIET);
    if (!repeat) break;
    if (repeat.quick) quick += 1;
    else scheduled += 1;
    at = repeat.at;
    days.push((at.getTime() - FIRST.getTime()) / DAY_MS);
  }
  return days;
}

describe('when a charge is repeated', () => {
  test('acceptance 11: AM04 after 7 and 14 days and no more, MD01 never, MS03 once', () => {
    const debit = { method: 'sepa-debit', retryable: true };
    expect(daysOf({ ...debit, reason: 'insufficient-funds', providerCode: 'AM04' })).toEqual([7, 14]);
    expect(daysOf({ ...debit, reason: 'mandate-revoked', providerCode: 'MD01' })).toEqual([]);
    expect(daysOf({ ...debit, reason: 'other', providerCode: 'MS03' })).toEqual([7]);
  });

  test('acceptance 12: a lost card never, insufficient funds after 1, 3, 7 and 14 days, authentication never blindly', () => {
    expect(daysOf({ method: 'card', reason: 'card-declined', providerCode: 'lost_card', retryable: false })).toEqual([]);
    expect(daysOf({ method: 'card', reason: 'insufficient-funds' })).toEqual([1, 3, 7, 14]);
    expect(daysOf({ method: 'card', reason: 'authentication-failed', retryable: true })).toEqual([]);
  });

  test('what is between us and the bank is tried after one hour and six more, then by the days', () => {
    const [first = 0, second = 0, ...rest] = daysOf({ method: 'card', reason: 'technical' });
    expect([first * 24, second * 24]).toEqual([1, 7]);
    expect(rest).toEqual([1, 3, 7, 14]);
  });

  test('a scheme that wants a pause gets it, also when the schedule is faster', () => {
    const advised = (code: string) => daysOf({ method: 'card', reason: 'card-declined', network: { scheme: 'mastercard', code } })[0];
    expect(['25', '26', '27', '28', '29', '30'].map(advised)).toEqual([1, 3, 7, 7, 14, 14]);
  });

  test('is at the clock time of the last success, and on the pay-day when that is near', () => {
    const lastSuccess = new Date('2026-10-01T15:30:00Z'); // 17:30 in Amsterdam, still in summer
    const failure = { method: 'card', reason: 'insufficient-funds' };
    expect(daysOf(failure, { lastSuccess }).map((day) => new Date(FIRST.getTime() + day * DAY_MS).toISOString().slice(11, 16))).toEqual(
      Array.from({ length: 4 }, () => '16:30'),
    );
    // Day 1 is the 21st and money comes on the 25th: day 3 is left out.
    expect(daysOf(failure, { payDay: 25 })).toEqual([5, 7, 14]);
  });

  test('is never before it is allowed, never at night, and never more often than the schedule has days, whatever fails when', () => {
    const words = [...DECLINE_CODES.keys()].map((key) => key.split(':') as [string, string]);
    const failures = fc.constantFrom(...words).map(([source, code]): Failure => {
      const method = source === 'sepa' ? 'sepa-debit' : 'card';
      if (source === 'ours') return { method, reason: code };
      return { method, reason: 'other', network: { scheme: source as 'sepa' | 'visa' | 'mastercard', code } };
    });
    const zones = fc.constantFrom('Europe/Amsterdam', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
    const moments = fc.date({ min: new Date('2026-01-01'), max: new Date('2028-12-31'), noInvalidDate: true });
    const options = fc.record({
      payDay: fc.option(fc.integer({ min: 1, max: 31 }), { nil: undefined }),
      lastSuccess: fc.option(moments, { nil: undefined }),
    });
    fc.assert(
      fc.property(failures, moments, zones, options, (failure, at, timeZone, best) => {
        const advice = adviceFor(failure);
        let [failedAt, quick, scheduled] = [at, 0, 0];
        for (let turn = 0; turn < 10; turn += 1) {
          const earlier = { firstAt: turn === 0 ? undefined : at, quick, scheduled };
          const repeat = nextRepeat(
            advice,
            failedAt,
            earlier,
            { ...best, onBankDays: failure.method === 'sepa-debit' },
            { ...QUIET, timeZone },
          );
          if (!repeat) break;
          expect(repeat.at.getTime()).toBeGreaterThan(failedAt.getTime());
          expect(repeat.at.getTime()).toBeGreaterThanOrEqual(failedAt.getTime() + advice.waitHours * 3_600_000);
          const hour = new Date(repeat.at.getTime() + clockShift(repeat.at, timeZone)).getUTCHours();
          expect(hour >= 8 && hour < 22).toBe(true);
          [failedAt, quick, scheduled] = [repeat.at, quick + (repeat.quick ? 1 : 0), scheduled + (repeat.quick ? 0 : 1)];
        }
        expect(quick).toBeLessThanOrEqual(advice.retryAfterHours.length);
        expect(scheduled).toBeLessThanOrEqual(advice.retryOnDays.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a message', () => {
  test.each([
    ['sms', '2026-11-20T21:30:00Z', '2026-11-23T07:00:00.000Z', 'Friday 22:30 waits for Monday, because a text does not come at a weekend'],
    ['email', '2026-11-20T21:30:00Z', '2026-11-21T07:00:00.000Z', 'an e-mail for Saturday morning'],
    ['sms', '2026-11-20T20:59:00Z', '2026-11-20T20:59:00.000Z', '21:59 goes out'],
    ['sms', '2026-11-20T06:59:00Z', '2026-11-20T07:00:00.000Z', '7:59 waits a minute'],
    ['sms', '2026-03-28T12:00:00Z', '2026-03-30T06:00:00.000Z', 'over the night in which clocks change'],
  ] as const)('%s at %s goes out at %s: %s', (channel, at, expected, _why) => {
    expect(messageMoment(new Date(at), channel, QUIET).toISOString()).toBe(expected);
  });
});
