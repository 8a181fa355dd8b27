import { describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { adviceFor, SCHEDULES } from './decline-advice.ts';
import { DECLINE_CODES } from './decline-codes.ts';

describe('what to do about a decline', () => {
  test.each([
    ['card', 'insufficient-funds', undefined, 'soft', [1, 3, 7, 14]],
    ['card', 'authentication-failed', undefined, 'customer-action', []],
    ['card', 'fraud', undefined, 'hard', []],
    ['sepa-debit', 'insufficient-funds', 'AM04', 'soft', [7, 14]],
    ['sepa-debit', 'other', 'MS03', 'soft', [7]],
    ['sepa-debit', 'mandate-revoked', 'MD01', 'hard', []],
    ['sepa-debit', 'account-closed', 'AC04', 'hard', []],
    ['sepa-debit', 'other', 'MD06', 'customer-action', []],
    ['sepa-debit', 'insufficient-funds', undefined, 'soft', [7, 14]],
    ['card', 'a word of tomorrow', undefined, 'soft', [1, 3, 7, 14]],
  ])('%s, %s, %s: %s, on days %j', (method, reason, providerCode, of, retryOnDays) => {
    expect(adviceFor({ method, reason, ...(providerCode !== undefined && { providerCode }) })).toEqual({ class: of, retryOnDays });
  });

  test('what a scheme or a plugin calls final is never tried again, however mild our word for it', () => {
    const failure = { method: 'card', reason: 'card-declined' };
    expect(adviceFor({ ...failure, providerCode: 'R1', source: 'visa' })).toEqual({ class: 'hard', retryOnDays: [] });
    expect(adviceFor({ ...failure, retryable: false })).toEqual({ class: 'hard', retryOnDays: [] });
    expect(adviceFor({ ...failure, retryable: true }).class).toBe('soft');
  });

  test('every reason of ours is in the table', () => {
    for (const reason of DECLINE_REASONS) expect(DECLINE_CODES.has(`ours:${reason}`)).toBe(true);
  });

  test('never repeats more often, nor on other days, than the schedule of the method', () => {
    const failures = fc.record({
      method: fc.constantFrom('card', 'sepa-debit', 'paypal', 'mobilepay'),
      reason: fc.constantFrom(...DECLINE_REASONS),
      providerCode: fc.oneof(fc.string(), fc.constantFrom(...[...DECLINE_CODES.keys()].map((key) => key.split(':')[1] ?? ''))),
    });
    fc.assert(
      fc.property(failures, (failure) => {
        const { class: of, retryOnDays } = adviceFor(failure);
        const schedule: readonly number[] = SCHEDULES[failure.method === 'sepa-debit' ? 'direct-debit' : 'card'];
        expect(retryOnDays.every((day) => schedule.includes(day))).toBe(true);
        if (of === 'hard' || of === 'customer-action') expect(retryOnDays).toEqual([]);
      }),
    );
  });
});
