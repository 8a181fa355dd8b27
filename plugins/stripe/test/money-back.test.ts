import { describe, expect, test } from '@jest/globals';
import { payments } from '../src/payments.ts';
import { DAY, euros, Fixture, valueOf } from './fixture.ts';

const at = new Fixture();

const refund = (
  providerId: string,
  amount = '5.00',
  more: { readonly key?: string; readonly reference?: string; readonly attempt?: number; readonly reason?: string } = {},
) => {
  const { key = 'ref_1:1', reference = 'ref_1', attempt = 1, reason = 'Not wanted' } = more;
  return payments.refund!(at.context({ idempotencyKey: key, attempt }), { providerId, reference, amount: euros(amount), reason });
};

describe('refunds', () => {
  test('pitfall 5: each is told with our id, and one of the dashboard without', async () => {
    const { providerId, intent } = await at.paid('card');
    const { providerId: ours } = valueOf(await refund(providerId));
    const { id: theirs } = at.stripe.refund(intent, 250);
    expect(await at.fetched(providerId)).toMatchObject({
      captured: 1250,
      refunded: 750,
      refundPending: 0,
      refunds: [
        { providerId: ours, reference: 'ref_1', amount: 500, state: 'done' },
        { providerId: theirs, amount: 250, state: 'done' },
      ],
    });
    expect((await at.fetched(providerId)).refunds?.[1]).not.toHaveProperty('reference');
  });

  test('pitfall 6: one to an account is accepted, done days later, and may fail after that', async () => {
    const { providerId, intent } = await at.paid('sepa_debit');
    at.stripe.settle(intent, 'succeeded');
    const { providerId: id, state } = valueOf(await refund(providerId));
    expect(state).toBe('pending');
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, refunded: 0, refundPending: 500 });
    await at.stripe.advance(5 * DAY);
    expect(await at.fetched(providerId)).toMatchObject({ refunded: 500, refundPending: 0 });
    at.stripe.finishRefund(id, 'failed');
    expect(await at.fetched(providerId)).toMatchObject({
      captured: 1250,
      refunded: 0,
      refundPending: 0,
      refunds: [{ providerId: id, state: 'failed', failure: 'declined' }],
    });
  });

  test('pitfall 14: a key that Stripe has forgotten makes no second refund', async () => {
    const { providerId } = await at.paid('card');
    at.stripe.quirks.add({ match: 'POST /v1/refunds', action: 'truncated' });
    expect((await refund(providerId)).kind).toBe('unknown');
    await at.stripe.advance(2 * DAY);
    expect(valueOf(await refund(providerId, '5.00', { attempt: 2 }))).toMatchObject({ state: 'done' });
    expect(at.stripe.log.executed('POST /v1/refunds')).toBe(1);
  });

  test('pitfall 16: a stored 500 is repeated by Stripe for a day, and the refund is found all the same', async () => {
    const { providerId } = await at.paid('card');
    at.stripe.quirks.add({ match: 'POST /v1/refunds', action: '500-stored' });
    expect((await refund(providerId)).kind).toBe('unknown');
    expect(valueOf(await refund(providerId, '5.00', { attempt: 2 }))).toMatchObject({ state: 'done' });
    expect(at.stripe.refundsOf(at.stripe.session(providerId).payment_intent ?? '')).toHaveLength(1);
  });

  test('a reason that Stripe does not have is kept in its metadata', async () => {
    const { providerId, intent } = await at.paid('card');
    valueOf(await refund(providerId, '5.00', { reason: 'The event was cancelled' }));
    expect(at.stripe.refundsOf(intent)).toMatchObject([
      { reason: 'requested_by_customer', metadata: { refund_id: 'ref_1', payment_id: 'pay_01', reason: 'The event was cancelled' } },
    ]);
  });
});

