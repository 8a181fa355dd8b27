import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PluginContext } from '../../../test/providers/plugin-context.ts';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { DECLINE_REASONS } from '@kassaflow/plugin-sdk';
import { CAPTURE_REASONS, REFUSALS } from '../src/declines.ts';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import type { Settings } from '../src/settings.ts';
import { capture, contextOf, create, fetched, ORDER, paid, valueOf } from './local-paypal.ts';

const HOUR_MS = 3_600_000;
const ORDERS = 'POST /v2/checkout/orders';

let paypal: PaypalServer;
beforeEach(async () => {
  paypal = await startPaypalServer();
});
afterEach(() => paypal.close());

/** An address at which nobody listens any more. */
async function closedServer(): Promise<string> {
  const server = await startPaypalServer();
  const { url } = server;
  await server.close();
  return url;
}

/** Every `paypal-request-id` that was sent with an operation. */
function keysOf(operation: string): readonly string[] {
  return paypal.log.all().flatMap((line) => (line.operation === operation ? line.idempotencyKey : []));
}

describe('when the answer gets lost', () => {
  test.each(['500-after', 'reset-after'] as const)('%s is unknown, and the same key finds the same order', async (action) => {
    paypal.faults.add({ match: ORDERS, action });
    expect((await payments.create(contextOf(paypal, { idempotencyKey: 'pay_01:create:1' }), ORDER)).kind).toBe('unknown');
    const again = await create(paypal);
    expect(paypal.log.executed(ORDERS)).toBe(1);
    expect(again.next).toMatchObject({ kind: 'redirect' });
    expect(keysOf(ORDERS)).toEqual(['pay_01:create:1', 'pay_01:create:1']);
  });

  test('a 500 before the effect is unknown too, and the repeat makes the order', async () => {
    paypal.faults.add({ match: ORDERS, action: '500-before' });
    expect((await payments.create(contextOf(paypal, { idempotencyKey: 'pay_01:create:1' }), ORDER)).kind).toBe('unknown');
    await create(paypal);
    expect(paypal.log.executed(ORDERS)).toBe(1);
  });

  test.each(['html', 'truncate'] as const)('an answer that is %s is unknown', async (action) => {
    paypal.addFault({ match: ORDERS, action });
    expect((await payments.create(contextOf(paypal), ORDER)).kind).toBe('unknown');
    expect(paypal.log.executed(ORDERS)).toBe(1);
  });

  test('a call that is aborted while PayPal hangs is unknown', async () => {
    await create(paypal, { reference: 'pay_warm' });
    paypal.addFault({ match: ORDERS, action: 'hang' });
    const outcome = await payments.create(contextOf(paypal, { signal: AbortSignal.timeout(200), idempotencyKey: 'k' }), ORDER);
    expect(outcome.kind).toBe('unknown');
  });

  test('pitfall 16: a capture whose answer got lost is success when it is asked for again', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.faults.add({ match: '/capture', action: 'reset-after' });
    expect((await capture(paypal, providerId)).kind).toBe('unknown');
    paypal.clock.advance(7 * HOUR_MS);
    expect(valueOf(await capture(paypal, providerId))).toMatchObject({ captured: 1250 });
    expect(paypal.log.executed('POST /v2/checkout/orders/:id/capture')).toBe(1);
  });

  test('a capture that was made and cannot be looked at is unknown, never failed', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.faults.add({ match: 'GET /v1/customer/disputes', action: '500-before' });
    expect((await capture(paypal, providerId)).kind).toBe('unknown');
  });

  test('“still busy with it” is unknown', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.addFault({ match: '/capture', action: 'busy' });
    expect((await capture(paypal, providerId)).kind).toBe('unknown');
  });

  test('a read that breaks is only temporary', async () => {
    const { providerId } = await create(paypal);
    paypal.faults.add({ match: 'GET', action: 'drop' });
    expect(await payments.fetch(contextOf(paypal), { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
    paypal.addFault({ match: 'GET', action: 'html' });
    expect(await payments.fetch(contextOf(paypal), { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test('a refused connection surely did nothing', async () => {
    expect(await payments.create(contextOf(paypal, { server: await closedServer() }), ORDER)).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
    });
  });

  test('a host that the gateway does not allow is permanent', async () => {
    const context: PluginContext<Settings> = {
      ...contextOf(paypal),
      fetch: () => Promise.reject(Object.assign(new Error('no'), { code: 'EGRESS_REFUSED' })),
    };
    expect(await payments.create(context, ORDER)).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'EGRESS_REFUSED' });
  });
});

describe('one key', () => {
  test('ten at once make one order', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => create(paypal)));
    expect(new Set(all.map(({ providerId }) => providerId)).size).toBe(1);
    expect(paypal.log.executed(ORDERS)).toBe(1);
  });

  test('pitfall 17: every write carries our key, once, and nothing is sent twice by itself', async () => {
    await paid(paypal);
    const writes = paypal.log.all().filter(({ operation }) => operation.startsWith('POST /v2'));
    expect(writes.map(({ operation, idempotencyKey }) => [operation, idempotencyKey])).toEqual([
      [ORDERS, 'pay_01:create:1'],
      ['POST /v2/checkout/orders/:id/capture', 'pay_01:capture:1'],
    ]);
  });

  test('pitfall 13: the body follows from the request alone', async () => {
    await create(paypal);
    const other = await payments.create(
      contextOf(paypal, { idempotencyKey: 'pay_01:create:1', attempt: 2, settings: { orderHours: 72 } }),
      ORDER,
    );
    expect(other.kind).toBe('ok');
    const changed = await payments.create(contextOf(paypal, { idempotencyKey: 'pay_01:create:1' }), {
      ...ORDER,
      amount: { amount: '13.00', currency: 'EUR' },
    });
    expect(changed).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'REQUEST_ID_REUSED' });
  });

  test('a key longer than PayPal takes is sent as its hash, the same each time', async () => {
    const long = 'k'.repeat(300);
    for (let time = 0; time < 2; time += 1) valueOf(await payments.create(contextOf(paypal, { idempotencyKey: long }), ORDER));
    expect(paypal.log.executed(ORDERS)).toBe(1);
    expect(keysOf(ORDERS)[0]).toHaveLength(71);
  });

  test('after six hours PayPal has forgotten it, and still takes money once for one payment', async () => {
    expect(payments.keyTtlMs).toBe(6 * HOUR_MS);
    await paid(paypal);
    paypal.clock.advance(6.1 * HOUR_MS);
    const second = await create(paypal);
    paypal.orders.approve(second.providerId);
    const outcome = await capture(paypal, second.providerId, '12.50', 'pay_01:capture:2');
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'DUPLICATE_INVOICE_ID' });
    expect(paypal.log.executed('POST /v2/checkout/orders/:id/capture')).toBe(1);
  });
});

