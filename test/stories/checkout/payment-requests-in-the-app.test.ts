/** Payment requests through HTTP, with the real plugin of Vipps MobilePay in front of its server on this machine. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Context } from '@kassaflow/plugin-sdk';
import vippsMobilepay from '../../../plugins/vipps-mobilepay/src/plugin.ts';
import { EndOverdue } from '../../../src/domain/checkout/end-overdue.ts';
import { ApiKeys } from '../../../src/platform/auth/api-keys.ts';
import { pluginContext } from '../../providers/plugin-context.ts';
import { startVippsServer, type VippsServer } from '../../providers/vipps-server.ts';
import { domainApp, type DomainApp } from '../../support/domain-app.ts';

const MINUTE = 60_000;
const dkk = (amount: string) => ({ amount, currency: 'DKK' });

let http: DomainApp;
let vipps: VippsServer;
let customer: string;
beforeAll(async () => {
  http = await domainApp();
  vipps = await startVippsServer({ frozen: true, startAt: http.clock.now().getTime() });
  http.provider.plugin = {
    plugin: vippsMobilepay,
    contextOf: ({ idempotencyKey, attempt }): Context =>
      pluginContext({
        server: vipps.url,
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
  await vipps.close();
});

const pass = async (ms: number) => {
  http.clock.advance(ms);
  await vipps.clock.advance(ms);
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
