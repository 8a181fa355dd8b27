import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CreatePayment } from '@kassaflow/plugin-sdk';
import { keyOf } from '../src/client.ts';
import { payments } from '../src/payments.ts';
import { KEY_TTL_MS } from '../src/unverified.ts';
import { DAY_MS, dkk, MINUTE_MS, ORDER, START, valueOf, World } from './world.ts';

const CREATE = 'POST /epayment/v1/payments';
const KEY = { idempotencyKey: 'pay_01:create:1' };
const FIND = { reference: 'pay_01', notBefore: START };

/** Nobody listens here, and it is no port that fetch itself refuses. */
const NOBODY = 'http://127.0.0.1:59998';

let world: World;
beforeEach(async () => {
  world = await World.start();
  // The token first, so that faults strike the call that is meant.
  valueOf(await payments.find!(world.context(), { reference: 'pay_none', notBefore: START }));
});
afterEach(() => world.close());

describe('when the answer gets lost', () => {
  test.each(['500-after', 'reset-after'] as const)('pitfall 16: %s is unknown, and the same key finds the same payment', async (action) => {
    world.vipps.faults.add({ match: CREATE, action });
    expect((await payments.create(world.context(KEY), ORDER)).kind).toBe('unknown');
    const again = await world.create();
    expect(again.next.kind).toBe('redirect');
    expect(world.vipps.log.executed(CREATE)).toBe(1);
    expect(valueOf(await payments.find!(world.context(), FIND))).toEqual({
      ...again,
      facts: expect.objectContaining({ providerState: 'CREATED' }),
    });
  });

  test.each(['html', 'truncated'] as const)('an answer of %s leaves a write unknown, and a read to be asked again', async (action) => {
    world.vipps.answerFaults.push({ match: CREATE, action });
    expect((await payments.create(world.context(KEY), ORDER)).kind).toBe('unknown');
    world.vipps.answerFaults.push({ match: 'GET', action });
    expect(await payments.fetch(world.context(), { providerId: 'kf-pay-01' })).toMatchObject({ kind: 'failed', reason: 'temporary' });
    expect(await world.facts('kf-pay-01')).toMatchObject({ providerState: 'CREATED' });
  });

  test('a call that hangs ends with its signal, as unknown', async () => {
    world.vipps.faults.add({ match: CREATE, action: 'delay', delayMs: 20_000 });
    expect((await payments.create(world.context({ ...KEY, signal: AbortSignal.timeout(100) }), ORDER)).kind).toBe('unknown');
    expect(world.vipps.log.executed(CREATE)).toBe(1);
  });

  test('lost before it got there: find proves that there is nothing, and the next try makes one', async () => {
    world.vipps.faults.add({ match: CREATE, action: 'drop' });
    expect((await payments.create(world.context(KEY), ORDER)).kind).toBe('unknown');
    expect(await payments.find!(world.context(), FIND)).toEqual({ kind: 'ok', value: undefined, reference: '' });
    await world.create();
    expect(world.vipps.log.executed(CREATE)).toBe(1);
  });

  test('a connection that never opened proves that nothing was sent, and a refusal by the egress gateway is final', async () => {
    expect(await payments.create(world.context({ ...KEY, server: NOBODY }), ORDER)).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
    });
    const fetch = () =>
      Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('no'), { code: 'EGRESS_REFUSED' }) }));
    expect(await payments.create({ ...world.context(KEY), fetch }, ORDER)).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'EGRESS_REFUSED',
    });
  });

  test('find of a pushed payment tells how long the phone will ask', async () => {
    await world.create({ flow: 'push', customer: { reference: 'cus_1', phone: '+4512345678' } });
    await world.vipps.clock.advance(MINUTE_MS);
    expect(valueOf(await payments.find!(world.context(), FIND))?.next).toEqual({ kind: 'push', expiresAt: START + 10 * MINUTE_MS });
  });
});

