import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import { capture, contextOf, create, fetched, ORDER, paid, valueOf } from './local-paypal.ts';

const HOUR_MS = 3_600_000;

let paypal: PaypalServer;
beforeEach(async () => {
  paypal = await startPaypalServer();
});
afterEach(() => paypal.close());

describe('a checkout', () => {
  test('leads the payer to PayPal’s page, with our id, amount, texts and addresses', async () => {
    const created = await create(paypal, {
      cancelUrl: 'https://shop.example/back',
      description: 'Twee\nregels 🎈',
      customer: { reference: 'c1', email: 'payer@example.com', locale: 'nb-NO' },
    });
    const order = paypal.orders.order(created.providerId);
    expect(created.next).toEqual({ kind: 'redirect', url: `${paypal.url}/checkoutnow?token=${order.id}` });
    expect(created.facts).toMatchObject({
      started: false,
      captured: 0,
      authorized: 0,
      currency: 'EUR',
      providerState: 'PAYER_ACTION_REQUIRED',
    });
    expect(order).toMatchObject({
      intent: 'CAPTURE',
      customId: 'pay_01',
      invoiceId: 'pay_01',
      description: 'Twee regels 🎈',
      amount: { currency_code: 'EUR', value: '12.50' },
      returnUrl: 'https://shop.example/return',
      cancelUrl: 'https://shop.example/back',
    });
  });

  test('a long description is cut between characters, not within one', async () => {
    const { providerId } = await create(paypal, { description: `${'x'.repeat(126)}🎈` });
    expect(paypal.orders.order(providerId).description).toBe('x'.repeat(126));
  });

  test('on our own page PayPal’s buttons get the order and the client id', async () => {
    const { next, providerId } = await create(paypal, { flow: 'hosted-fields' });
    expect(next).toEqual({ kind: 'hosted-fields', clientSecret: providerId, publishableKey: paypal.clientId });
  });

  test('approval moves no money: it is ours for the taking for three hours', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    const facts = await fetched(paypal, providerId);
    expect(facts).toMatchObject({ providerState: 'APPROVED', started: true, authorized: 1250, voided: 0, captured: 0 });
    expect(facts.captureBefore).toBeGreaterThan(paypal.clock.now() + 3 * HOUR_MS - 10_000);
    expect(plugin.payments?.traits).toEqual({ capturesByRequest: true, findsByReport: true });
    expect(valueOf(await capture(paypal, providerId))).toMatchObject({ captured: 1250, authorized: 1250, method: 'paypal', fee: 70 });
  });

  test('the person’s page approves and sends back to the return address', async () => {
    const { providerId, next } = await create(paypal);
    const url = next.kind === 'redirect' ? next.url : '';
    const answer = await fetch(`${url}&do=approve`, { method: 'POST', redirect: 'manual' });
    expect(answer.headers.get('location')).toBe(`https://shop.example/return?token=${providerId}&PayerID=BUYER12345678`);
    expect(await fetched(paypal, providerId)).toMatchObject({ authorized: 1250 });
  });

  test('pitfall 26: coming back without approval proves nothing', async () => {
    const { providerId, next } = await create(paypal);
    await fetch(`${next.kind === 'redirect' ? next.url : ''}&do=cancel`, { method: 'POST', redirect: 'manual' });
    expect(await fetched(paypal, providerId)).toMatchObject({ started: false, captured: 0 });
    expect(await capture(paypal, providerId)).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'ORDER_NOT_APPROVED' });
  });

  test('a capture under review is no money until it arrives', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.orders.next({ status: 'PENDING', reason: 'ECHECK' });
    const facts = valueOf(await capture(paypal, providerId));
    expect(facts).toMatchObject({ captured: 0, authorized: 0, started: true, providerState: 'COMPLETED, capture PENDING (ECHECK)' });
    expect(facts).not.toHaveProperty('ended');
    paypal.orders.settle(paypal.orders.order(providerId).captures[0]!.id, 'COMPLETED');
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 1250, fee: 70 });
  });

  test('a capture that bounces ends as failed', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.orders.next({ status: 'PENDING', reason: 'ECHECK' });
    valueOf(await capture(paypal, providerId));
    paypal.orders.settle(paypal.orders.order(providerId).captures[0]!.id, 'DECLINED');
    expect(await fetched(paypal, providerId)).toMatchObject({
      ended: 'failed',
      captured: 0,
      failure: { reason: 'insufficient-funds', retryable: true, providerCode: 'ECHECK' },
    });
  });

  test('an order that nobody approves expires, and one that PayPal forgot is missing', async () => {
    const { providerId } = await create(paypal);
    paypal.clock.advance(5.9 * HOUR_MS);
    expect(await fetched(paypal, providerId)).not.toHaveProperty('ended');
    paypal.clock.advance(0.2 * HOUR_MS);
    expect(await fetched(paypal, providerId)).toMatchObject({ ended: 'expired', captured: 0 });
    paypal.clock.advance(72 * HOUR_MS);
    expect(await payments.fetch(contextOf(paypal), { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'INVALID_RESOURCE_ID',
    });
  });

  test('pitfall 29: an approval that was not captured in time expires', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.clock.advance(3.1 * HOUR_MS);
    expect(await fetched(paypal, providerId)).toMatchObject({ ended: 'expired', authorized: 1250, voided: 1250 });
    expect((await capture(paypal, providerId)).kind).toBe('failed');
  });

  test('pitfall 27: cancelling an open order marks it at PayPal, and it is never captured even if the payer approves', async () => {
    const { providerId } = await create(paypal);
    expect(valueOf(await payments.cancel!(contextOf(paypal), { providerId }))).toMatchObject({ ended: 'cancelled' });
    paypal.orders.approve(providerId);
    expect(await fetched(paypal, providerId)).toMatchObject({ ended: 'cancelled', captured: 0, authorized: 1250, voided: 1250 });
    expect(await capture(paypal, providerId)).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'CANCELLED' });
    expect(paypal.log.executed('POST /v2/checkout/orders/:id/capture')).toBe(0);
  });

  test('money that was taken cannot be cancelled', async () => {
    const { providerId } = await paid(paypal);
    expect(await payments.cancel!(contextOf(paypal), { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'ALREADY_CAPTURED',
    });
  });

  test('an approved order is taken as a whole or not at all', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    expect(await capture(paypal, providerId, '10.00')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
  });

  test.each([
    [{ flow: 'push' as const }, 'flow'],
    [{ methods: ['ideal'] }, 'methods'],
    [{ reference: 'x'.repeat(118) }, 'reference'],
    [{ amount: { amount: '123.50', currency: 'HUF' } }, 'amount'],
    [{ amount: { amount: '1.234', currency: 'KWD' } }, 'amount'],
  ])('what PayPal cannot do is refused before anything is sent: %j', async (more, field) => {
    expect(await payments.create(contextOf(paypal), { ...ORDER, ...more })).toMatchObject({ kind: 'failed', reason: 'input', field });
    expect(paypal.log.executed('POST /v2/checkout/orders')).toBe(0);
  });

  test.each([
    ['500', 'JPY', '500', 500],
    ['123.00', 'HUF', '123', 12_300],
    ['100.00', 'TWD', '100', 10_000],
  ])('%s %s is paid exactly', async (amount, currency, value, minor) => {
    const { providerId } = await paid(paypal, { amount: { amount, currency } });
    expect(paypal.orders.order(providerId).amount.value).toBe(value);
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: minor, currency });
  });

  test('methods are PayPal’s own wallet, for amounts that it takes', async () => {
    const ask = async (amount: string, currency: string) =>
      valueOf(await payments.methods!(contextOf(paypal), { amount: { amount, currency } }));
    expect(await ask('12.50', 'EUR')).toEqual([{ id: 'paypal', title: 'PayPal', flows: ['redirect', 'hosted-fields'], saves: true }]);
    expect(await ask('123.50', 'HUF')).toEqual([]);
    expect(await ask('100', 'ISK')).toEqual([]);
  });
});

