/** Pitfall 25 at every door of the domain: a key of one mode neither sees nor moves what belongs to the other. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { idOf, newUuid } from '../kernel/ids.ts';
import { ApiKeys } from '../platform/auth/api-keys.ts';
import { TranslateInbox } from '../webhooks/translate-inbox.ts';
import { domainApp, type DomainApp } from '../../test/support/domain-app.ts';

let at: DomainApp;
const live = { tenant: newUuid(), connection: newUuid(), key: '', payment: '', session: '', clientToken: '', providerId: '' };
const WISH = { amount: { amount: '10.00', currency: 'EUR' }, returnUrl: 'https://kassaflow.example/back', description: 'Ten' };

beforeAll(async () => {
  at = await domainApp();
  await at.db.ownerPool.query(`insert into tenant (id, slug, name, mode) values ($1, 'shop-live', 'Shop', 'live')`, [live.tenant]);
  await at.db.ownerPool.query(
    `insert into connection (id, tenant_id, name, plugin, mode, settings, secrets) values ($1, $2, 'pay', 'acme', 'live', '{}', '')`,
    [live.connection, live.tenant],
  );
  const connection = { tenantId: live.tenant, connectionId: live.connection, plugin: 'acme', mode: 'live' } as const;
  at.provider.connections.set(live.connection, connection);
  live.key = (await at.app.get(ApiKeys).create(live.tenant, { name: 'live', scopes: ['*'] }, 'test')).secret;
  const payment = (await asLive('POST', '/v1/payments', WISH)).body;
  [live.payment, live.providerId] = [String(payment['id']), String(payment['providerId'])];
  const session = (await asLive('POST', '/v1/checkout-sessions', WISH)).body;
  [live.session, live.clientToken] = [String(session['id']), String(session['clientToken'])];
});
afterAll(() => at.close());

const asLive = (method: 'GET' | 'POST', url: string, payload?: object) =>
  at.send(method, url, payload, { authorization: `Bearer ${live.key}` });

describe('pitfall 25: a test key', () => {
  test('makes test payments only: the connections of the other mode are not there', async () => {
    expect((await asLive('GET', `/v1/payments/${live.payment}`)).body).toMatchObject({ test: false });
    expect((await at.send('POST', '/v1/payments', WISH)).body).toMatchObject({ test: true });
    const named = await at.send('POST', '/v1/payments', { ...WISH, connection: idOf('con', live.connection) });
    expect([named.status, named.body['code']]).toEqual([409, 'payment.no-connection']);
    const session = await at.send('POST', '/v1/checkout-sessions', { ...WISH, connection: idOf('con', live.connection) });
    expect((await at.send('GET', `/v1/checkout-sessions/${String(session.body['id'])}/methods`)).body).toMatchObject({ items: [] });
    const routed = await at.send('PUT', '/v1/payment-routes', { routes: [{ connections: [idOf('con', live.connection)] }] });
    expect(routed).toMatchObject({ status: 422, body: { code: 'payment-route.unknown-connection' } });
  });

  test('neither sees nor moves a live payment', async () => {
    const tries = [
      ['GET', `/v1/payments/${live.payment}`, undefined],
      ['GET', `/v1/payments/${live.payment}/events`, undefined],
      ['POST', `/v1/payments/${live.payment}/refresh`, {}],
      ['POST', `/v1/payments/${live.payment}/capture`, {}],
      ['POST', `/v1/payments/${live.payment}/cancel`, {}],
      ['POST', '/v1/refunds', { payment: live.payment, amount: WISH.amount }],
      ['GET', `/v1/checkout-sessions/${live.session}`, undefined],
      ['GET', `/v1/checkout-sessions/${live.session}/methods`, undefined],
      ['POST', `/v1/checkout-sessions/${live.session}/pay`, { method: 'pay' }],
      ['POST', `/v1/checkout-sessions/${live.session}/cancel`, {}],
      ['POST', `/v1/checkout-sessions/${live.session}/client-token`, {}],
    ] as const;
    const calls = at.provider.calls.length;
    for (const [method, url, body] of tries) expect([url, (await at.send(method, url, body)).status]).toEqual([url, 404]);
    expect(at.provider.calls).toHaveLength(calls);
    for (const list of ['/v1/payments', '/v1/checkout-sessions']) {
      const { items } = (await at.send('GET', list)).body as { items: { id: string }[] };
      expect(items.map(({ id }) => id)).not.toEqual(expect.arrayContaining([live.payment, live.session]));
    }
  });

  test('opens no session of the other mode with its client token either', async () => {
    const session = (await at.send('POST', '/v1/checkout-sessions', WISH)).body;
    const headers = { authorization: `Bearer ${String(session['clientToken'])}` };
    const answer = await at.send('GET', `/v1/checkout-sessions/${live.session}`, undefined, headers);
    expect(answer.body['code']).toBe('checkout.token');
  });
});

test('a webhook to a test connection says nothing of a live payment, whatever it names', async () => {
  const signals = [
    { kind: 'payment', type: 'paid', providerId: live.providerId, reference: live.payment },
    { kind: 'refund', type: 'refunded', providerId: live.providerId },
  ];
  at.provider.report(live.providerId, { started: true, captured: 1000 });
  const calls = at.provider.count('payments.fetch');
  expect((await at.deliver(JSON.stringify({ id: newUuid(), signals }))).status).toBe(200);
  at.clock.advance(1_000);
  await at.app.get(TranslateInbox).translateDue();
  expect((await asLive('GET', `/v1/payments/${live.payment}`)).body).toMatchObject({ status: 'created' });
  expect(at.provider.count('payments.fetch')).toBe(calls);
  const { body } = await at.send('GET', '/v1/inbox?status=orphan');
  expect(body['items']).toHaveLength(1);
});
