import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import { ORDER, valueOf, World } from './world.ts';

/** Nobody listens here, and it is no port that fetch itself refuses. */
const NOBODY = 'http://127.0.0.1:59998';

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.close());

const HOUR_MS = 3_600_000;

describe('tokens', () => {
  test('ten calls at once ask for one token', async () => {
    await Promise.all(Array.from({ length: 10 }, (_, n) => payments.find!(world.context(), { reference: `pay_${n}`, notBefore: 0 })));
    expect(world.vipps.gate.tokensGiven).toBe(1);
  });

  test('a token is renewed when nine tenths of its life are over, though its life comes as a text', async () => {
    const look = () => payments.find!(world.context(), { reference: 'pay_01', notBefore: 0 });
    valueOf(await look());
    await world.vipps.clock.advance(0.89 * HOUR_MS);
    valueOf(await look());
    expect(world.vipps.gate.tokensGiven).toBe(1);
    await world.vipps.clock.advance(0.02 * HOUR_MS);
    valueOf(await look());
    expect(world.vipps.gate.tokensGiven).toBe(2);
  });

  test('a token that is refused is renewed once, and the call is carried out once', async () => {
    valueOf(await payments.find!(world.context(), { reference: 'pay_01', notBefore: 0 }));
    world.vipps.gate.forgetTokens();
    await Promise.all(['pay_01', 'pay_02', 'pay_03'].map((reference) => world.create({ reference })));
    expect(world.vipps.gate.tokensGiven).toBe(2);
    expect(world.vipps.log.executed('POST /epayment/v1/payments')).toBe(3);
  });

  test('new keys get a new token at once', async () => {
    valueOf(await payments.find!(world.context(), { reference: 'pay_01', notBefore: 0 }));
    world.vipps.gate.keys = { ...world.vipps.gate.keys, clientSecret: 'another-secret' };
    valueOf(await payments.find!(world.context(), { reference: 'pay_01', notBefore: 0 }));
    expect(world.vipps.gate.tokensGiven).toBe(2);
  });

  test('a token service that is down is temporary: nothing was sent', async () => {
    world.vipps.faults.add({ match: '/accesstoken/get', action: '500-before' });
    expect(await payments.create(world.context(), ORDER)).toMatchObject({ kind: 'failed', reason: 'temporary' });
    world.vipps.faults.add({ match: '/accesstoken/get', action: 'reset-after' });
    expect(await payments.create(world.context(), ORDER)).toMatchObject({ kind: 'failed', reason: 'temporary' });
    world.vipps.faults.add({ match: '/accesstoken/get', action: '429' });
    expect(await payments.create(world.context(), ORDER)).toMatchObject({ kind: 'failed', reason: 'rate-limited' });
    expect(await payments.create(world.context(), ORDER)).toMatchObject({ kind: 'ok' });
  });
});

describe('keys that are refused', () => {
  test.each([
    ['clientSecret', { clientSecret: 'wrong-secret' }],
    ['clientSecret', { clientId: 'wrong-client' }],
    ['subscriptionKey', { subscriptionKey: 'wrong-subscription' }],
  ])('are a matter of the connection, name %s, and are never shown', async (field, settings) => {
    const context = world.context({ settings });
    const outcome = await payments.create(context, ORDER);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field });
    expect(JSON.stringify([outcome, context.logged])).not.toMatch(/wrong-|0f14ebca|Y8Kteew/);
  });

  test('a sales unit of somebody else is refused too', async () => {
    expect(await payments.create(world.context({ settings: { merchantSerialNumber: '999999' } }), ORDER)).toMatchObject({
      kind: 'failed',
      reason: 'auth',
      code: 'http-403',
    });
  });
});

describe('checking a connection', () => {
  test('names the sales unit', async () => {
    expect(await plugin.connection.check(world.context())).toEqual({ ok: true, account: 'MSN 123456', mode: 'test' });
  });

  test.each([
    ['clientSecret', { clientSecret: 'wrong-secret' }],
    ['subscriptionKey', { subscriptionKey: 'wrong-subscription' }],
    ['merchantSerialNumber', { merchantSerialNumber: '999999' }],
  ])('points at a wrong %s', async (field, settings) => {
    expect(await plugin.connection.check(world.context({ settings }))).toMatchObject({ ok: false, field });
  });

  test('pitfall 25: live keys in a test connection never reach the live payments, and the check says what they are', async () => {
    const live = await World.start({ mode: 'live', keys: { clientId: 'live-client-id', clientSecret: 'live-client-secret' } });
    const asked: string[] = [];
    const keys = { clientId: 'live-client-id', clientSecret: 'live-client-secret' };
    const context = world.context({ settings: keys });
    // Hosts as they are in the world: each environment at its own name.
    const fetch: typeof globalThis.fetch = (input, init) => {
      const { host, pathname } = new URL(input instanceof Request ? input.url : input);
      asked.push(`${host}${pathname}`);
      return (host === 'api.vipps.no' ? live.context() : context).fetch(input, init);
    };
    expect(await payments.create({ ...context, fetch }, ORDER)).toMatchObject({ kind: 'failed', reason: 'auth' });
    expect(asked).toEqual(['apitest.vipps.no/accesstoken/get']);
    expect(await plugin.connection.check({ ...context, fetch })).toEqual({
      ok: false,
      message: 'These are live keys, and the connection is for test.',
      field: 'clientId',
    });
    expect(asked.filter((address) => address.startsWith('api.vipps.no'))).toEqual(['api.vipps.no/accesstoken/get']);
    expect(plugin.hosts).toEqual(['apitest.vipps.no', 'api.vipps.no']);
    await live.close();
  });

  test('a provider that cannot be reached is no wrong key', async () => {
    const result = await plugin.connection.check(world.context({ server: NOBODY }));
    expect(result).toEqual({ ok: false, message: 'Vipps MobilePay cannot be reached.' });
  });
});
