import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId, newUuid, idOf } from '../kernel/ids.ts';
import { webhook as stripeWebhook } from '../../plugins/stripe/src/webhook.ts';
import { pluginContext } from '../../test/providers/plugin-context.ts';
import { Payments } from '../domain/payments/index.ts';
import { domainApp, type DomainApp } from '../../test/support/domain-app.ts';
import { TranslateInbox } from './translate-inbox.ts';

let door: DomainApp;
beforeAll(async () => {
  door = await domainApp();
});
afterAll(() => door.close());
beforeEach(() => door.clock.advance(60_000));

const inbox = async () =>
  (
    await door.db.ownerPool.query<{ state: string; attempts: number; problem: string | null; body: Buffer }>(
      'select state, attempts, problem, body from inbox order by received_at, id',
    )
  ).rows;
const stateOf = async (eventKey: string) =>
  (await door.db.ownerPool.query<{ state: string }>('select state from inbox where event_key = $1', [eventKey])).rows[0]?.state;
const translate = () => door.app.get(TranslateInbox).translateDue();
const delivery = (id: string, ...signals: object[]) => JSON.stringify({ id, signals });
const paymentSignal = (providerId: string) => ({ kind: 'payment', type: 'payment.changed', providerId });

async function aPayment(): Promise<{ id: string; providerId: string }> {
  const payment = await door.app.get(Payments).create(door.db.tenantId, {
    invoices: [],
    amount: { minor: 1_000n, currency: 'EUR' } as never,
    split: 'oldest-first',
    description: 'work',
    returnUrl: 'https://shop.example',
    metadata: {},
    requestKey: newUuid(),
    actor: 'test',
  });
  return { id: payment.payment.id, providerId: payment.payment.providerId };
}
const statusOf = async (id: string) => (await door.send('GET', `/v1/payments/${id}`)).body['status'];

describe('a delivery', () => {
  test.each<[string, string | Buffer, Record<string, string | string[]>, number, string]>([
    ['B01 without a signature', delivery('b01'), {}, 401, 'webhooks.signature-missing'],
    ['B02 with an empty signature', delivery('b02'), { 'x-signature': '' }, 401, 'webhooks.signature-format'],
    ['B02 with the header twice', delivery('b02'), { 'x-signature': ['good', 'good'] }, 401, 'webhooks.signature-format'],
    ['B03 with a signature for something else', delivery('b03'), { 'x-signature': 'bad' }, 401, 'webhooks.signature-mismatch'],
    ['B16 of a byte more than 1 MiB', Buffer.alloc(1_048_577, 0x20), { 'x-signature': 'good' }, 413, 'request.too-large'],
  ])('%s is refused and nothing is stored', async (_, body, headers, status, code) => {
    const before = await inbox();
    expect(await door.deliver(body, headers)).toMatchObject({ status, body: { code } });
    expect(await inbox()).toEqual(before);
  });

  test.each([
    ['another plugin', () => `/webhooks/other/${idOf('con', door.connectionId)}`],
    ['a connection that does not exist', () => `/webhooks/acme/${newId('con')}`],
    ['something that is no id', () => '/webhooks/acme/con_1'],
  ])('B17 at the address of %s gets 404 without a hint', async (_, path) => {
    expect(await door.deliver(delivery('b17'), { 'x-signature': 'good' }, path())).toMatchObject({
      status: 404,
      body: { code: 'webhooks.unknown-address', detail: 'There is nothing at this address' },
    });
  });

  test.each([21 * 1024, 1_048_576])('B16 of %i bytes is stored byte for byte', async (size) => {
    const body = Buffer.from(delivery(`b16-${size}`).padEnd(size, ' '));
    expect((await door.deliver(body)).status).toBe(200);
    expect((await inbox()).some(({ body: stored }) => stored.equals(body))).toBe(true);
  });

  test('B15 that comes again is answered 200 and stored once', async () => {
    const before = (await inbox()).length;
    expect((await door.deliver(delivery('b15'))).body).toEqual({ received: true, duplicate: false });
    door.clock.advance(90 * 86_400_000);
    expect((await door.deliver(delivery('b15'))).body).toEqual({ received: true, duplicate: true });
    expect(await inbox()).toHaveLength(before + 1);
  });

  test('needs no API key, and any content type will do', async () => {
    expect(
      (await door.deliver(delivery('form'), { 'x-signature': 'good', 'content-type': 'application/x-www-form-urlencoded' })).status,
    ).toBe(200);
  });
});

