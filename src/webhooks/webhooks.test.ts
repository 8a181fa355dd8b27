import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newId, newUuid, idOf } from '../kernel/ids.ts';
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
});