describe('holds', () => {
  async function held(): Promise<string> {
    const { providerId } = await create(paypal, { capture: 'manual' });
    paypal.orders.approve(providerId);
    return providerId;
  }

  test('looking at an approved order holds its money, once, for 29 days', async () => {
    const providerId = await held();
    const all = await Promise.all([fetched(paypal, providerId), fetched(paypal, providerId), fetched(paypal, providerId)]);
    for (const facts of all) expect(facts).toMatchObject({ authorized: 1250, captured: 0, voided: 0 });
    expect(paypal.log.executed('POST /v2/checkout/orders/:id/authorize')).toBe(1);
    expect(all[0].captureBefore).toBeGreaterThan(paypal.clock.now() + 28.9 * 24 * HOUR_MS);
  });

  test('is taken in parts; the rest is given free by cancelling', async () => {
    const providerId = await held();
    await fetched(paypal, providerId);
    expect(valueOf(await capture(paypal, providerId, '10.00', 'k1'))).toMatchObject({ authorized: 1250, captured: 1000, voided: 0 });
    expect(valueOf(await capture(paypal, providerId, '1.00', 'k2'))).toMatchObject({ captured: 1100 });
    expect(valueOf(await payments.cancel!(contextOf(paypal), { providerId }))).toMatchObject({ captured: 1100, voided: 150 });
  });

  test('cancelling gives all of it free', async () => {
    const providerId = await held();
    await fetched(paypal, providerId);
    expect(valueOf(await payments.cancel!(contextOf(paypal), { providerId }))).toMatchObject({
      authorized: 1250,
      voided: 1250,
      ended: 'cancelled',
    });
  });

  test('pitfall 29: after 29 days it is expired and nothing can be taken', async () => {
    const providerId = await held();
    await fetched(paypal, providerId);
    paypal.clock.advance(28 * 24 * HOUR_MS);
    expect(await fetched(paypal, providerId)).not.toHaveProperty('ended');
    paypal.clock.advance(2 * 24 * HOUR_MS);
    expect(await fetched(paypal, providerId)).toMatchObject({ ended: 'expired', voided: 1250 });
    expect(await capture(paypal, providerId)).toMatchObject({ kind: 'failed', code: 'AUTHORIZATION_EXPIRED' });
  });

  test('more than what is held is refused', async () => {
    const providerId = await held();
    expect(await capture(paypal, providerId, '12.51')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
  });

  test('a no to the hold is told as the payment’s failure, and the payer may try again', async () => {
    const providerId = await held();
    paypal.orders.next({ issue: 'INSTRUMENT_DECLINED' });
    const facts = await fetched(paypal, providerId);
    expect(facts).toMatchObject({
      authorized: 0,
      failure: { reason: 'card-declined', retryable: true, providerCode: 'INSTRUMENT_DECLINED' },
    });
    expect(facts).not.toHaveProperty('ended');
  });

  test('the same part under one key is taken once, also when PayPal has forgotten the key', async () => {
    const providerId = await held();
    valueOf(await capture(paypal, providerId, '5.00', 'k1'));
    paypal.clock.advance(10 * HOUR_MS);
    expect(valueOf(await capture(paypal, providerId, '5.00', 'k1'))).toMatchObject({ captured: 500 });
    expect(paypal.log.executed('POST /v2/payments/authorizations/:id/capture')).toBe(1);
  });
});

describe('refunds', () => {
  const refund = (providerId: string, amount: string, reference = 'ref_1', currency = 'EUR') =>
    payments.refund!(contextOf(paypal, { idempotencyKey: `${reference}:1` }), {
      providerId,
      reference,
      amount: { amount, currency },
      reason: 'Sorry',
    });

  test('in parts, each once under its key', async () => {
    const { providerId } = await paid(paypal);
    const first = await refund(providerId, '5.00');
    expect(valueOf(first)).toMatchObject({ state: 'done' });
    expect(await refund(providerId, '5.00')).toEqual(first);
    expect(paypal.log.executed('POST /v2/payments/captures/:id/refund')).toBe(1);
    valueOf(await refund(providerId, '7.50', 'ref_2'));
    expect(await fetched(paypal, providerId)).toMatchObject({
      captured: 1250,
      refunded: 1250,
      refunds: [
        { reference: 'ref_1', amount: 500, state: 'done' },
        { reference: 'ref_2', amount: 750, state: 'done' },
      ],
    });
  });

  test('more than what is left is refused before it is sent', async () => {
    const { providerId } = await paid(paypal);
    expect(await refund(providerId, '12.51')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
    expect(paypal.log.all().some(({ operation }) => operation.endsWith('/refund'))).toBe(false);
  });

  test('before any money was taken there is nothing to refund', async () => {
    const { providerId } = await create(paypal);
    expect(await refund(providerId, '1.00')).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'NOT_PAID' });
  });

  test('pitfall 5: one made in PayPal’s dashboard counts and has no id of ours', async () => {
    const { providerId, captureId } = await paid(paypal);
    paypal.orders.dashboardRefund(captureId, '2.50');
    const facts = await fetched(paypal, providerId);
    expect(facts).toMatchObject({ refunded: 250, refunds: [{ amount: 250, state: 'done' }] });
    expect(facts.refunds?.[0]).not.toHaveProperty('reference');
  });

  test('pitfall 6: one that is accepted is not done, and can still fail', async () => {
    const { providerId } = await paid(paypal);
    const { providerId: refundId } = valueOf(await refund(providerId, '5.00'));
    paypal.orders.setRefund(refundId, 'PENDING');
    expect(await fetched(paypal, providerId)).toMatchObject({ refunded: 0, refundPending: 500 });
    paypal.orders.setRefund(refundId, 'FAILED');
    expect(await fetched(paypal, providerId)).toMatchObject({
      refunded: 0,
      refundPending: 0,
      refunds: [{ state: 'failed', failure: 'ECHECK' }],
    });
  });

  test('pitfall 16: a lost answer, and a key forgotten after 45 days: the refund is found by our id', async () => {
    const { providerId } = await paid(paypal);
    paypal.faults.add({ match: '/refund', action: 'reset-after' });
    expect((await refund(providerId, '10.00')).kind).toBe('unknown');
    paypal.clock.advance(46 * 24 * HOUR_MS);
    expect(valueOf(await refund(providerId, '10.00'))).toMatchObject({ state: 'done' });
    expect(paypal.log.executed('POST /v2/payments/captures/:id/refund')).toBe(1);
  });

  test('after half a year PayPal refuses', async () => {
    const { providerId } = await paid(paypal);
    paypal.clock.advance(181 * 24 * HOUR_MS);
    expect(await refund(providerId, '5.00')).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'REFUND_TIME_LIMIT_EXCEEDED' });
  });

  test('of a payment that was taken in parts fits into one part', async () => {
    const { providerId } = await create(paypal, { capture: 'manual' });
    paypal.orders.approve(providerId);
    valueOf(await capture(paypal, providerId, '5.00', 'k1'));
    valueOf(await capture(paypal, providerId, '7.50', 'k2'));
    expect(valueOf(await refund(providerId, '7.00', 'ref_1'))).toMatchObject({ state: 'done' });
    expect(await refund(providerId, '5.50', 'ref_2')).toMatchObject({ kind: 'failed', code: 'REFUND_OVER_SEVERAL_CAPTURES' });
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 1250, refunded: 700 });
  });
});

