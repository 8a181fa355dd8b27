/** Providers that take no money by themselves, with their real plugins in front of their servers on this machine. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Context, Plugin } from '@kassaflow/plugin-sdk';
import paypal from '../../plugins/paypal/src/plugin.ts';
import vippsMobilepay from '../../plugins/vipps-mobilepay/src/plugin.ts';
import { CheckOpenPayments } from '../../src/domain/payments/check-open-payments.ts';
import { WatchCaptures } from '../../src/domain/payments/captures/watch-captures.ts';
import { startPaypalServer, type PaypalServer } from '../providers/paypal-server.ts';
import { pluginContext } from '../providers/plugin-context.ts';
import { startVippsServer, type VippsServer } from '../providers/vipps-server.ts';
import { domainApp, type DomainApp } from '../support/domain-app.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let http: DomainApp;
let atVipps: VippsServer;
let atPaypal: PaypalServer;
beforeAll(async () => {
  http = await domainApp();
  atVipps = await startVippsServer({ frozen: true, startAt: http.clock.now().getTime() });
  atPaypal = await startPaypalServer();
  atPaypal.webhooks.posts = false;
  atPaypal.clock.advance(http.clock.now().getTime() - atPaypal.clock.now());
});
afterAll(async () => {
  await http.close();
  await Promise.all([atVipps.close(), atPaypal.close()]);
});

const use = (plugin: Plugin, server: string, settings: object) => {
  http.provider.plugin = {
    plugin,
    contextOf: ({ idempotencyKey, attempt }): Context =>
      pluginContext({ server, settings, idempotencyKey, attempt, now: () => http.clock.now() }),
  };
};
const useVipps = () => use(vippsMobilepay, atVipps.url, atVipps.settings);
const usePaypal = () => use(paypal, atPaypal.url, { clientId: atPaypal.clientId, clientSecret: atPaypal.clientSecret });
const pass = async (ms: number) => {
  http.clock.advance(ms);
  await atVipps.clock.advance(ms);
  atPaypal.clock.advance(ms);
};
const pay = async (currency: string, more: object = {}) => {
  const wish = { amount: { amount: '125.00', currency }, description: 'Coffee', returnUrl: 'https://shop.example/back', ...more };
  const { body } = await http.send('POST', '/v1/payments', wish);
  return { id: String(body['id']), providerId: String(body['providerId']) };
};
const look = (id: string) => http.send('GET', `/v1/payments/${id}`).then(({ body }) => body);
/** A webhook came: the payment is looked at. */
const hear = async (id: string) => {
  await pass(1_000);
  await http.send('POST', `/v1/payments/${id}/refresh`);
};
const eventsOf = async (id: string) =>
  (await http.db.ownerPool.query<{ type: string }>('select type from event where subject = $1 order by seq', [`payment/${id}`])).rows.map(
    ({ type }) => type,
  );
const sequence = ['payment.created', 'payment.authorized', 'payment.completed'];

describe('Vipps MobilePay', () => {
  test('is captured automatically when asked, once', async () => {
    useVipps();
    const { id, providerId } = await pay('DKK');
    atVipps.payments.approve(providerId);
    await Promise.all([hear(id), hear(id), hear(id)]);
    await hear(id);
    expect(await look(id)).toMatchObject({ status: 'completed', captured: { amount: '125.00' } });
    expect(atVipps.payments.get(providerId)).toMatchObject({ captured: 12_500 });
    expect((await eventsOf(id)).filter((type) => sequence.includes(type) || type.startsWith('payment.capture'))).toEqual(sequence);
  });

  test('pitfall 29: money that waits for a person is told of two days before its fourteen days end', async () => {
    useVipps();
    const { id, providerId } = await pay('DKK', { capture: 'manual' });
    atVipps.payments.approve(providerId);
    await hear(id);
    const { status, captureBefore } = await look(id);
    expect([status, Math.round((Date.parse(String(captureBefore)) - http.clock.now().getTime()) / DAY)]).toEqual(['authorized', 14]);
    await pass(11 * DAY);
    expect(await http.app.get(WatchCaptures).watchDue()).toBe(0);
    await pass(1 * DAY + HOUR);
    await http.app.get(WatchCaptures).watchDue();
    expect((await eventsOf(id)).at(-1)).toBe('payment.capture-due');
    const captured = await http.send('POST', `/v1/payments/${id}/capture`, {});
    expect(captured).toMatchObject({ status: 200, body: { status: 'completed', captureBefore: '' } });
  });
});

describe('PayPal', () => {
  test('an approved order is captured in its three hours, also when its webhook is lost', async () => {
    usePaypal();
    const { id, providerId } = await pay('EUR');
    atPaypal.orders.approve(providerId);
    await pass(MINUTE);
    await http.app.get(CheckOpenPayments).checkDue();
    expect(await look(id)).toMatchObject({ status: 'completed', captured: { amount: '125.00' } });
    expect(atPaypal.orders.order(providerId).captures).toHaveLength(1);
  });

  test('one that cannot be captured for hours is told of half-way, and when it is over', async () => {
    usePaypal();
    const { id, providerId } = await pay('EUR');
    atPaypal.orders.approve(providerId);
    atPaypal.faults.add({ match: 'POST /v2/checkout/orders/', action: '500-before', times: 1_000 });
    await hear(id);
    expect((await look(id))['status']).toBe('authorized');
    await pass(1.6 * HOUR);
    await http.app.get(WatchCaptures).watchDue();
    expect((await eventsOf(id)).at(-1)).toBe('payment.capture-due');
    await pass(2 * HOUR);
    await http.app.get(WatchCaptures).watchDue();
    atPaypal.faults.clear();
    expect(await eventsOf(id)).toContain('payment.authorization-expired');
    expect((await look(id))['status']).not.toBe('completed');
  });

  test('pitfall 29: a hold is shown with its 29 days', async () => {
    usePaypal();
    const { id, providerId } = await pay('EUR', { capture: 'manual' });
    atPaypal.orders.approve(providerId);
    await hear(id);
    const { status, captureBefore } = await look(id);
    expect([status, Math.round((Date.parse(String(captureBefore)) - http.clock.now().getTime()) / DAY)]).toEqual(['authorized', 29]);
  });
});