describe('the inbox', () => {
  test('leads from a signal to a completed payment', async () => {
    const { id, providerId } = await aPayment();
    door.provider.report(providerId, { captured: 1000 });
    await door.deliver(delivery('paid', paymentSignal(providerId)));
    await translate();
    expect([await statusOf(id), await stateOf('paid')]).toEqual(['completed', 'applied']);
  });

  test('makes one fetch of many signals about one payment', async () => {
    const { providerId } = await aPayment();
    for (let index = 0; index < 20; index += 1)
      await door.deliver(delivery(`many-${index}`, paymentSignal(providerId), { ...paymentSignal(providerId), kind: 'refund' }));
    const before = door.provider.count('payments.fetch');
    await translate();
    expect(door.provider.count('payments.fetch') - before).toBe(1);
    expect(await stateOf('many-19')).toBe('applied');
  });

  test('B13 ignores what it does not know', async () => {
    await door.deliver(delivery('nothing'));
    await door.deliver(delivery('message', { kind: 'message', type: 'sms.delivered' }));
    await translate();
    expect([await stateOf('nothing'), await stateOf('message')]).toEqual(['ignored', 'ignored']);
  });

  test('B14 keeps a signal about an unknown payment for ten minutes, and then wants a person to look', async () => {
    await door.deliver(delivery('orphan', paymentSignal('px_foreign')));
    await translate();
    expect(await stateOf('orphan')).toBe('orphan');
    door.clock.advance(11 * 60_000);
    await translate();
    expect(await stateOf('orphan')).toBe('failed');
  });

  test('tries again after the provider did not answer, and after a process died with the row in hand', async () => {
    const { id, providerId } = await aPayment();
    door.provider.report(providerId, { captured: 1000 });
    await door.deliver(delivery('retry', paymentSignal(providerId)));
    door.provider.next('payments.fetch', 'is unreachable');
    await translate();
    expect([await statusOf(id), await stateOf('retry')]).toEqual(['created', 'received']);
    door.clock.advance(6_000);
    await translate();
    expect([await statusOf(id), await stateOf('retry')]).toEqual(['completed', 'applied']);
  });

  test('is shared by several workers: each delivery is applied by one', async () => {
    const payments = await Promise.all(Array.from({ length: 10 }, () => aPayment()));
    for (const { providerId } of payments) {
      door.provider.report(providerId, { captured: 1000 });
      await door.deliver(delivery(`shared-${providerId}`, paymentSignal(providerId)));
    }
    const before = door.provider.count('payments.fetch');
    await Promise.all([translate(), translate(), translate(), translate()]);
    expect(door.provider.count('payments.fetch') - before).toBe(10);
    expect(await Promise.all(payments.map(({ id }) => statusOf(id)))).toEqual(payments.map(() => 'completed'));
  });

  test('reads a delivery again, with growing pauses, until its plugin can, and shows what was wrong meanwhile', async () => {
    const { id, providerId } = await aPayment();
    door.provider.report(providerId, { captured: 1000 });
    await door.deliver(delivery('unread', paymentSignal(providerId)));
    door.provider.translator = () => Promise.reject(new Error('the dispute could not be looked up'));
    for (const pause of [0, 1_000, 2_000, 4_000]) {
      door.clock.advance(Math.max(pause - 1, 0));
      expect(pause === 0 ? 0 : await translate()).toBe(0);
      door.clock.advance(1);
      expect(await translate()).toBe(1);
    }
    const { items } = (await door.send('GET', '/v1/inbox?status=received')).body as { items: Record<string, unknown>[] };
    expect(items).toMatchObject([{ eventId: 'unread', status: 'received', attempts: 4, problem: 'the dispute could not be looked up' }]);
    door.provider.translator = undefined;
    door.clock.advance(8_000);
    await translate();
    expect([await statusOf(id), await stateOf('unread')]).toEqual(['completed', 'applied']);
    expect((await door.send('GET', '/v1/inbox?status=received')).body['items']).toEqual([]);
  });

  test('keeps going with the others when one delivery cannot be read', async () => {
    const { id, providerId } = await aPayment();
    door.provider.report(providerId, { captured: 1000 });
    await door.deliver(delivery('broken'));
    await door.deliver(delivery('whole', paymentSignal(providerId)));
    door.provider.translator = async ({ body }) => {
      const read = JSON.parse(Buffer.from(body).toString()) as { id: string; signals: [] };
      if (read.id === 'broken') throw new Error('broken');
      return read.signals;
    };
    await translate();
    door.provider.translator = undefined;
    expect([await stateOf('broken'), await statusOf(id)]).toEqual(['received', 'completed']);
  });
});