describe('disputes', () => {
  test.each([
    ['RESOLVED_BUYER_FAVOUR', 'lost', 1250],
    ['ACCEPTED', 'lost', 1250],
    ['RESOLVED_SELLER_FAVOUR', 'won', 0],
    ['RESOLVED_WITH_PAYOUT', 'won', 0],
    ['CANCELED_BY_BUYER', 'won', 0],
    ['SOMETHING_NEW', 'opened', 1250],
  ])('pitfall 9: one that ended %s is %s', async (outcome, state, chargedBack) => {
    const { providerId, captureId } = await paid(paypal);
    const dispute = paypal.disputes.open(captureId);
    expect(await fetched(paypal, providerId)).toMatchObject({
      chargedBack: 1250,
      disputes: [{ providerId: dispute.dispute_id, state: 'opened', reason: 'UNAUTHORISED' }],
    });
    paypal.disputes.resolve(dispute.dispute_id, outcome);
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 1250, chargedBack, disputes: [{ state, amount: 1250 }] });
  });

  test('an inquiry moves no money until it is escalated; it can be over a part', async () => {
    const { providerId, captureId } = await paid(paypal);
    const { dispute_id: id } = paypal.disputes.open(captureId, { stage: 'INQUIRY', value: '4.00' });
    const facts = await fetched(paypal, providerId);
    expect(facts).toMatchObject({ chargedBack: 0, disputes: [{ state: 'inquiry', amount: 400 }] });
    expect(facts.disputes?.[0]?.respondBy).toBeGreaterThan(paypal.clock.now());
    paypal.disputes.escalate(id);
    expect(await fetched(paypal, providerId)).toMatchObject({ chargedBack: 400 });
  });

  test('never takes back more than refunds have left', async () => {
    const { providerId, captureId } = await paid(paypal);
    paypal.orders.dashboardRefund(captureId, '10.00');
    paypal.disputes.open(captureId);
    expect(await fetched(paypal, providerId)).toMatchObject({ refunded: 1000, chargedBack: 250 });
  });

  test('pitfall 7: a reversal without a dispute is a chargeback', async () => {
    const { providerId, captureId } = await paid(paypal);
    paypal.orders.reverse(captureId);
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 1250, chargedBack: 1250 });
  });
});

