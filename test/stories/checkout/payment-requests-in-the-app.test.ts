/** Payment requests through HTTP, with the real plugin of Vipps MobilePay in front of its server on this machine. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Context } from '@kassaflow/plugin-sdk';
import vippsMobilepay from '../../../plugins/vipps-mobilepay/src/plugin.ts';
import { EndOverdue } from '../../../src/domain/checkout/end-overdue.ts';
import { ResolveAttempts } from '../../../src/domain/payments/resolve-attempts.ts';
import { newUuid } from '../../../src/kernel/ids.ts';
import { ApiKeys } from '../../../src/platform/auth/api-keys.ts';
import { BuiltInActions } from '../../../src/plugin-host/built-in-actions.ts';
import { pluginContext } from '../../providers/plugin-context.ts';
import { startVippsServer, type VippsServer } from '../../providers/vipps-server.ts';
import { domainApp, type DomainApp } from '../../support/domain-app.ts';
import { addConnection } from '../../support/domain.ts';

const MINUTE = 60_000;
const dkk = (amount: string) => ({ amount, currency: 'DKK' });

let http: DomainApp;
let vipps: VippsServer;
/** The account behind the connection `second`. */
let other: VippsServer;
let customer: string;
beforeAll(async () => {
  http = await domainApp();
  vipps = await startVippsServer({ frozen: true, startAt: http.clock.now().getTime() });
  other = await startVippsServer({ frozen: true, startAt: http.clock.now().getTime() });
  const second = await addConnection(http.db, 'second', 'acme');
  http.provider.plugin = {
    plugin: vippsMobilepay,
    contextOf: ({ idempotencyKey, attempt, connectionId }): Context =>
      pluginContext({
        server: (connectionId === second ? other : vipps).url,
        settings: { ...vipps.settings, features: ['push'] },
        idempotencyKey,
        attempt,
        now: () => http.clock.now(),
      }),
  };
  customer = String((await http.send('POST', '/v1/customers', { name: 'Mette', phone: '+4520123456' })).body['id']);
});
afterAll(async () => {
  await http.close();
  await Promise.all([vipps.close(), other.close()]);
});
afterEach(() => {
  vipps.faults.clear();
  Object.assign(vipps.unit, { push: true });
});

const pass = async (ms: number) => {
  http.clock.advance(ms);
  await Promise.all([vipps.clock.advance(ms), other.clock.advance(ms)]);
};
const ask = async (more: object = {}, headers: Record<string, string> = {}) => {
  const body = { amount: dkk('25.00'), customer, description: 'Coffee', ...more };
  const answer = await http.send('POST', '/v1/payment-requests', body, headers);
  return { ...answer, id: String(answer.body['id']) };
};
const requestOf = async (id: string) => (await http.send('GET', `/v1/payment-requests/${id}`)).body;
/** What Vipps MobilePay has of the request. */
const inTheApp = async (id: string) => {
  const { body } = await http.send('GET', `/v1/payments/${String((await requestOf(id))['payment'])}`);
  return String(body['providerId']);
};
/** The webhook came: the payment is looked at. */
const hears = async (id: string) => {
  await pass(1_000);
  await http.send('POST', `/v1/payments/${String((await requestOf(id))['payment'])}/refresh`);
};
const eventsOf = async (id: string) =>
  (await http.db.ownerPool.query<{ type: string }>('select type from event where subject = $1 order by seq', [`request/${id}`])).rows.map(
    ({ type }) => type,
  );
const anInvoice = async (amount: string) => {
  const line = { description: 'work', quantity: 1, unit: dkk(amount), vatRate: 0 };
  const { body } = await http.send('POST', '/v1/invoices', { customer, lines: [line] });
  await http.send('POST', `/v1/invoices/${String(body['id'])}/issue`, {});
  await pass(1_000);
  return String(body['id']);
};
const paidOn = (invoices: readonly string[]) =>
  Promise.all(invoices.map(async (id) => ((await http.send('GET', `/v1/invoices/${id}`)).body['paid'] as { amount: string }).amount));
const work = () => http.app.get(EndOverdue).endDue();

