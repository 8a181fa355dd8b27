import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Outcome } from '@kassaflow/plugin-sdk';
import { mandates } from '../src/agreements.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';
import type { PluginContext } from '../../../test/providers/plugin-context.ts';
import { DAY_MS, dkk, ORDER, START, valueOf, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.close());

/** A provider that has forgotten all keys: writes reach it under other ones, and its answers are those of a new call. */
function forgetful(context: PluginContext<Settings>, suffix = 'x'): PluginContext<Settings> {
  const fetch: typeof globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    const key = headers.get('idempotency-key');
    if (key !== null) headers.set('idempotency-key', `${key}${suffix}`.slice(-40));
    return context.fetch(input, { ...init, headers });
  };
  return { ...context, fetch };
}

/** Writes are answered with a conflict that names no code: an earlier call may be under way. */
function conflicting(context: PluginContext<Settings>): PluginContext<Settings> {
  const fetch: typeof globalThis.fetch = (input, init) =>
    init?.method === 'GET' || init?.headers === undefined || !new Headers(init.headers).has('idempotency-key')
      ? context.fetch(input, init)
      : Promise.resolve(Response.json({ title: 'Conflict', status: 409 }, { status: 409 }));
  return { ...context, fetch };
}

const second = (idempotencyKey: string): PluginContext<Settings> => world.context({ idempotencyKey, attempt: 2 });

async function charged(): Promise<string> {
  const { reference, ...rest } = {
    reference: 'man_01',
    kind: 'agreement' as const,
    description: 'Phone',
    customer: { reference: 'cus_1' },
  };
  const addresses = { returnUrl: ORDER.returnUrl, webhookUrl: ORDER.webhookUrl };
  const pricing = { most: dkk('500.00'), every: 'month' as const };
  const { facts } = valueOf(await mandates.create(world.write(), { reference, ...rest, ...addresses, pricing }));
  world.vipps.recurring.accept(facts.providerId);
  const wish = {
    reference: 'pay_07',
    mandate: facts.providerId,
    amount: dkk('99.00'),
    description: 'x',
    dueOn: '2026-11-25',
    ...addresses,
  };
  const { providerId } = valueOf(await payments.charge!(world.write(), wish));
  await world.vipps.clock.advance(6 * DAY_MS);
  return providerId;
}

describe('a repeat at a provider that has forgotten the key', () => {
  test('of a partial capture or refund is found under our key, and never made twice', async () => {
    const providerId = await world.approved();
    const key = 'pay_01:capture:1';
    valueOf(await payments.capture!(world.context({ idempotencyKey: key }), { providerId, amount: dkk('80.00') }));
    expect(valueOf(await payments.capture!(forgetful(second(key)), { providerId, amount: dkk('80.00') }))).toMatchObject({
      captured: 8_000,
    });

    const half = await world.approved({ reference: 'pay_03' });
    valueOf(await payments.capture!(world.context({ idempotencyKey: 'pay_03:capture:1' }), { providerId: half, amount: dkk('40.00') }));
    valueOf(await payments.capture!(forgetful(second('pay_03:capture:1')), { providerId: half, amount: dkk('40.00') }));
    expect(await world.facts(half)).toMatchObject({ captured: 4_000 });

    // A third of it, so that a second one would be possible.
    const refund = { providerId, reference: 'ref_1', amount: dkk('25.00') };
    valueOf(await payments.refund!(world.context({ idempotencyKey: 'pay_01:refund:1' }), refund));
    expect(valueOf(await payments.refund!(forgetful(second('pay_01:refund:1')), refund))).toEqual({
      providerId: 'pay_01:refund:1',
      state: 'done',
    });
    expect(await world.facts(providerId)).toMatchObject({ captured: 8_000, refunded: 2_500 });
    const tooMuch = { ...refund, amount: dkk('60.00') };
    expect(await payments.refund!(world.context({ idempotencyKey: 'pay_01:refund:2' }), tooMuch)).toMatchObject({
      kind: 'failed',
      reason: 'input',
      code: '6150',
    });
  });

  test('of a creation that could not be made now is the one that was made then', async () => {
    const order = { ...ORDER, flow: 'qr' as const, expiresAt: START + DAY_MS };
    const settings = { features: ['long-living'] as const };
    const made = valueOf(await payments.create(world.context({ settings, idempotencyKey: 'pay_01:create:1' }), order));
    await world.vipps.clock.advance(DAY_MS - 60_000);
    // Too late to be made (6120), and made long ago.
    const again = await payments.create(forgetful(world.context({ settings, idempotencyKey: 'pay_01:create:1', attempt: 2 })), order);
    expect(valueOf(again)).toMatchObject({ providerId: made.providerId, next: made.next });
  });

  test('of a charge’s refund is found in its history', async () => {
    const providerId = await charged();
    const refund = { providerId, reference: 'ref_1', amount: dkk('40.00') };
    valueOf(await payments.refund!(world.context({ idempotencyKey: 'r1' }), refund));
    expect(valueOf(await payments.refund!(forgetful(second('r1')), refund))).toEqual({ providerId: 'r1', state: 'done' });
    expect(await world.facts(providerId)).toMatchObject({ refunded: 4_000 });
    expect(await payments.refund!(world.context({ idempotencyKey: 'r2' }), { ...refund, amount: dkk('60.00') })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'amount',
    });
  });
});