describe('what PayPal tells counts', () => {
  test('pitfall 11: another amount than was asked for is told as it was taken', async () => {
    const { providerId, captureId } = await paid(paypal);
    Object.assign(paypal.orders.captureOf(captureId).capture, { amount: { currency_code: 'EUR', value: '11.00' } });
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 1100 });
  });

  test('pitfall 11: a fee in another currency than the payment’s is not told with it', async () => {
    const { providerId, captureId } = await paid(paypal);
    const { capture: taken } = paypal.orders.captureOf(captureId);
    const { gross_amount, net_amount } = taken.seller_receivable_breakdown!;
    taken.seller_receivable_breakdown = { gross_amount, net_amount, paypal_fee: { currency_code: 'USD', value: '0.80' } };
    expect(await fetched(paypal, providerId)).not.toHaveProperty('fee');
  });

  test('pitfall 12: an amount that cannot be read makes no facts', async () => {
    const { providerId, captureId } = await paid(paypal);
    Object.assign(paypal.orders.captureOf(captureId).capture, { amount: { currency_code: 'EUR', value: 'a lot' } });
    expect(await payments.fetch(contextOf(paypal), { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test('pitfall 4: facts are dated by when they were asked for, not by when the answer came', async () => {
    const { providerId } = await create(paypal);
    const before = paypal.clock.now();
    paypal.faults.add({ match: 'GET /v2/checkout', action: 'delay', delayMs: 300 });
    const { fetchStartedAt } = await fetched(paypal, providerId);
    expect(fetchStartedAt).toBeGreaterThanOrEqual(before);
    expect(paypal.clock.now() - fetchStartedAt).toBeGreaterThanOrEqual(290);
  });
});

describe('pitfall 30: words that PayPal did not have yet', () => {
  test('are kept, change nothing and are logged', async () => {
    const { providerId, captureId } = await paid(paypal);
    paypal.orders.captureOf(captureId).capture.status = 'MATURED';
    paypal.orders.order(providerId).status = 'ENLIGHTENED';
    const context = contextOf(paypal);
    const facts = valueOf(await payments.fetch(context, { providerId }));
    expect(facts).toMatchObject({ providerState: 'ENLIGHTENED, capture MATURED', captured: 1250 });
    expect(context.logged.join()).toContain('order ENLIGHTENED, capture MATURED');
  });

  test('a capture with a new word and without money is no money', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.orders.next({ status: 'PENDING', reason: 'ECHECK' });
    await capture(paypal, providerId);
    paypal.orders.order(providerId).captures[0]!.status = 'PONDERING';
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 0, started: true });
  });
});
