import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { startStripeServer, type StripeServer } from '../../../test/providers/stripe-server.ts';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import type { Settings } from '../src/settings.ts';

const ORDER: CreatePayment = {
  reference: 'pay_01',
  amount: { amount: '12.50', currency: 'EUR' },
  description: '100 credits',
  returnUrl: 'https://shop.example/return',
  webhookUrl: 'https://kassaflow.example/webhooks/stripe/con_1',
  methods: ['ideal', 'sepa-debit'],
  capture: 'automatic',
};

let stripe: StripeServer;
beforeEach(async () => {
  stripe = await startStripeServer();
});
afterEach(() => stripe.close());

function context(more: Partial<ContextOptions<Settings>> = {}): PluginContext<Settings> {
  return pluginContext({ server: stripe.url, settings: { secretKey: stripe.apiKey }, ...more });
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

async function create(more: Partial<CreatePayment> = {}): Promise<CreatedPayment> {
  return valueOf(await payments.create(context({ idempotencyKey: `${more.reference ?? 'pay_01'}:create:1` }), { ...ORDER, ...more }));
}

async function fetched(providerId: string): Promise<PaymentFacts> {
  return valueOf(await payments.fetch(context(), { providerId }));
}

describe('a checkout', () => {
  test('leads the customer to Stripe’s page and carries our payment id on session and intent', async () => {
    const created = await create();
    expect(created.next).toEqual({ kind: 'redirect', url: stripe.session(created.providerId).url });
    expect(created.facts).toMatchObject({ started: false, captured: 0, authorized: 0, currency: 'EUR' });
    const session = stripe.session(created.providerId);
    expect(session).toMatchObject({
      client_reference_id: 'pay_01',
      metadata: { payment_id: 'pay_01' },
      allowed_payment_method_types: ['ideal', 'sepa_debit'],
      amount_total: 1250,
    });
    expect(stripe.pay(created.providerId).metadata).toEqual({ payment_id: 'pay_01' });
  });

  test('becomes captured money with method and fee', async () => {
    const { providerId } = await create();
    stripe.pay(providerId, 'ideal');
    expect(await fetched(providerId)).toMatchObject({
      providerState: 'succeeded',
      started: true,
      captured: 1250,
      authorized: 0,
      method: 'ideal',
      fee: 29,
    });
  });

  test('the payment intent’s id is fetched to the same facts', async () => {
    const { providerId } = await create();
    const intent = stripe.pay(providerId);
    const { fetchStartedAt: _a, ...bySession } = await fetched(providerId);
    const { fetchStartedAt: _b, ...byIntent } = await fetched(intent.id);
    expect(byIntent).toEqual(bySession);
  });

  test('a declined attempt tells why and leaves the payment open', async () => {
    const { providerId } = await create();
    stripe.decline(providerId, 'insufficient_funds');
    const facts = await fetched(providerId);
    expect(facts.failure).toEqual({ reason: 'insufficient-funds', providerCode: 'insufficient_funds', retryable: true });
    expect(facts).not.toHaveProperty('ended');
  });

  test('a direct debit is under way, and no money, until it arrives', async () => {
    const { providerId } = await create();
    const intent = stripe.pay(providerId, 'sepa_debit');
    expect(await fetched(providerId)).toMatchObject({ providerState: 'processing', started: true, captured: 0 });
    stripe.settle(intent.id, 'succeeded');
    expect(await fetched(providerId)).toMatchObject({ captured: 1250, method: 'sepa-debit' });
  });

  test('a direct debit that bounces ends as failed', async () => {
    const { providerId } = await create();
    stripe.settle(stripe.pay(providerId, 'sepa_debit').id, 'failed');
    expect(await fetched(providerId)).toMatchObject({ ended: 'failed', captured: 0, failure: { reason: 'insufficient-funds' } });
  });

  test('a session that ran out is expired, and one that we ended is cancelled', async () => {
    const left = await create();
    stripe.expireSession(left.providerId);
    expect(await fetched(left.providerId)).toMatchObject({ ended: 'expired' });

    const ended = await create({ reference: 'pay_02' });
    expect(valueOf(await payments.cancel!(context({ idempotencyKey: 'pay_02:cancel:1' }), { providerId: ended.providerId }))).toMatchObject(
      { ended: 'cancelled' },
    );
    expect(await fetched(ended.providerId)).toMatchObject({ ended: 'cancelled' });
  });

  test.each([
    ['5 minutes', 5, 36],
    ['an hour', 60, 60],
    ['a week', 7 * 1440, 1440],
  ])('that is to end in %s has a page that Stripe takes', async (_what, minutes, lives) => {
    const { providerId } = await create({ expiresAt: Date.now() + minutes * 60_000 });
    const { expires_at: end, created: begin } = stripe.session(providerId);
    expect(Math.abs((end - begin) / 60 - lives)).toBeLessThan(0.2);
  });

  test('that is over already is refused', async () => {
    const outcome = await payments.create(context(), { ...ORDER, expiresAt: Date.now() - 1 });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field: 'expiresAt' });
  });

  test('pitfall 13: an attempt whose body has changed with the time says nothing of the first one', async () => {
    const soon = { ...ORDER, expiresAt: Date.now() + 32 * 60_000 };
    await create(soon);
    const later = context({ idempotencyKey: 'pay_01:create:1', attempt: 2, now: () => new Date(Date.now() + 2 * 60_000) });
    expect((await payments.create(later, soon)).kind).toBe('unknown');
    expect(stripe.sessions()).toHaveLength(1);
  });

  test('pitfall 30: a word for its state that Stripe did not have yet is kept, warned of, and no money', async () => {
    const { providerId } = await create();
    Object.assign(stripe.pay(providerId, 'sepa_debit'), { status: 'awaiting_moonrise' });
    const given = context();
    expect(valueOf(await payments.fetch(given, { providerId }))).toMatchObject({ providerState: 'awaiting_moonrise', captured: 0 });
    expect(given.logged.join()).toContain('awaiting_moonrise');
  });

  test('a payment that is done cannot be cancelled', async () => {
    const { providerId } = await create();
    stripe.pay(providerId);
    expect(await payments.cancel!(context(), { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'already_captured',
    });
  });
});