describe('what was refused and may have been done', () => {
  const done = 'pay_01:capture:1';

  test('is unknown when the look at it fails', async () => {
    const providerId = await world.approved();
    valueOf(await payments.capture!(world.context({ idempotencyKey: done }), { providerId, amount: ORDER.amount }));
    world.vipps.faults.add({ match: '/events', action: '500-before' });
    expect((await payments.capture!(forgetful(second(done)), { providerId, amount: ORDER.amount })).kind).toBe('unknown');
    const charge = await charged();
    valueOf(
      await payments.refund!(world.context({ idempotencyKey: 'r1' }), { providerId: charge, reference: 'ref_1', amount: dkk('99.00') }),
    );
    world.vipps.faults.add({ match: 'GET /recurring', action: '500-before' });
    expect((await payments.refund!(forgetful(second('r1')), { providerId: charge, reference: 'ref_1', amount: dkk('99.00') })).kind).toBe(
      'unknown',
    );
  });

  test('a bare conflict is unknown until the provider shows the change', async () => {
    const providerId = await world.approved();
    const calls: readonly (() => Promise<Outcome<unknown>>)[] = [
      () => payments.create(conflicting(world.write()), { ...ORDER, reference: 'pay_02' }),
      () => payments.capture!(conflicting(world.write()), { providerId, amount: ORDER.amount }),
      () => payments.cancel!(conflicting(world.write()), { providerId }),
    ];
    valueOf(await payments.fetch(world.context(), { providerId }));
    for (const call of calls) expect((await call()).kind).toBe('unknown');
    expect(await world.facts(providerId)).toMatchObject({ captured: 0, voided: 0 });
  });
});

describe('answers that cannot be read', () => {
  test.each([
    [400, 'unknown'],
    [409, 'unknown'],
    [404, 'failed'],
    [429, 'failed'],
    [502, 'unknown'],
    [302, 'unknown'],
  ])('a page with status %i leaves a write %s', async (status, kind) => {
    const context = world.write();
    valueOf(await payments.find!(context, { reference: 'pay_none', notBefore: START }));
    const fetch = () => Promise.resolve(new Response('<html>', { status }));
    expect((await payments.cancel!({ ...context, fetch }, { providerId: 'kf-pay-01' })).kind).toBe(kind);
    expect((await payments.fetch({ ...context, fetch }, { providerId: 'kf-pay-01' })).kind).toBe('failed');
  });
});
