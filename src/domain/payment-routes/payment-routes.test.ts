import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { idOf } from '../../kernel/ids.ts';
import { ConnectionUses } from '../../plugin-host/connections/connection-uses.ts';
import { addConnection } from '../../../test/support/domain.ts';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';

let at: DomainApp;
let second: string;
beforeAll(async () => {
  at = await domainApp();
  second = await addConnection(at.db, 'second', 'acme-second');
});
afterAll(() => at.close());

const put = (...routes: object[]) => at.send('PUT', '/v1/payment-routes', { routes });
const pay = (more: object = {}) =>
  at.send('POST', '/v1/payments', { amount: { amount: '10.00', currency: 'EUR' }, returnUrl: 'https://shop.example/back', ...more });

describe('/v1/payment-routes', () => {
  test('are replaced as a whole, by names or ids, and written down in the audit', async () => {
    const ideal = { method: 'ideal', currency: 'EUR', connections: ['second', idOf('con', at.connectionId)] };
    const { status, body } = await put({ connections: ['pay'] }, ideal);
    expect(status).toBe(200);
    const items = [
      { method: null, currency: null, connections: ['pay'] },
      { method: 'ideal', currency: 'EUR', connections: ['second', 'pay'] },
    ];
    expect(body).toEqual({ items, nextCursor: null });
    expect((await at.send('GET', '/v1/payment-routes')).body).toEqual({ items, nextCursor: null });
    await put({ connections: ['second'] });
    expect((await at.send('GET', '/v1/payment-routes')).body).toMatchObject({ items: [{ connections: ['second'] }] });
    const { rows } = await at.db.ownerPool.query(`select detail from audit_entry where action = 'payment-routes.replace' order by seq`);
    expect(rows[0].detail).toEqual({ routes: ['* *: pay', 'ideal EUR: second, pay'] });
  });

  test.each([
    [{ routes: [{ connections: ['nobody'] }] }, 'payment-route.unknown-connection', '/routes/0/connections/0'],
    [{ routes: [{ connections: ['pay', 'pay'] }] }, 'payment-route.duplicate', '/routes/0/connections/1'],
    [{ routes: [{ connections: ['pay'] }, { connections: ['second'] }] }, 'payment-route.duplicate', '/routes/1'],
  ])('%j is refused with its place', async (body, code, pointer) => {
    expect(await at.send('PUT', '/v1/payment-routes', body)).toMatchObject({ status: 422, body: { code, errors: [{ pointer }] } });
  });

  test('refuse a connection that cannot take payments', async () => {
    at.provider.missing.add('payments.create');
    expect(await put({ connections: ['pay'] })).toMatchObject({ status: 422, body: { code: 'payment-route.cannot-pay' } });
    at.provider.missing.clear();
  });

  test('lead a payment to the next connection, and the payment shows both attempts', async () => {
    await put({ connections: ['second', 'pay'] });
    at.provider.next('payments.create', 'is unreachable');
    const { body } = await pay();
    const attempts = [
      { connection: 'second', status: 'failed', problem: 'connection refused' },
      { connection: 'pay', status: 'done', problem: null },
    ];
    expect(body).toMatchObject({ status: 'created', provider: 'acme', attempts });
    expect((await at.send('GET', `/v1/payments/${String(body['id'])}`)).body).toMatchObject({ attempts });
  });

  test('choose the account of a method in the checkout, and another takes over when that one is away', async () => {
    at.provider.offers = [{ id: 'ideal', title: 'iDEAL', flows: ['redirect'] }];
    await put({ method: 'ideal', connections: ['second', 'pay'] });
    const session = (
      await at.send('POST', '/v1/checkout-sessions', {
        amount: { amount: '10.00', currency: 'EUR' },
        description: 'Ten',
        returnUrl: 'https://shop.example/back',
      })
    ).body;
    const path = `/v1/checkout-sessions/${String(session['id'])}`;
    expect((await at.send('GET', `${path}/methods`)).body).toMatchObject({ items: [{ id: 'second.ideal' }] });
    at.provider.next('payments.create', 'is unreachable');
    const paid = await at.send('POST', `${path}/pay`, { method: 'second.ideal' });
    expect(paid).toMatchObject({ body: { next: { kind: 'redirect' } } });
    expect((await at.send('GET', `/v1/payments/${String(paid.body['payment'])}`)).body).toMatchObject({
      attempts: [{ connection: 'second' }, { connection: 'pay', status: 'done' }],
    });
    at.provider.offers = undefined;
  });
});

test('a connection is needed while payments are open or a route names it', async () => {
  await put({ connections: ['second'] });
  await pay({ connection: 'second' });
  const uses = at.app.get(ConnectionUses);
  const of = (id: string) => at.db.database.transact(at.db.tenantId, (tx) => uses.of(tx, id));
  expect(await of(second)).toEqual([expect.stringMatching(/^1 open payments, 1 payment routes$/)]);
  const idle = await addConnection(at.db, 'idle', 'acme');
  expect(await of(idle)).toEqual([]);
});