describe('keys', () => {
  test('the same key in parallel makes one payment', async () => {
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => payments.create(world.context(KEY), ORDER)));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(valueOf(outcome))))).toHaveProperty('size', 1);
    expect(world.vipps.log.executed(CREATE)).toBe(1);
  });

  test('pitfall 13: the request is the same bytes at any time, so that the provider knows it again', async () => {
    const bodies: string[] = [];
    const spy = (): ReturnType<World['context']> => {
      const context = world.context(KEY);
      const fetch: typeof globalThis.fetch = (input, init) => {
        if (typeof init?.body === 'string') bodies.push(init.body);
        return context.fetch(input, init);
      };
      return { ...context, fetch };
    };
    const order: CreatePayment = { ...ORDER, metadata: { b: '2', a: '1' }, flow: 'qr', expiresAt: START + DAY_MS };
    valueOf(await payments.create(spy(), order));
    await world.vipps.clock.advance(5 * MINUTE_MS);
    valueOf(await payments.create(spy(), order));
    expect(bodies[1]).toBe(bodies[0]);
    expect(world.vipps.log.executed(CREATE)).toBe(1);
  });

  test('the same key with another body is refused, and the payment that was made is not taken for the one that is asked for', async () => {
    await world.create();
    const other = await payments.create(world.context(KEY), { ...ORDER, amount: dkk('126.00') });
    expect(other).toMatchObject({ kind: 'failed', reason: 'permanent', code: '4020' });
    expect(world.vipps.log.executed(CREATE)).toBe(1);
  });

  test('a reference that is taken is our own earlier payment: it is the answer under a new key too', async () => {
    const first = await world.create();
    const second = await world.create({}, { idempotencyKey: 'pay_01:create:2' });
    expect(second).toEqual(first);
    expect(world.vipps.log.executed(CREATE)).toBe(1);
    world.vipps.payments.approve(first.providerId);
    expect(await world.create({}, { idempotencyKey: 'pay_01:create:3' })).toMatchObject({
      next: { kind: 'none' },
      facts: { authorized: 12_500 },
    });
  });

  test('a taken reference that cannot be looked at is never called a failure', async () => {
    await world.create();
    world.vipps.faults.add({ match: 'GET', action: '500-before' });
    expect((await payments.create(world.context({ idempotencyKey: 'pay_01:create:2' }), ORDER)).kind).toBe('unknown');
  });

  test('pitfall 15: a refusal is kept for its key for ever, and only a new key gets another answer', async () => {
    const { providerId } = await world.create();
    const capture = (idempotencyKey: string) => payments.capture!(world.context({ idempotencyKey }), { providerId, amount: ORDER.amount });
    expect(await capture('pay_01:capture:1')).toMatchObject({ kind: 'failed', code: '6080' });
    world.vipps.payments.approve(providerId);
    await world.vipps.clock.advance(MINUTE_MS);
    expect(await capture('pay_01:capture:1')).toMatchObject({ kind: 'failed', code: '6080' });
    expect(valueOf(await capture('pay_01:capture:2'))).toMatchObject({ captured: 12_500 });
  });

  test('pitfall 17: one call is one request; nothing is sent again on its own', async () => {
    world.vipps.faults.add({ match: CREATE, action: '500-before', times: 5 });
    const before = world.vipps.log.all().length;
    expect((await payments.create(world.context(KEY), ORDER)).kind).toBe('unknown');
    expect(world.vipps.log.all()).toHaveLength(before);
    world.vipps.faults.clear();
    await world.create();
    expect(world.vipps.log.all().slice(before)).toEqual([
      { operation: CREATE, idempotencyKey: 'pay_01:create:1', executed: true, status: 201 },
    ]);
  });

  test('a capture or refund whose answer was lost is found in the event log under its key, also when the key is forgotten', async () => {
    const providerId = await world.approved();
    world.vipps.faults.add({ match: 'capture', action: 'reset-after' });
    const capture = () => payments.capture!(world.context({ idempotencyKey: 'pay_01:capture:1' }), { providerId, amount: ORDER.amount });
    expect((await capture()).kind).toBe('unknown');
    expect(valueOf(await capture())).toMatchObject({ captured: 12_500 });

    // Captured by the same key of ours, but the provider no longer knows the key: 6170, and the event log tells.
    const forgetful = world.vipps.payments.byPortal.bind(world.vipps.payments);
    const other = await world.approved({ reference: 'pay_02' });
    world.vipps.payments.capture(other, { modificationAmount: { currency: 'DKK', value: 12_500 } }, 'pay_02:capture:1');
    expect(
      valueOf(await payments.capture!(world.context({ idempotencyKey: 'pay_02:capture:1' }), { providerId: other, amount: ORDER.amount })),
    ).toMatchObject({ captured: 12_500 });
    // Captured in the portal: not by this call.
    const third = await world.approved({ reference: 'pay_03' });
    forgetful(third, 'capture', 12_500);
    expect(
      await payments.capture!(world.context({ idempotencyKey: 'pay_03:capture:1' }), { providerId: third, amount: ORDER.amount }),
    ).toMatchObject({ kind: 'failed', code: '6170' });

    world.vipps.payments.refund(other, { modificationAmount: { currency: 'DKK', value: 12_500 } }, 'pay_02:refund:1');
    const refund = { providerId: other, reference: 'ref_1', amount: ORDER.amount };
    expect(valueOf(await payments.refund!(world.context({ idempotencyKey: 'pay_02:refund:1' }), refund))).toEqual({
      providerId: 'pay_02:refund:1',
      state: 'done',
    });
  });

  test('pitfall 14: after the key window the provider is asked by our reference', async () => {
    await world.create();
    await world.vipps.clock.advance(KEY_TTL_MS + 1);
    expect(payments.keyTtlMs).toBe(KEY_TTL_MS);
    expect(valueOf(await payments.find!(world.context(), FIND))).toMatchObject({
      providerId: 'kf-pay-01',
      facts: { ended: 'expired' },
      next: { kind: 'none' },
    });
  });

  test('a key that is too long for the API is shortened to what always comes out of it', () => {
    expect(keyOf('pay_01jd3k4m5n6p7q8r9s0t1v2w3x:create:1', 40)).toBe('pay_01jd3k4m5n6p7q8r9s0t1v2w3x:create:1');
    const long = `run_${'x'.repeat(60)}:0.for-each.12.then.0`;
    expect(keyOf(long, 40)).toMatch(/^[0-9a-f]{40}$/);
    expect(keyOf(long, 40)).toBe(keyOf(long, 40));
    expect(keyOf(`${long}1`, 50)).not.toBe(keyOf(long, 50));
    expect(keyOf('a/b', 40)).toMatch(/^[0-9a-f]{40}$/);
  });
});

