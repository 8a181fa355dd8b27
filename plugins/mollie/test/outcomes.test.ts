import { Agent } from 'node:http';
import net from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { CreatePayment } from '@kassaflow/plugin-sdk';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import { CUSTOMER, euros, Fixture, ORDER, valueOf } from './fixture.ts';

const at = new Fixture();
const HOUR = 3_600_000;

const create = (more: Parameters<typeof at.context>[0] = {}, order: Partial<CreatePayment> = {}) =>
  payments.create(at.context({ idempotencyKey: 'pay_01:create:1', ...more }), { ...ORDER, ...order });
const find = (reference = 'pay_01') => payments.find!(at.context(), { reference, notBefore: at.mollie.clock.now() - HOUR });

describe('when the answer gets lost', () => {
  test.each(['html-after', 'truncated'] as const)('%s: it may have happened, and the same key finds the same payment', async (action) => {
    at.mollie.quirks.add({ match: 'POST /v2/payments', action });
    expect((await create()).kind).toBe('unknown');
    const again = valueOf(await create({ attempt: 2 }));
    expect(at.mollie.log.executed('POST /v2/payments')).toBe(1);
    expect(valueOf(await find())?.providerId).toBe(again.providerId);
  });

  test.each(['500-after', 'reset-after'] as const)('%s is unknown', async (action) => {
    at.mollie.faults.add({ match: 'POST /v2/payments', action });
    expect((await create()).kind).toBe('unknown');
    expect(valueOf(await find())).toMatchObject({ facts: { providerState: 'open' }, next: { kind: 'redirect' } });
  });

  test.each([
    ['500-before', () => at.mollie.faults.add({ match: 'POST /v2/payments', action: '500-before' })],
    ['drop', () => at.mollie.faults.add({ match: 'POST /v2/payments', action: 'drop' })],
    ['html-before', () => at.mollie.quirks.add({ match: 'POST /v2/payments', action: 'html-before' })],
  ])('%s: nobody knows, until find proves that there is none', async (_action, strike) => {
    strike();
    expect((await create()).kind).toBe('unknown');
    expect(await find()).toEqual({ kind: 'ok', value: undefined, reference: '' });
    valueOf(await create({ attempt: 2 }));
    expect(at.mollie.log.executed('POST /v2/payments')).toBe(1);
  });

  test('pitfall 17: the library’s own retries never leave, and every key is ours', async () => {
    // Three times, and "try again at once": the library alone would use them all up and succeed at nothing.
    at.mollie.quirks.add({ match: 'POST /v2/payments', action: 'html-before', times: 3 });
    for (let attempt = 1; attempt <= 3; attempt += 1) expect((await create({ attempt })).kind).toBe('unknown');
    valueOf(await create({ attempt: 4 }));
    valueOf(await payments.create(at.context({ idempotencyKey: 'k2' }), { ...ORDER, save: true, customer: CUSTOMER }));
    expect(at.mollie.log.all().map(({ idempotencyKey }) => idempotencyKey)).toEqual(['pay_01:create:1', 'k2:customer', 'k2']);
  });

  test('a server that never answers is unknown within our own time', async () => {
    at.mollie.quirks.add({ match: 'POST /v2/payments', action: 'hang' });
    expect((await create({ signal: AbortSignal.timeout(200) })).kind).toBe('unknown');
    expect(valueOf(await find())).toBeDefined();
  });

  test('a refused connection surely did nothing', async () => {
    expect(await create({ server: 'http://127.0.0.1:9' })).toMatchObject({ kind: 'failed', reason: 'temporary', code: 'ECONNREFUSED' });
  });

  test('a read that breaks is only temporary', async () => {
    const { providerId } = await at.create();
    at.mollie.faults.add({ match: 'GET', action: '500-before' });
    expect(await payments.fetch(at.context(), { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
    at.mollie.quirks.add({ match: 'GET', action: 'truncated' });
    expect(await payments.fetch(at.context(), { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });

  test('a change that was made and cannot be looked at is unknown', async () => {
    const providerId = await at.paid({ methods: ['card'], capture: 'manual' });
    const before = at.mollie.quirks.take.bind(at.mollie.quirks);
    let reads = 0;
    at.mollie.quirks.take = (operation) => (operation.startsWith('GET') && (reads += 1) === 2 ? 'html-before' : before(operation));
    const outcome = await payments.capture!(at.context({ idempotencyKey: 'c' }), { providerId, amount: euros('12.50') });
    expect(outcome.kind).toBe('unknown');
  });
});

describe('keys', () => {
  test('ten calls at once under one key make one payment; who came too early is told so', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => create()));
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds).toContain('ok');
    expect(kinds.every((kind) => kind === 'ok' || kind === 'unknown')).toBe(true);
    valueOf(await create({ attempt: 2 }));
    expect(at.mollie.log.executed('POST /v2/payments')).toBe(1);
  });

  test('pitfall 13: the same key with another body is never carried out', async () => {
    valueOf(await create());
    expect(await create({}, { amount: euros('13.00') })).toMatchObject({ kind: 'failed', reason: 'permanent', code: '400' });
    expect(at.mollie.book.payments).toHaveLength(1);
  });

  test('pitfall 14: the same request is byte for byte the same an hour later, when only a search can tell that it was made', async () => {
    const { providerId } = valueOf(await create());
    await at.mollie.advance(61 * 60_000);
    const found = await payments.find!(at.context(), { reference: 'pay_01', notBefore: at.mollie.clock.now() - 2 * HOUR });
    expect(valueOf(found)?.providerId).toBe(providerId);
    expect(payments.keyTtlMs).toBe(HOUR);
    // What happens to those who do not ask: Mollie has forgotten the key.
    expect(valueOf(await create()).providerId).not.toBe(providerId);
    expect(at.mollie.bodies[1]).toEqual(at.mollie.bodies[0]);
  });
});

describe('finding a payment', () => {
  test('goes on to older pages, and by a cursor: the links lead to the real Mollie', async () => {
    const { providerId } = await at.create();
    for (let index = 0; index < 260; index += 1) {
      at.mollie.book.createPayment({
        amount: {
          currency: 'EUR',
          value: '1.00',
        },
        description: 'x',
        redirectUrl: 'https://x.example',
        metadata: JSON.stringify({ payment_id: `pay_x${index}` }),
      });
    }
    expect(valueOf(await find())?.providerId).toBe(providerId);
    expect(valueOf(await find('pay_x7'))).toBeDefined();
    expect(await find('pay_none')).toEqual({ kind: 'ok', value: undefined, reference: '' });
    expect(at.mollie.log.all().filter(({ operation }) => operation === 'GET /v2/payments').length).toBe(6);
  });

  test('cannot prove absence while Mollie cannot be read', async () => {
    at.mollie.faults.add({ match: 'GET', action: '500-before' });
    expect(await find()).toMatchObject({ kind: 'failed', reason: 'temporary' });
  });
});

describe('refusals', () => {
  test('429 slows the connection down', async () => {
    at.mollie.faults.add({ match: 'POST', action: '429' });
    expect(await create()).toMatchObject({ kind: 'failed', reason: 'rate-limited', retryAfterMs: 1000, code: '429' });
  });

  test('a wrong key is a matter of the connection, and is never shown', async () => {
    const wrong = at.context({ settings: { apiKey: 'test_wrongwrong' } });
    const outcome = await payments.create(wrong, ORDER);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field: 'apiKey' });
    expect(JSON.stringify([outcome, wrong.logged])).not.toContain('wrongwrong');
  });

  test.each([
    ['live_12345678', 'test'],
    ['test_localserver1', 'live'],
  ] as const)('pitfall 25: the key %s is refused in %s mode before anything is sent', async (apiKey, mode) => {
    const context = at.context({ settings: { apiKey, organizationToken: 'access_12345678' }, mode });
    for (const outcome of [await payments.create(context, ORDER), await payments.fetch(context, { providerId: 'tr_1234567' })]) {
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field: 'apiKey' });
    }
    expect(at.mollie.log.all()).toHaveLength(0);
  });

  test('a payment that does not exist is permanent', async () => {
    expect(await payments.fetch(at.context(), { providerId: 'tr_doesnotexist' })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '404',
    });
  });

  test.each([
    ['amount', { amount: euros('0.00') }],
    ['methods', { methods: ['carrier-pigeon'] }],
    ['webhookUrl', { webhookUrl: 'http://localhost:3000/hook' }],
    ['capture', { methods: ['ideal'], capture: 'manual' }],
    ['token', { flow: 'hosted-fields', token: 'not-a-token' }],
  ] as const)('what Mollie refuses points at %s', async (field, order) => {
    expect(await create({}, order)).toMatchObject({ kind: 'failed', reason: 'input', field, code: '422' });
  });
});

