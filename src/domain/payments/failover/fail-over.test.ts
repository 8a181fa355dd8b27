import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { uuidOf } from '../../../kernel/ids.ts';
import { addConnection, domainWorld, type DomainWorld } from '../../../../test/support/domain.ts';
import { connectionsFor, type PaymentRoute } from '../../payment-routes/payment-route.ts';
import type { PaymentWish } from '../new-payment.ts';
import { takeDueAttempt } from '../payment-attempts.ts';
import type { PaymentView } from '../payments.service.ts';
import { surelyDidNothing } from './fail-over.ts';

let world: DomainWorld;
/** Connections by name; `pay` is the first of the routes of each test. */
const ids: Record<string, string> = {};
beforeAll(async () => {
  Logger.overrideLogger(false);
  world = await domainWorld();
  ids['pay'] = world.connectionId;
  for (const name of ['second', 'third']) ids[name] = await addConnection(world.db, name, `acme-${name}`);
});
afterAll(() => world.db.close());
beforeEach(async () => {
  world.clock.advance(60_000);
  world.provider.missing.clear();
  await world.db.ownerPool.query(`update connection set state = 'active'`);
  await route({ method: null, currency: null, connections: ['pay', 'second', 'third'] });
});

const route = (...routes: { method: string | null; currency: string | null; connections: string[] }[]) =>
  world.routes.replace(world.db.tenantId, routes, 'test');
const pay = async (more: Partial<PaymentWish> = {}) =>
  world.payments.create(world.db.tenantId, world.wish({ invoices: [{ id: await world.anInvoice('10.00') }], ...more }));
const now = ({ payment }: PaymentView) => world.payments.get(world.db.tenantId, uuidOf('pay', payment.id));
const shown = ({ attempts }: PaymentView) => attempts.map(({ connection, status }) => `${connection} ${status}`);
const connectionOf = async ({ payment }: PaymentView) => {
  const { rows } = await world.db.ownerPool.query('select connection_id, fallbacks from payment where id = $1', [
    uuidOf('pay', payment.id),
  ]);
  return rows[0] as { connection_id: string; fallbacks: string[] };
};
const setState = (name: string, state: string) =>
  world.db.ownerPool.query('update connection set state = $2 where id = $1', [ids[name], state]);

describe('a route', () => {
  test('names the connection of a payment; a request that names one itself has that', async () => {
    await route(
      { method: null, currency: null, connections: ['third'] },
      { method: 'ideal', currency: null, connections: ['second'] },
      { method: 'ideal', currency: 'DKK', connections: ['pay'] },
    );
    expect((await pay()).payment.provider).toBe('acme-third');
    expect((await pay({ methods: ['ideal'] })).payment.provider).toBe('acme-second');
    expect((await pay({ methods: ['card'] })).payment.provider).toBe('acme-third');
    expect((await pay({ methods: ['ideal'], connection: 'pay' })).payment.provider).toBe('acme');
  });

  test('passes over connections that are paused or switched off', async () => {
    await setState('pay', 'paused');
    await setState('second', 'disabled');
    expect((await pay()).payment.provider).toBe('acme-third');
    await setState('third', 'paused');
    await expect(pay()).rejects.toMatchObject({ code: 'payment.no-connection' });
  });

  test('of which the payer chose one in a menu begins with that one', async () => {
    world.provider.next('payments.create', 'is unreachable');
    const view = await pay({ connection: 'second', fallBack: true });
    expect(shown(view)).toEqual(['second failed', 'pay done']);
  });

  test('the closest counts, whatever the order', () => {
    const methods = fc.option(fc.constantFrom('ideal', 'card'), { nil: null });
    const money = fc.option(fc.constantFrom('EUR', 'DKK'), { nil: null });
    const routes = fc.uniqueArray(fc.record({ method: methods, currency: money }), { selector: (one) => `${one.method} ${one.currency}` });
    fc.assert(
      fc.property(routes, fc.constantFrom('ideal', 'card', undefined), fc.constantFrom('EUR', 'DKK'), (list, method, currency) => {
        const named = list.map((one): PaymentRoute => ({ ...one, connections: [`${one.method} ${one.currency}`] }));
        const wanted = [`${method} ${currency}`, `${method} null`, `null ${currency}`, 'null null'];
        const best = wanted.find((name) => named.some(({ connections }) => connections[0] === name));
        expect(connectionsFor(named, { method, currency })).toEqual(best === undefined ? [] : [best]);
        expect(connectionsFor(named.toReversed(), { method, currency })).toEqual(best === undefined ? [] : [best]);
      }),
    );
  });
});