describe('finding a payment by our id', () => {
  const find = (reference = 'pay_01', notBefore = paypal.clock.now()) => payments.find!(contextOf(paypal), { reference, notBefore });

  test('finds money once PayPal’s report has it, and proves absence only then', async () => {
    const sentAt = paypal.clock.now();
    const { providerId } = await paid(paypal);
    expect(await find('pay_01', sentAt)).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'REPORT_NOT_READY' });
    paypal.clock.advance(3.1 * HOUR_MS);
    expect(valueOf(await find('pay_01', sentAt))).toMatchObject({ providerId, facts: { captured: 1250 }, next: { kind: 'none' } });
    expect(await find('pay_02', sentAt)).toMatchObject({ kind: 'failed', reason: 'temporary' });
    paypal.clock.advance(6 * HOUR_MS);
    expect(await find('pay_02', sentAt)).toEqual({ kind: 'ok', value: undefined, reference: '' });
  });

  test('a refund in the dashboard and a dispute that was won, which repeat our id, are not the payment', async () => {
    const { captureId } = await paid(paypal);
    paypal.clock.advance(30 * 24 * HOUR_MS);
    const sentAt = paypal.clock.now();
    paypal.orders.dashboardRefund(captureId, '1.00');
    paypal.disputes.resolve(paypal.disputes.open(captureId).dispute_id, 'RESOLVED_SELLER_FAVOUR');
    paypal.clock.advance(10 * HOUR_MS);
    expect(await find('pay_01', sentAt)).toEqual({ kind: 'ok', value: undefined, reference: '' });
  });

  test('without the permission it says so and does not pause the connection', async () => {
    const poor = await startPaypalServer({ scope: 'https://uri.paypal.com/services/disputes/read-seller' });
    const outcome = await payments.find!(contextOf(poor), { reference: 'pay_01', notBefore: poor.clock.now() });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'NO_TRANSACTION_SEARCH' });
    await poor.close();
  });
});