describe('checking a connection', () => {
  test('names the profile', async () => {
    expect(await plugin.connection.check(at.context())).toEqual({ ok: true, account: 'Local shop (pfl_QkEhN94Ba)', mode: 'test' });
  });

  test.each([
    ['apiKey', { apiKey: 'test_wrongwrong' }],
    ['organizationToken', { apiKey: 'test_localserver1', organizationToken: 'access_wrongwrong' }],
  ] as const)('points at a wrong %s', async (field, settings) => {
    expect(await plugin.connection.check(at.context({ settings }))).toMatchObject({ ok: false, field });
  });

  test('a live key in a test connection is refused, and the reverse', async () => {
    expect(await plugin.connection.check(at.context({ settings: { apiKey: 'live_12345678' } }))).toMatchObject({
      ok: false,
      field: 'apiKey',
    });
  });

  test('when Mollie cannot be reached, no field is to blame', async () => {
    const result = await plugin.connection.check(at.context({ server: 'http://127.0.0.1:9' }));
    expect(result).toMatchObject({ ok: false });
    expect(result).not.toHaveProperty('field');
  });
});

describe('ids and answers that lead astray', () => {
  test.each(['tr_1/../../customers', 'ord_1234567', 'tr_', '../x'])('%s is never made part of an address', async (providerId) => {
    const calls = [
      payments.fetch(at.context(), { providerId }),
      payments.cancel!(at.context(), { providerId }),
      payments.capture!(at.context(), { providerId, amount: euros('1.00') }),
      payments.refund!(at.context(), { providerId, reference: 'ref_1', amount: euros('1.00') }),
    ];
    for (const call of calls) expect(await call).toMatchObject({ kind: 'failed', reason: 'permanent', code: '404' });
    expect(at.mollie.log.all()).toHaveLength(0);
  });

  test('a call that is over before anything was sent did surely nothing', async () => {
    const ended = AbortSignal.abort();
    expect((await create({ signal: ended })).kind).not.toBe('ok');
    expect(at.mollie.book.payments).toHaveLength(0);
  });

  test('pitfall 4: the answer to a repeated request is as old as the first one, and is not told as new', async () => {
    const { providerId } = valueOf(await create());
    at.mollie.book.pay(providerId);
    await at.mollie.advance(60_000);
    const again = valueOf(await create({ attempt: 2 }));
    expect(again).toMatchObject({ providerId, next: { kind: 'none' }, facts: { providerState: 'paid', captured: 1250 } });
  });

  test('pitfall 4: facts are as old as the question, not as the answer', async () => {
    const { providerId } = await at.create();
    const asked = at.mollie.clock.now();
    at.mollie.faults.add({ match: 'GET', action: 'delay', delayMs: 20 });
    const fetching = payments.fetch(at.context(), { providerId });
    await at.mollie.advance(60_000);
    expect(valueOf(await fetching).fetchStartedAt).toBe(asked);
  });
});

test('connections to the host are kept: twenty calls need one', async () => {
  const agent = new CountingAgent(new URL(at.mollie.url));
  const context = { ...at.context(), agent };
  for (let calls = 0; calls < 20; calls += 1) valueOf(await payments.find!(context, { reference: 'pay_none', notBefore: 0 }));
  agent.destroy();
  expect(agent.opened).toBe(1);
});

class CountingAgent extends Agent {
  opened = 0;
  readonly #server: URL;

  constructor(server: URL) {
    super({ keepAlive: true });
    this.#server = server;
  }

  override createConnection(): net.Socket {
    this.opened += 1;
    return net.connect(Number(this.#server.port), this.#server.hostname);
  }
}