describe('a payment request in the customer’s app', () => {
  test.each<[string, object, readonly string[]]>([
    ['oldest first', { amount: dkk('25.00') }, ['20.00', '5.00']],
    ['in proportion', { amount: dkk('25.00'), split: 'proportional' }, ['10.00', '15.00']],
    ['as chosen', {}, ['5.00', '20.00']],
  ])('divides what is approved over the invoices %s', async (rule, how, shares) => {
    const invoices = [await anInvoice('20.00'), await anInvoice('30.00')];
    const parts = invoices.map((invoice, index) => ({ invoice, amount: dkk(['5.00', '20.00'][index] ?? '') }));
    const asked = await ask({
      ...how,
      invoices: rule === 'as chosen' ? parts : invoices,
      ...(rule === 'as chosen' && { amount: undefined }),
    });
    expect(asked).toMatchObject({ status: 201, body: { status: 'created', amount: dkk('25.00') } });
    vipps.payments.approve(await inTheApp(asked.id));
    await hears(asked.id);
    expect(await requestOf(asked.id)).toMatchObject({ status: 'approved' });
    expect(await paidOn(invoices)).toEqual(shares);
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.approved']);
  });

  test('is asked by the key of an admin and of a portal alike, and by no key that may only read', async () => {
    const keyWith = async (...scopes: string[]) => {
      const { secret } = await http.app.get(ApiKeys).create(http.db.tenantId, { name: 'key', scopes: scopes as never }, 'test');
      return { authorization: `Bearer ${secret}` };
    };
    expect((await ask({}, await keyWith('*'))).status).toBe(201);
    expect((await ask({}, await keyWith('payments:write'))).status).toBe(201);
    expect(await ask({}, await keyWith('payments:read'))).toMatchObject({ status: 403 });
  });

  test('reminds by an event that a flow can send a text for, and ends at the provider when nobody answers', async () => {
    const asked = await ask({ expiresInMinutes: 8, remindAfterMinutes: 4 });
    await pass(4 * MINUTE);
    await work();
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.reminder-due']);
    await pass(4 * MINUTE);
    await work();
    expect(await requestOf(asked.id)).toMatchObject({ status: 'expired' });
    expect(vipps.payments.get(await inTheApp(asked.id)).state).toBe('TERMINATED');
  });

  test('that is cancelled before the thumb comes down is cancelled in the app too', async () => {
    const asked = await ask();
    expect(await http.send('POST', `/v1/payment-requests/${asked.id}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'cancelled' },
    });
    const reference = await inTheApp(asked.id);
    expect(vipps.payments.get(reference).state).toBe('TERMINATED');
    expect(() => vipps.payments.approve(reference)).toThrow();
  });

  test('pitfall 27: shows that the thumb was faster than the cancellation, and the money stays taken', async () => {
    const invoice = await anInvoice('25.00');
    const asked = await ask({ invoices: [invoice], amount: undefined });
    const reference = await inTheApp(asked.id);
    vipps.payments.approve(reference);
    vipps.payments.byPortal(reference, 'capture', 2_500);
    await pass(1_000);
    const answer = await http.send('POST', `/v1/payment-requests/${asked.id}/cancel`);
    expect([answer.status, answer.body['code']]).toEqual([409, 'payment-request.already-approved']);
    expect(await requestOf(asked.id)).toMatchObject({ status: 'approved' });
    expect(await paidOn([invoice])).toEqual(['25.00']);
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.approved']);
  });

  test('pitfall 27: lets go of money that was only reserved when the cancellation comes, and nothing is paid', async () => {
    const invoice = await anInvoice('25.00');
    const asked = await ask({ invoices: [invoice], amount: undefined });
    vipps.payments.approve(await inTheApp(asked.id));
    await pass(1_000);
    const answer = await http.send('POST', `/v1/payment-requests/${asked.id}/cancel`);
    expect([answer.status, answer.body['status']]).toEqual([200, 'cancelled']);
    expect(await paidOn([invoice])).toEqual(['0.00']);
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.cancelled']);
  });

  test('that the customer refuses is cancelled, with the reason', async () => {
    const asked = await ask();
    vipps.payments.abort(await inTheApp(asked.id));
    await hears(asked.id);
    expect(await requestOf(asked.id)).toMatchObject({ status: 'cancelled', reason: 'cancelled-by-customer' });
  });
});

describe('a request that the phone cannot be asked for', () => {
  const paymentOf = async (id: string) => (await http.send('GET', `/v1/payments/${String((await requestOf(id))['payment'])}`)).body;
  const link = async (request: string, key = newUuid()) =>
    http.app.get(BuiltInActions).find('request.link')!.run(
      {
        tenantId: http.db.tenantId,
        runId: newUuid(),
        action: 'request.link',
        step: 'page',
        input: { request },
        idempotencyKey: key,
        attempt: 1,
        timeoutMs: 5_000,
      },
      AbortSignal.timeout(10_000),
    );

  test('has failed where the sales unit is not approved for it, and its page takes the same for the same invoices', async () => {
    const invoices = [await anInvoice('20.00'), await anInvoice('30.00')];
    Object.assign(vipps.unit, { push: false });
    const asked = await ask({ invoices, amount: dkk('25.00'), split: 'proportional', connection: 'pay' });
    expect(asked).toMatchObject({ status: 201, body: { status: 'failed' } });
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.failed']);
    const key = newUuid();
    const made = await link(asked.id, key);
    expect(made).toMatchObject({ kind: 'ok', value: { link: expect.stringContaining('/pay/'), checkout: expect.stringMatching(/^chk_/) } });
    expect(await link(asked.id, key)).toEqual(made);
    const { link: url, checkout } = made.kind === 'ok' ? (made.value as { link: string; checkout: string }) : { link: '', checkout: '' };
    const path = new URL(url).pathname;
    expect((await http.app.inject({ method: 'GET', url: path })).body).toContain('25');
    const pressed = await http.app.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'method=pay.mobilepay',
    });
    expect([pressed.statusCode, pressed.headers.location]).toEqual([303, expect.stringContaining(vipps.url)]);
    const { body: session } = await http.send('GET', `/v1/checkout-sessions/${checkout}`);
    const { body: payment } = await http.send('GET', `/v1/payments/${String(session['payment'])}`);
    vipps.payments.approve(String(payment['providerId']));
    vipps.payments.byPortal(String(payment['providerId']), 'capture', 2_500);
    await pass(1_000);
    await http.send('POST', `/v1/payments/${String(payment['id'])}/refresh`);
    expect(await paidOn(invoices)).toEqual(['10.00', '15.00']);
  });

  test('has no page while it can be approved, after it was, or when it was taken back', async () => {
    const asked = await ask();
    expect(await link(asked.id)).toMatchObject({ kind: 'declined', code: 'payment-request.still-open' });
    await http.send('POST', `/v1/payment-requests/${asked.id}/cancel`);
    expect(await link(asked.id)).toMatchObject({ kind: 'declined', code: 'payment-request.ended' });
    const approved = await ask();
    vipps.payments.approve(await inTheApp(approved.id));
    vipps.payments.byPortal(await inTheApp(approved.id), 'capture', 2_500);
    await hears(approved.id);
    expect(await link(approved.id)).toMatchObject({ kind: 'declined', code: 'payment-request.already-approved' });
    expect(await link('req_01jd3k4m5n6p7q8r9s0t1v2w43')).toMatchObject({ kind: 'failed', code: 'payment-request.not-found' });
  });

  test('goes to the next account that a route names, while the first takes no calls, and is asked once', async () => {
    await http.send('PUT', '/v1/payment-routes', { routes: [{ method: 'mobilepay', connections: ['pay', 'second'] }] });
    await ask();
    vipps.faults.add({ match: '/epayment/v1/payments', times: 20, action: '429' });
    const invoice = await anInvoice('25.00');
    const headers = { 'idempotency-key': newUuid() };
    const asked = await ask({ invoices: [invoice], amount: undefined }, headers);
    expect(asked.body).toMatchObject({ status: 'created' });
    expect(await paymentOf(asked.id)).toMatchObject({
      attempts: [
        { connection: 'pay', status: 'failed' },
        { connection: 'second', status: 'done' },
      ],
    });
    const reference = await inTheApp(asked.id);
    expect(other.payments.get(reference)).toMatchObject({ state: 'CREATED' });
    expect(() => vipps.payments.get(reference)).toThrow();
    expect((await ask({ invoices: [invoice], amount: undefined }, headers)).id).toBe(asked.id);
    vipps.faults.clear();
    other.payments.approve(reference);
    await hears(asked.id);
    expect(await requestOf(asked.id)).toMatchObject({ status: 'approved' });
    expect(await paidOn([invoice])).toEqual(['25.00']);
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.approved']);
  });

  test('stays with the first account when its answer was lost: the phone may ring already', async () => {
    await ask();
    vipps.faults.add({ match: 'POST /epayment/v1/payments', action: 'reset-after' });
    const asked = await ask();
    expect(asked.body).toMatchObject({ status: 'created' });
    expect(await paymentOf(asked.id)).toMatchObject({ attempts: [{ connection: 'pay', status: 'unknown' }] });
    await pass(2 * MINUTE);
    await http.app.get(ResolveAttempts).resolveDue();
    expect(await paymentOf(asked.id)).toMatchObject({ attempts: [{ connection: 'pay', status: 'done' }] });
    vipps.payments.approve(await inTheApp(asked.id));
    await hears(asked.id);
    expect(await requestOf(asked.id)).toMatchObject({ status: 'approved' });
  });

  test('fails when no account takes it, and one that names its account never goes to another', async () => {
    await ask();
    vipps.faults.add({ match: '/epayment/v1/payments', times: 40, action: '429' });
    expect((await ask({ connection: 'pay' })).body).toMatchObject({ status: 'failed' });
    other.faults.add({ match: '/epayment/v1/payments', times: 40, action: '429' });
    const asked = await ask();
    other.faults.clear();
    expect(asked.body).toMatchObject({ status: 'failed' });
    expect(await paymentOf(asked.id)).toMatchObject({
      attempts: [
        { connection: 'pay', status: 'failed' },
        { connection: 'second', status: 'failed' },
      ],
    });
    expect(await eventsOf(asked.id)).toEqual(['request.created', 'request.failed']);
    expect(await link(asked.id)).toMatchObject({ kind: 'ok' });
  });
});