describe('a payment whose call did nothing', () => {
  test('is taken over by the next connection, with an attempt and a key of its own, and its webhooks go there', async () => {
    world.provider.next('payments.create', 'is unreachable', 'is unreachable');
    const calls = world.provider.calls.length;
    const view = await pay();
    expect(shown(view)).toEqual(['pay failed', 'second failed', 'third done']);
    expect(view).toMatchObject({ payment: { status: 'created', provider: 'acme-third' }, next: { kind: 'redirect' } });
    expect(view.attempts[0]).toMatchObject({ problem: 'connection refused' });
    const sent = world.provider.calls.slice(calls).filter(({ method }) => method === 'payments.create');
    expect(sent.map(({ connectionId }) => connectionId)).toEqual([ids['pay'], ids['second'], ids['third']]);
    expect(new Set(sent.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3);
    for (const { input, connectionId } of sent)
      expect((input as { webhookUrl: string }).webhookUrl).toBe(
        world.addresses.of(
          connectionId === ids['pay'] ? 'acme' : connectionId === ids['second'] ? 'acme-second' : 'acme-third',
          connectionId,
        ),
      );
    world.provider.report(view.payment.providerId, { started: true, captured: 1000 });
    const signal = { providerId: view.payment.providerId };
    expect(await world.payments.applyProviderEvent(world.db.tenantId, ids['third'] ?? '', signal)).toEqual({ kind: 'applied' });
    expect((await now(view)).payment.status).toBe('completed');
    // The account that was passed over can say nothing about it, and when it does, somebody has to look.
    expect(await world.payments.applyProviderEvent(world.db.tenantId, ids['pay'] ?? '', { reference: view.payment.id })).toEqual({
      kind: 'refused',
      message: expect.stringContaining('paid at both'),
    });
    const { rows } = await world.db.ownerPool.query(`select detail from audit_entry where action = 'payment.fail-over' and subject = $1`, [
      `payment/${view.payment.id}`,
    ]);
    expect(rows.map(({ detail }) => detail.to)).toEqual(['second', 'third']);
    expect(await world.eventsOf(`payment/${view.payment.id}`)).toEqual(['payment.created', 'payment.completed']);
  });

  test('fails when no connection is left', async () => {
    world.provider.next('payments.create', 'is unreachable', 'is unreachable', 'is unreachable');
    const view = await pay();
    expect([view.payment.status, ...shown(view)]).toEqual(['failed', 'pay failed', 'second failed', 'third failed']);
    expect(await world.eventsOf(`payment/${view.payment.id}`)).toEqual(['payment.created', 'payment.failed']);
  });

  test('goes past a connection that is paused', async () => {
    world.provider.next('payments.create', 'is unreachable');
    await setState('second', 'paused');
    expect(shown(await pay())).toEqual(['pay failed', 'third done']);
  });

  test.each([
    ['an unknown outcome', {}, 'does nothing, answers nothing', 'created', ['pay unknown']],
    ['a decline', {}, 'declines', 'failed', ['pay failed']],
    ['a refusal of what was asked', {}, 'refuses', 'failed', ['pay failed']],
    ['a token of one provider', { token: 'tok_1' }, 'is unreachable', 'failed', ['pay failed']],
    ['its terminal', { device: 'till-1', flow: 'tap' }, 'is unreachable', 'failed', ['pay failed']],
    ['a connection that was named', { connection: 'pay' }, 'is unreachable', 'failed', ['pay failed']],
  ] as const)('stays where it is after %s', async (_, more, wrong, status, attempts) => {
    world.provider.next('payments.create', wrong);
    const view = await pay(more);
    world.provider.next('payments.create');
    expect([view.payment.status, ...shown(view)]).toEqual([status, ...attempts]);
  });

  test('stays where it is once the customer was sent there', async () => {
    const view = await pay();
    world.provider.report(view.payment.providerId, { ended: 'expired' });
    await world.payments.applyProviderEvent(world.db.tenantId, ids['pay'] ?? '', { providerId: view.payment.providerId });
    expect([(await now(view)).payment.status, ...shown(await now(view))]).toEqual(['expired', 'pay done']);
  });

  test('is opened by the resolver after a death between the attempts, where it was taken over', async () => {
    world.provider.next('payments.create', 'is unreachable', 'outlives its caller');
    const invoice = await world.anInvoice('10.00');
    const wish = world.wish({ invoices: [{ id: invoice }] });
    await expect(world.payments.create(world.db.tenantId, wish)).rejects.toThrow('killed');
    const before = await world.payments.ofRequest(world.db.tenantId, wish.requestKey);
    expect(shown(before!)).toEqual(['pay failed', 'second sending']);
    world.clock.advance(6_000);
    await world.resolver.resolveDue();
    const view = await now(before!);
    expect(shown(view)).toEqual(['pay failed', 'second done']);
    expect((await connectionOf(view)).connection_id).toBe(ids['second']);
    const made = [...world.provider.created.values()].filter(({ reference }) => reference === view.payment.id);
    expect(made).toHaveLength(1);
  });

  test('that somebody else has sent too is not taken over: it may have been carried out', async () => {
    world.provider.next('payments.create', 'outlives its caller');
    const invoice = await world.anInvoice('10.00');
    const wish = world.wish({ invoices: [{ id: invoice }] });
    await expect(world.payments.create(world.db.tenantId, wish)).rejects.toThrow('killed');
    const view = (await world.payments.ofRequest(world.db.tenantId, wish.requestKey))!;
    await world.db.ownerPool.query('update payment_attempt set tries = 2 where payment_id = $1', [uuidOf('pay', view.payment.id)]);
    const { rows } = await world.db.ownerPool.query('select * from payment_attempt where payment_id = $1', [
      uuidOf('pay', view.payment.id),
    ]);
    const [row] = rows;
    const late = {
      paymentId: row.payment_id,
      operation: 'create' as const,
      number: 1,
      refundId: null,
      idempotencyKey: row.idempotency_key,
      request: row.request,
      startedAt: row.started_at,
      tries: 1,
    };
    await world.payments.settleCreate(world.db.tenantId, late, failed('temporary', 'turned away'));
    expect(shown(await now(view))).toEqual(['pay failed']);
  });

  test('has never two open attempts, whatever each call comes to and whoever dies', async () => {
    const ends = [
      'is unreachable',
      'does nothing, answers nothing',
      'carries it out, answers nothing',
      'declines',
      'refuses',
      'outlives its caller',
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ends), { maxLength: 6 }), fc.boolean(), async (wrong, resolves) => {
        world.provider.next('payments.create', ...wrong);
        const wish = world.wish({ invoices: [{ id: await world.anInvoice('10.00') }] });
        await world.payments.create(world.db.tenantId, wish).catch(() => undefined);
        for (let round = 0; resolves && round < 3; round += 1) {
          world.clock.advance(6 * 60_000);
          await world.resolver.resolveDue();
        }
        world.provider.next('payments.create');
        const view = (await world.payments.ofRequest(world.db.tenantId, wish.requestKey))!;
        const open = view.attempts.filter(({ status }) => status !== 'failed');
        expect(open.length).toBeLessThanOrEqual(1);
        const made = [...world.provider.created.values()].filter(({ reference }) => reference === view.payment.id);
        expect(made.length).toBeLessThanOrEqual(1);
        if (view.payment.status !== 'failed') expect(open).toHaveLength(1);
        expect((await connectionOf(view)).connection_id).toBe(ids[view.attempts.at(-1)?.connection ?? '']);
      }),
      { numRuns: 60 },
    );
  });

  test('the resolver takes up one attempt at a time, and leaves the others to whoever is free', async () => {
    world.provider.next('payments.create', ...Array.from({ length: 6 }, () => 'does nothing, answers nothing' as const));
    const views = [await pay(), await pay(), await pay(), await pay(), await pay(), await pay()];
    world.clock.advance(10 * 60_000);
    await world.db.database.transact(world.db.tenantId, (tx) => takeDueAttempt(tx, world.clock.now()));
    const { rows } = await world.db.ownerPool.query(
      'select count(*) from payment_attempt where tries = 2 and payment_id = any($1::uuid[])',
      [views.map(({ payment }) => uuidOf('pay', payment.id))],
    );
    expect(Number(rows[0].count)).toBeLessThanOrEqual(1);
  });

  test('the database refuses a second open attempt in any case', async () => {
    const view = await pay();
    const second = world.db.ownerPool.query(
      `insert into payment_attempt (payment_id, operation, number, tenant_id, idempotency_key, request, state, started_at)
       select payment_id, operation, 2, tenant_id, 'another', request, 'sending', started_at from payment_attempt where payment_id = $1`,
      [uuidOf('pay', view.payment.id)],
    );
    await expect(second).rejects.toThrow('payment_attempt_live');
  });
});

test.each<[boolean, Outcome<unknown>]>([
  [true, failed('temporary', 'away')],
  [true, failed('rate-limited', 'too many')],
  [true, failed('auth', 'refused')],
  [true, failed('temporary', 'open', { code: 'connection.breaker-open' })],
  [true, failed('permanent', 'switched off', { code: 'connection.unknown' })],
  [false, failed('permanent', 'no such method')],
  [false, failed('input', 'amount')],
  [false, unknown('no answer')],
  [false, { kind: 'declined', code: 'fraud', message: '' }],
])('%s: an outcome says that another connection may be asked', (is, outcome) => {
  expect(surelyDidNothing(outcome)).toBe(is);
});