describe('manual capture', () => {
  test('authorizes, takes a part, and gives the rest free', async () => {
    const { providerId } = await create({ capture: 'manual' });
    stripe.pay(providerId, 'card');
    const authorized = await fetched(providerId);
    expect(authorized).toMatchObject({ authorized: 1250, captured: 0, voided: 0 });
    expect(authorized.captureBefore).toBeGreaterThan(authorized.fetchStartedAt);
    const captured = await payments.capture!(context({ idempotencyKey: 'pay_01:capture:1' }), {
      providerId,
      amount: { amount: '10.00', currency: 'EUR' },
    });
    expect(valueOf(captured)).toMatchObject({ authorized: 1250, captured: 1000, voided: 250 });
  });

  test('cancelling gives all of it free', async () => {
    const { providerId } = await create({ capture: 'manual' });
    stripe.pay(providerId, 'card');
    expect(valueOf(await payments.cancel!(context(), { providerId }))).toMatchObject({
      authorized: 1250,
      voided: 1250,
      captured: 0,
      ended: 'cancelled',
    });
  });
});

describe('refunds and disputes', () => {
  test('a refund is done once under one key, and counted', async () => {
    const { providerId } = await create();
    stripe.pay(providerId);
    const refund = { providerId, reference: 'ref_1', amount: { amount: '5.00', currency: 'EUR' } };
    const first = await payments.refund!(context({ idempotencyKey: 'ref_1:1' }), refund);
    const again = await payments.refund!(context({ idempotencyKey: 'ref_1:1', attempt: 2 }), refund);
    expect(valueOf(first)).toMatchObject({ state: 'done' });
    expect(again).toEqual(first);
    expect(stripe.log.executed('POST /v1/refunds')).toBe(1);
    expect(await fetched(providerId)).toMatchObject({ captured: 1250, refunded: 500, refundPending: 0 });
  });

  test('a refund under way is pending, and one that fails never counts', async () => {
    const { providerId } = await create();
    const intent = stripe.pay(providerId);
    const { id } = stripe.refund(intent.id, 500, { status: 'pending' });
    expect(await fetched(providerId)).toMatchObject({ refunded: 0, refundPending: 500 });
    stripe.finishRefund(id, 'failed');
    expect(await fetched(providerId)).toMatchObject({ refunded: 0, refundPending: 0 });
  });

  test('more than what was paid is refused', async () => {
    const { providerId } = await create();
    stripe.pay(providerId);
    const outcome = await payments.refund!(context(), { providerId, reference: 'ref_1', amount: { amount: '12.51', currency: 'EUR' } });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount', code: 'charge_already_refunded' });
  });

  test.each([
    ['needs_response', 1250],
    ['lost', 1250],
    ['won', 0],
    ['warning_needs_response', 0],
    ['prevented', 0],
  ])('a dispute that is %s takes back %i', async (status, chargedBack) => {
    const { providerId } = await create();
    stripe.dispute(stripe.pay(providerId).id, status);
    expect(await fetched(providerId)).toMatchObject({ captured: 1250, chargedBack });
  });
});