describe('limits and money', () => {
  test('five writes a minute for one payment; the sixth is told to wait and nothing happens', async () => {
    const outcomes = [];
    for (let n = 1; n <= 6; n += 1) outcomes.push(await payments.create(world.context(KEY), ORDER));
    expect(outcomes.slice(0, 5).map(({ kind }) => kind)).toEqual(Array(5).fill('ok'));
    expect(outcomes[5]).toMatchObject({ kind: 'failed', reason: 'rate-limited', retryAfterMs: 12_000 });
    await world.vipps.clock.advance(MINUTE_MS);
    expect(await world.create()).toMatchObject({ providerId: 'kf-pay-01' });
  });

  test('an answer that names its time is believed', async () => {
    const { providerId } = await world.create();
    const fetch = () => Promise.resolve(Response.json({}, { status: 429, headers: { 'retry-after': '7' } }));
    expect(await payments.fetch({ ...world.context(), fetch }, { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'rate-limited',
      retryAfterMs: 7_000,
    });
  });

  test('pitfall 11: a payment of another amount under our reference is not taken for ours', async () => {
    await world.create({ amount: dkk('1.00') });
    expect(await payments.create(world.context({ idempotencyKey: 'pay_01:create:2' }), ORDER)).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '4150',
    });
  });

  test('pitfall 4: facts carry the moment before the question, so that an older answer never wins', async () => {
    const { providerId } = await world.create();
    await world.vipps.clock.advance(MINUTE_MS);
    const context = world.context();
    const slow: typeof globalThis.fetch = async (input, init) => {
      await world.vipps.clock.advance(30_000);
      return context.fetch(input, init);
    };
    expect(valueOf(await payments.fetch({ ...context, fetch: slow }, { providerId })).fetchStartedAt).toBe(START + MINUTE_MS);
  });

  test('pitfall 28: two attempts are two payments, and both may be paid', async () => {
    const [first, second] = [await world.captured(), await world.captured({ reference: 'pay_02' })];
    expect(first).not.toBe(second);
    expect([(await world.facts(first)).captured, (await world.facts(second)).captured]).toEqual([12_500, 12_500]);
  });

  test('pitfall 26: the return address is only an address; facts come from the provider alone', async () => {
    const { providerId } = await world.create();
    await fetch(`${world.vipps.url}/landing/${world.vipps.payments.get(providerId).token}`);
    expect(await world.facts(providerId)).toMatchObject({ providerState: 'CREATED', authorized: 0 });
  });
});