describe('money that a bank takes back', () => {
  test('pitfall 7: a debit that came may be disputed for months; it is lost at once, and says why', async () => {
    const { providerId, intent } = await at.paid('sepa_debit');
    at.stripe.settle(intent, 'succeeded');
    expect((await at.fetched(providerId)).provisionalUntil).toBeGreaterThan(at.stripe.clock.now() + 55 * DAY);
    await at.stripe.advance(300 * DAY);
    const { id } = at.stripe.moneyBack.dispute(intent, 'lost', { reason: 'debit_not_authorized' });
    const facts = await at.fetched(providerId);
    expect(facts).toMatchObject({
      providerState: 'succeeded',
      captured: 1250,
      chargedBack: 1250,
      disputes: [{ providerId: id, state: 'lost', amount: 1250, reason: 'debit_not_authorized' }],
      failure: { reason: 'mandate-revoked', retryable: false },
    });
    expect(facts).not.toHaveProperty('ended');
  });

  test('pitfall 8: a debit that succeeded and failed after that is money that came and went', async () => {
    const { providerId, intent } = await at.paid('sepa_debit');
    at.stripe.settle(intent, 'succeeded');
    at.stripe.book.failLater(intent, 'insufficient_funds');
    const facts = await at.fetched(providerId);
    expect(facts).toMatchObject({
      captured: 1250,
      chargedBack: 1250,
      disputes: [{ state: 'lost', amount: 1250, reason: 'insufficient_funds' }],
      failure: { reason: 'insufficient-funds', retryable: true },
    });
    expect(facts).not.toHaveProperty('ended');
  });

  test('pitfall 9: a dispute that is won gives the money back', async () => {
    const { providerId, intent } = await at.paid('card');
    const { id, evidence_details: evidence } = at.stripe.dispute(intent);
    expect(await at.fetched(providerId)).toMatchObject({
      chargedBack: 1250,
      disputes: [{ providerId: id, state: 'opened', amount: 1250, reason: 'fraudulent', respondBy: (evidence.due_by ?? 0) * 1000 }],
    });
    at.stripe.dispute(intent, 'won');
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, chargedBack: 0, disputes: [{ providerId: id, state: 'won' }] });
  });

  test.each([
    ['warning_needs_response', 'inquiry', 0],
    ['warning_under_review', 'inquiry', 0],
    ['warning_closed', 'won', 0],
    ['needs_response', 'opened', 1250],
    ['under_review', 'opened', 1250],
    ['appeal_needs_response', 'opened', 1250],
    ['appeal_under_review', 'opened', 1250],
    ['lost', 'lost', 1250],
    ['won', 'won', 0],
    ['prevented', 'won', 0],
    ['reconsidered_by_oracle', 'inquiry', 0],
  ])('a dispute that is %s is %s and takes back %i', async (status, state, chargedBack) => {
    const { providerId, intent } = await at.paid('card');
    at.stripe.dispute(intent, status);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, chargedBack, disputes: [{ state }] });
  });

  test('pitfall 11: a dispute in another currency is over what was not refunded', async () => {
    const { providerId, intent } = await at.paid('card');
    at.stripe.refund(intent, 250);
    at.stripe.moneyBack.dispute(intent, 'needs_response', { amount: 9_999, currency: 'usd' });
    expect(await at.fetched(providerId)).toMatchObject({ chargedBack: 1000 });
  });
});

test('pitfall 29: what was held and not taken in seven days is gone', async () => {
  const { providerId } = await at.paid('card', { capture: 'manual' });
  expect((await at.fetched(providerId)).captureBefore).toBeGreaterThan(at.stripe.clock.now() + 6 * DAY);
  await at.stripe.advance(8 * DAY);
  expect(await at.fetched(providerId)).toMatchObject({ ended: 'expired', authorized: 1250, voided: 1250, captured: 0 });
});

test('pitfall 16: a capture whose answer was lost, and whose key is forgotten, is success', async () => {
  const { providerId } = await at.paid('card', { capture: 'manual' });
  const capture = (attempt: number) =>
    payments.capture!(at.context({ idempotencyKey: 'c', attempt }), { providerId, amount: euros('10.00') });
  at.stripe.quirks.add({ match: '/capture', action: 'truncated' });
  expect((await capture(1)).kind).toBe('unknown');
  await at.stripe.advance(2 * DAY);
  expect(valueOf(await capture(2))).toMatchObject({ captured: 1000, voided: 250 });
  expect(at.stripe.log.executed('POST /v1/payment_intents/:id/capture')).toBe(1);
});
