import { describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { adviceFor, methodClass, SCHEDULES } from './decline-advice.ts';
import { DECLINE_CODES } from './decline-codes.ts';

describe('what to do about a decline', () => {
  test.each([
    ['card', 'insufficient-funds', undefined, 'soft', 'ours', [1, 3, 7, 14]],
    ['card', 'authentication-failed', undefined, 'customer-action', 'ours', []],
    ['card', 'fraud', undefined, 'hard', 'ours', []],
    ['sepa-debit', 'insufficient-funds', 'AM04', 'soft', 'sepa', [7, 14]],
    ['sepa-debit', 'other', 'MS03', 'soft', 'sepa', [7]],
    ['sepa-debit', 'mandate-revoked', 'MD01', 'hard', 'sepa', []],
    ['sepa-debit', 'account-closed', 'AC04', 'hard', 'sepa', []],
    ['sepa-debit', 'other', 'MD06', 'customer-action', 'sepa', []],
    // A blocked account is not a closed one, whatever word a plugin has for both.
    ['sepa-debit', 'account-closed', 'AC06', 'customer-action', 'sepa', []],
    ['sepa-debit', 'insufficient-funds', undefined, 'soft', 'ours', [7, 14]],
    ['card', 'a word of tomorrow', undefined, 'soft', 'ours', [1, 3, 7, 14]],
  ])('%s, %s, %s: %s by %s, on days %j', (method, reason, providerCode, of, source, retryOnDays) => {
    const advice = adviceFor({ method, reason, ...(providerCode !== undefined && { providerCode }) });
    expect(advice).toMatchObject({ class: of, source, code: source === 'ours' ? reason : providerCode, retryOnDays });
  });

  test('what a scheme or a plugin calls final is never tried again, however mild our word for it', () => {
    const failure = { method: 'card', reason: 'card-declined' };
    const never = { class: 'hard', retryOnDays: [], retryAfterHours: [] };
    expect(adviceFor({ ...failure, network: { scheme: 'visa', code: 'R1' } })).toMatchObject({ ...never, source: 'visa', code: 'R1' });
    expect(adviceFor({ ...failure, retryable: false })).toMatchObject(never);
    expect(adviceFor({ ...failure, retryable: true }).class).toBe('soft');
  });

  test('a word of ours that is final stays so, whatever milder word the scheme has', () => {
    expect(adviceFor({ method: 'card', reason: 'fraud', network: { scheme: 'mastercard', code: '02' } })).toMatchObject({
      class: 'hard',
      source: 'ours',
    });
  });

  test.each([
    ['24', 1],
    ['25', 24],
    ['26', 48],
    ['27', 96],
    ['28', 144],
    ['29', 192],
    ['30', 240],
  ])('Mastercard’s advice %s is to wait %d hours', (code, waitHours) => {
    const network = { scheme: 'mastercard', code } as const;
    expect(adviceFor({ method: 'card', reason: 'card-declined', network })).toMatchObject({ waitHours, source: 'mastercard' });
  });

  test('something between us and the bank is tried again within hours', () => {
    expect(adviceFor({ method: 'card', reason: 'technical' })).toMatchObject({ class: 'transient', retryAfterHours: [1, 6] });
  });

  test('every reason of ours is in the table', () => {
    for (const reason of DECLINE_REASONS) expect(DECLINE_CODES.has(`ours:${reason}`)).toBe(true);
  });

  test('never repeats more often, nor on other days, than the schedule of the method', () => {
    const code = fc.oneof(fc.string(), fc.constantFrom(...[...DECLINE_CODES.keys()].map((key) => key.split(':')[1] ?? '')));
    const failures = fc.record({
      method: fc.constantFrom('card', 'sepa-debit', 'paypal', 'mobilepay'),
      reason: fc.constantFrom(...DECLINE_REASONS),
      providerCode: code,
      network: fc.option(fc.record({ scheme: fc.constantFrom('sepa', 'visa', 'mastercard'), code }), { nil: undefined }),
    });
    fc.assert(
      fc.property(failures, (failure) => {
        const { class: of, retryOnDays, retryAfterHours } = adviceFor(failure);
        const schedule: readonly number[] = SCHEDULES[methodClass(failure.method)];
        expect(retryOnDays.every((day) => schedule.includes(day))).toBe(true);
        if (of === 'hard' || of === 'customer-action') expect([...retryOnDays, ...retryAfterHours]).toEqual([]);
      }),
    );
  });
});
