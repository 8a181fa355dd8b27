import { describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS } from '@kassaflow/plugin-sdk';
import { classOf, DECLINES, failureOf } from '../src/declines.ts';

describe('why a payment was refused', () => {
  test('every code has one of our reasons, a class and a source', () => {
    for (const [code, { reason, source }] of Object.entries(DECLINES)) {
      expect([code, DECLINE_REASONS]).toEqual([code, expect.arrayContaining([reason])]);
      expect(source).toMatch(/^https:\/\/docs\.stripe\.com\//);
    }
  });

  test.each([
    ['insufficient_funds', 'soft', true],
    ['processing_error', 'transient', true],
    ['authentication_required', 'customer', false],
    ['expired_card', 'customer', false],
    ['lost_card', 'hard', false],
    ['stop_payment_order', 'hard', false],
  ])('%s is %s', (code, kind, retryable) => {
    expect(classOf({ code: 'card_declined', decline_code: code })).toBe(kind);
    expect(failureOf({ code: 'card_declined', decline_code: code })).toMatchObject({ providerCode: code, retryable });
  });

  test('pitfall 31: Stripe’s advice stands above the network’s, and that above the code', () => {
    const mild = { code: 'card_declined', decline_code: 'insufficient_funds' };
    expect(failureOf({ ...mild, advice_code: 'do_not_try_again' })).toMatchObject({ reason: 'insufficient-funds', retryable: false });
    expect(failureOf({ ...mild, network_advice_code: '03' }).retryable).toBe(false);
    expect(failureOf({ ...mild, network_advice_code: '21' }).retryable).toBe(false);
    expect(failureOf({ ...mild, network_decline_code: '41' }).retryable).toBe(false);
    expect(failureOf({ ...mild, network_decline_code: '51' }).retryable).toBe(true);
    expect(classOf({ ...mild, advice_code: 'try_again_later', network_advice_code: '03' })).toBe('soft');
    expect(classOf({ ...mild, network_advice_code: '24', network_decline_code: '04' })).toBe('soft');
    expect(classOf({ ...mild, advice_code: 'confirm_card_data' })).toBe('customer');
  });

  test.each([
    ['mastercard', { scheme: 'mastercard', code: '24' }],
    ['visa', { scheme: 'visa', code: '51' }],
    ['amex', undefined],
  ])('the code of the scheme is told of a %s card', (brand, network) => {
    const refusal = { code: 'card_declined', decline_code: 'insufficient_funds', network_advice_code: '24', network_decline_code: '51' };
    expect(failureOf({ ...refusal, payment_method: { card: { brand } } }).network).toEqual(network);
    expect(failureOf(refusal)).not.toHaveProperty('network');
  });

  test('pitfall 30: a code that is newer than this plugin is kept and may be tried again', () => {
    expect(failureOf({ code: 'card_declined', decline_code: 'bored_issuer' })).toEqual({
      reason: 'card-declined',
      retryable: true,
      providerCode: 'bored_issuer',
    });
    expect(failureOf({ code: 'moon_phase' })).toEqual({ reason: 'other', retryable: true, providerCode: 'moon_phase' });
    expect(failureOf({})).toEqual({ reason: 'other', retryable: true });
  });
});