describe('when the answer gets lost', () => {
  // A reset is retried once by the library itself, under the same key.
  test.each([
    ['500-after', 1],
    ['reset-after', 2],
  ] as const)('%s is unknown, and the same key finds the same session', async (action, times) => {
    stripe.faults.add({ match: 'POST /v1/checkout/sessions', action, times });
    const lost = await payments.create(context({ idempotencyKey: 'pay_01:create:1' }), ORDER);
    expect(lost.kind).toBe('unknown');
    const again = await create();
    expect(stripe.log.executed('POST /v1/checkout/sessions')).toBe(1);
    expect(valueOf(await payments.find!(context(), { reference: 'pay_01', notBefore: Date.now() - 60_000 }))?.providerId).toBe(
      again.providerId,
    );
  });

  test('find proves that a payment does not exist', async () => {
    await create({ reference: 'pay_other' });
    expect(await payments.find!(context(), { reference: 'pay_01', notBefore: Date.now() - 60_000 })).toEqual({
      kind: 'ok',
      value: undefined,
      reference: '',
    });
  });

  test('a time-out is unknown', async () => {
    stripe.faults.add({ match: 'POST /v1/checkout/sessions', action: 'delay', delayMs: 10_000 });
    const outcome = await payments.create(context({ signal: AbortSignal.timeout(200) }), ORDER);
    expect(outcome.kind).toBe('unknown');
  });

  test('a refused connection surely did nothing', async () => {
    const outcome = await payments.create(context({ server: 'http://127.0.0.1:9' }), ORDER);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test('a read that breaks is only temporary', async () => {
    stripe.faults.add({ match: 'GET', action: '500-before' });
    expect(await payments.fetch(context(), { providerId: 'cs_test_1' })).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });
});

describe('refusals', () => {
  test('429 slows the connection down', async () => {
    stripe.faults.add({ match: 'POST', action: '429' });
    expect(await payments.create(context(), ORDER)).toMatchObject({ kind: 'failed', reason: 'rate-limited', retryAfterMs: 1000 });
  });

  test('a wrong key is a matter of the connection, and is never shown', async () => {
    const wrong = context({ settings: { secretKey: 'sk_test_wrongwrong' } });
    const outcome = await payments.create(wrong, ORDER);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field: 'secretKey' });
    expect(JSON.stringify([outcome, wrong.logged])).not.toContain('wrongwrong');
  });

  test.each([
    ['sk_live_12345678', 'test'],
    ['sk_test_localserver', 'live'],
  ] as const)('the key %s is refused in %s mode before anything is sent', async (secretKey, mode) => {
    expect(await payments.create(context({ settings: { secretKey }, mode }), ORDER)).toMatchObject({
      kind: 'failed',
      reason: 'auth',
      field: 'secretKey',
    });
    expect(stripe.log.all()).toHaveLength(0);
  });

  test('an amount below Stripe’s minimum points at the amount', async () => {
    expect(await payments.create(context(), { ...ORDER, amount: { amount: '0.49', currency: 'EUR' } })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'amount',
      code: 'amount_too_small',
    });
  });

  test('the same key with another body is never sent on', async () => {
    await create();
    const other = await payments.create(context({ idempotencyKey: 'pay_01:create:1' }), {
      ...ORDER,
      amount: { amount: '13.00', currency: 'EUR' },
    });
    expect(other).toMatchObject({ kind: 'failed', reason: 'permanent' });
    expect(stripe.log.executed('POST /v1/checkout/sessions')).toBe(1);
  });

  test('a payment that does not exist is permanent', async () => {
    expect(await payments.fetch(context(), { providerId: 'cs_test_none' })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'resource_missing',
    });
  });
});

describe('checking a connection', () => {
  test('names the account', async () => {
    expect(await plugin.connection.check(context())).toEqual({ ok: true, account: 'Local shop (acct_1LocalServer)', mode: 'test' });
  });

  test('points at a wrong key', async () => {
    expect(await plugin.connection.check(context({ settings: { secretKey: 'sk_test_wrongwrong' } }))).toMatchObject({
      ok: false,
      field: 'secretKey',
    });
  });
});
