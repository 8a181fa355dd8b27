import { describe, expect, test } from '@jest/globals';
import { changeOf, type KnownPayment } from './payment-change.ts';
import type { Facts, PaymentState } from './payment.ts';

const NOTHING = { authorized: 0n, voided: 0n, captured: 0n, refunded: 0n, refundPending: 0n, chargedBack: 0n, fee: undefined };
const AT = new Date('2026-11-20T10:00:00Z');

const UNBEGUN: Facts = {
  ...NOTHING,
  currency: 'EUR',
  providerState: 'open',
  started: false,
  ended: undefined,
  fetchedAt: AT,
  captureBefore: undefined,
  provisionalUntil: undefined,
  method: undefined,
  failure: undefined,
  mandate: undefined,
  refunds: undefined,
  disputes: undefined,
};

function known(state: PaymentState, more: Partial<KnownPayment> = {}): KnownPayment {
  return {
    ...NOTHING,
    state,
    currency: 'EUR',
    asked: { least: 2_000n, most: 2_000n },
    fetchedAt: undefined,
    doubtedAt: undefined,
    contradicted: false,
    mismatched: false,
    takenWhenAuthorized: false,
    lapsed: false,
    ...more,
  };
}

describe('pitfall 4: an answer by which nobody has begun yet', () => {
  test.each(['created', 'pending', 'failed', 'cancelled', 'expired'] as const)('changes nothing about a payment that is %s', (state) => {
    expect(changeOf(known(state), UNBEGUN)).toEqual({ kind: 'facts', state, mismatched: false, events: [] });
  });

  test('leaves of a reservation that the payment is waited for', () => {
    expect(changeOf(known('authorized', { authorized: 2_000n }), UNBEGUN)).toMatchObject({ state: 'pending' });
  });

  test('is asked a second time where money was taken, and is then still no reason to hope for it', () => {
    const paid = known('completed', { captured: 2_000n, fetchedAt: AT });
    expect(changeOf(paid, UNBEGUN)).toEqual({ kind: 'doubtful', doubtedAt: AT });
    const later = { ...UNBEGUN, fetchedAt: new Date(AT.getTime() + 30_000) };
    expect(changeOf({ ...paid, doubtedAt: AT }, later)).toEqual({ kind: 'contradicted', isNew: true });
    expect(changeOf({ ...paid, doubtedAt: AT, contradicted: true }, later)).toEqual({ kind: 'contradicted', isNew: false });
  });
});