describe('a provider with several ids for one payment', () => {
  test.each([
    ['charge.refunded', 'partially-refunded', { refunded: 400 }],
    ['charge.dispute.created', 'charged-back', { chargedBack: 1000 }],
  ])('%s of a payment intent finds the payment that is stored under its session: %s', async (type, status, change) => {
    const { id, providerId } = await aPayment();
    door.provider.report(providerId, { captured: 1000, ...change });
    // What the provider knows of the intent: a dispute does not carry our reference, so the plugin asks.
    const provider = createServer((_, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: 'pi_1', metadata: { payment_id: id } })),
    ).listen(0, '127.0.0.1');
    await new Promise((resolve) => provider.once('listening', resolve));
    const server = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    const settings = { secretKey: 'sk_test_1', webhookSecrets: [] };
    door.provider.translator = async (given) => stripeWebhook.translate(pluginContext({ settings, server }), given);
    const object = { id: 'ch_1', payment_intent: 'pi_1', ...(type === 'charge.refunded' && { metadata: { payment_id: id } }) };
    await door.deliver(JSON.stringify({ id: `evt_${type}`, type, created: 1, livemode: false, data: { object } }));
    await translate();
    door.provider.translator = undefined;
    provider.close();
    expect([await stateOf(`evt_${type}`), await statusOf(id)]).toEqual(['applied', status]);
    // Our own id is the stored one still: what the provider was asked by.
    expect(door.provider.calls.at(-1)).toMatchObject({ method: 'payments.fetch', input: { providerId } });
  });

  test('is believed by our reference before its id, and fetched once for both', async () => {
    const [named, other] = [await aPayment(), await aPayment()];
    for (const { providerId } of [named, other]) door.provider.report(providerId, { captured: 1000 });
    const before = door.provider.count('payments.fetch');
    const both = ['ch_1', other.providerId, named.providerId].map((providerId) => ({ ...paymentSignal(providerId), reference: named.id }));
    await door.deliver(delivery('mixed', ...both));
    await translate();
    expect([await statusOf(named.id), await statusOf(other.id)]).toEqual(['completed', 'created']);
    expect(door.provider.count('payments.fetch') - before).toBe(1);
  });

  test('that carries the reference of another system is known by its own id', async () => {
    const payments = [await aPayment(), await aPayment()];
    for (const { providerId } of payments) door.provider.report(providerId, { captured: 1000 });
    await door.deliver(delivery('foreign', ...payments.map(({ providerId }) => ({ ...paymentSignal(providerId), reference: 'order-1' }))));
    await translate();
    expect(await Promise.all(payments.map(({ id }) => statusOf(id)))).toEqual(['completed', 'completed']);
  });
});

describe('an operator', () => {
  const troubled = async (query = '') =>
    ((await door.send('GET', `/v1/inbox${query}`)).body as { items: { id: string; eventId: string; status: string; problem: string }[] })
      .items;

  test('sees deliveries that failed or belong to nobody, and replays one after the cause is gone', async () => {
    const { id, providerId } = await aPayment();
    await door.deliver(delivery('repair', paymentSignal(providerId)));
    door.provider.next('payments.fetch', 'declines');
    await translate();
    const failed = (await troubled('?status=failed')).find(({ eventId }) => eventId === 'repair');
    expect(failed).toMatchObject({ status: 'failed', problem: 'no' });
    await door.deliver(delivery('nobody', paymentSignal('px_nobody')));
    await translate();
    expect((await troubled('?status=orphan')).map(({ eventId }) => eventId)).toEqual(['nobody']);

    door.provider.report(providerId, { captured: 1000 });
    expect(await door.send('POST', `/v1/inbox/${failed?.id ?? ''}/replay`)).toMatchObject({
      status: 200,
      body: { status: 'received', attempts: 0, problem: null },
    });
    await translate();
    expect([await statusOf(id), await stateOf('repair')]).toEqual(['completed', 'applied']);
    expect((await troubled()).some(({ eventId }) => eventId === 'repair')).toBe(false);
    const { rows } = await door.db.ownerPool.query('select actor, subject from audit_entry where action = $1', ['webhook.replay']);
    expect(rows).toEqual([{ actor: expect.stringMatching(/^key\//), subject: `delivery/${failed?.id ?? ''}` }]);
  });

  test.each([newId('dlv'), 'dlv_1', newId('pay')])('is told that there is no delivery %s', async (id) => {
    expect((await door.send('POST', `/v1/inbox/${id}/replay`)).status).toBe(404);
  });
});