describe('refusals', () => {
  test.each([
    ['INSTRUMENT_DECLINED', 'card-declined'],
    ['PAYER_CANNOT_PAY', 'other'],
    ['PAYER_ACCOUNT_RESTRICTED', 'account-closed'],
    ['TRANSACTION_LIMIT_EXCEEDED', 'limit'],
    ['COMPLIANCE_VIOLATION', 'fraud'],
    ['PAYER_ACTION_REQUIRED', 'authentication-failed'],
  ])('%s is declined: %s', async (issue, code) => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.orders.next({ issue });
    expect(await capture(paypal, providerId)).toMatchObject({ kind: 'declined', code });
    expect(await fetched(paypal, providerId)).toMatchObject({ captured: 0, authorized: 1250 });
  });

  test('the table uses our words only', () => {
    const reasons = Object.values(REFUSALS).flatMap((one) => ('declined' in one ? one.declined : []));
    for (const reason of [...reasons, ...Object.values(CAPTURE_REASONS).map(([word]) => word)]) expect(DECLINE_REASONS).toContain(reason);
  });

  test('an issue that nobody knows is permanent, with PayPal’s code and its debug id', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    paypal.orders.next({ issue: 'BRAND_NEW_ISSUE' });
    const outcome = await capture(paypal, providerId);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'BRAND_NEW_ISSUE' });
    expect(outcome).toMatchObject({ message: expect.stringContaining('debug id') });
  });

  test('the sandbox’s mock header is sent in test mode, for its one kind of call', async () => {
    const { providerId } = await create(paypal);
    paypal.orders.approve(providerId);
    const settings = { mockResponse: 'capture:INSTRUMENT_DECLINED' };
    const mocked = contextOf(paypal, { settings, idempotencyKey: 'mocked:create' });
    expect((await payments.create(mocked, { ...ORDER, reference: 'pay_02' })).kind).toBe('ok');
    expect(
      await payments.capture!(contextOf(paypal, { settings, idempotencyKey: 'mocked:capture' }), { providerId, amount: ORDER.amount }),
    ).toMatchObject({
      kind: 'declined',
      code: 'card-declined',
    });
    paypal.isLive = true;
    const live = contextOf(paypal, { settings, mode: 'live', idempotencyKey: 'live' });
    expect((await payments.capture!(live, { providerId, amount: ORDER.amount })).kind).toBe('ok');
  });

  test('429 slows the connection down', async () => {
    paypal.faults.add({ match: ORDERS, action: '429' });
    expect(await payments.create(contextOf(paypal), ORDER)).toMatchObject({ kind: 'failed', reason: 'rate-limited', retryAfterMs: 5_000 });
  });

  test('wrong credentials are a matter of the connection, and are never shown', async () => {
    const context = contextOf(paypal, { settings: { clientSecret: 'wrong-wrong-wrong' } });
    const outcome = await payments.create(context, ORDER);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field: 'clientSecret' });
    expect(JSON.stringify([outcome, context.logged])).not.toContain('wrong-wrong');
  });
});

describe('the token', () => {
  const asked = (): number => paypal.log.executed('POST /v1/oauth2/token');

  test('is asked for once by ten calls at the same time, and kept', async () => {
    await Promise.all(Array.from({ length: 10 }, (_one, index) => create(paypal, { reference: `pay_${index}` })));
    await create(paypal, { reference: 'pay_later' });
    expect(asked()).toBe(1);
  });

  test('is renewed once by ten calls when PayPal ends it early', async () => {
    const { providerId } = await create(paypal);
    paypal.revokeTokens();
    await Promise.all(Array.from({ length: 10 }, () => fetched(paypal, providerId)));
    expect(asked()).toBe(2);
  });

  test('is renewed before its end', async () => {
    const { providerId } = await create(paypal);
    paypal.clock.advance(9 * HOUR_MS - 30_000);
    await payments.fetch(contextOf(paypal), { providerId });
    expect(asked()).toBe(2);
    expect(paypal.log.all().some(({ status }) => status === 401)).toBe(false);
  });

  test('that cannot be had means that nothing was sent', async () => {
    paypal.faults.add({ match: '/v1/oauth2/token', action: '500-after' });
    expect(await payments.create(contextOf(paypal), ORDER)).toMatchObject({ kind: 'failed', reason: 'temporary' });
    expect(paypal.log.executed(ORDERS)).toBe(0);
  });
});

describe('checking a connection', () => {
  test('names the app', async () => {
    expect(await plugin.connection.check(contextOf(paypal))).toEqual({
      ok: true,
      account: 'PayPal app APP-80W284485P519543T',
      mode: 'test',
    });
  });

  test('points at a wrong secret', async () => {
    expect(await plugin.connection.check(contextOf(paypal, { settings: { clientSecret: 'wrong-wrong-wrong' } }))).toMatchObject({
      ok: false,
      field: 'clientSecret',
    });
  });

  test.each(['test', 'live'] as const)('pitfall 25: a %s connection refuses the other’s credentials', async (mode) => {
    paypal.isLive = mode === 'test';
    const result = await plugin.connection.check(contextOf(paypal, { mode }));
    expect(result).toMatchObject({ ok: false, field: 'clientId', message: expect.stringContaining(`This is a ${mode} connection`) });
    expect(await payments.create(contextOf(paypal, { mode }), ORDER)).toMatchObject({ kind: 'failed', reason: 'auth' });
  });

  test('refuses an app that cannot see disputes', async () => {
    const poor = await startPaypalServer({ scope: 'https://uri.paypal.com/services/reporting/search/read' });
    expect(await plugin.connection.check(contextOf(poor))).toMatchObject({
      ok: false,
      message: expect.stringContaining('Customer disputes'),
    });
    await poor.close();
  });

  test('a network that is down is not a wrong secret', async () => {
    const result = await plugin.connection.check(contextOf(paypal, { server: await closedServer() }));
    expect(result).toEqual({ ok: false, message: 'PayPal cannot be reached.' });
  });
});
