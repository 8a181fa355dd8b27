import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChargeMandate, CreateMandate, Outcome, CreatedPayment } from '@kassaflow/plugin-sdk';
import { mandates } from '../src/agreements.ts';
import { payments } from '../src/payments.ts';
import { DAY_MS, dkk, MINUTE_MS, ORDER, START, valueOf, World } from './world.ts';

const CHARGE_CALL = 'POST /recurring/v3/agreements/:id/charges';
const WISH: CreateMandate = {
  reference: 'man_01',
  kind: 'agreement',
  description: 'Phone and internet',
  returnUrl: 'https://shop.example/agreement',
  webhookUrl: ORDER.webhookUrl,
  customer: { reference: 'cus_1', phone: '+4512345678' },
  pricing: { most: dkk('500.00'), every: 'month' },
};

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.close());

async function agreed(more: Partial<CreateMandate> = {}): Promise<string> {
  const created = valueOf(await mandates.create(world.write(), { ...WISH, ...more }));
  world.vipps.recurring.accept(created.facts.providerId);
  return created.facts.providerId;
}

function wish(mandate: string, more: Partial<ChargeMandate> = {}): ChargeMandate {
  const { returnUrl, webhookUrl } = ORDER;
  return {
    reference: 'pay_07',
    mandate,
    amount: dkk('99.00'),
    description: 'October',
    dueOn: '2026-11-25',
    returnUrl,
    webhookUrl,
    ...more,
  };
}

function charge(mandate: string, more: Partial<ChargeMandate> = {}, key = 'pay_07:charge:1'): Promise<Outcome<CreatedPayment>> {
  return payments.charge!(world.context({ idempotencyKey: key }), wish(mandate, more));
}

async function state(providerId: string): Promise<string> {
  return valueOf(await mandates.fetch(world.context(), { providerId })).state;
}

describe('an agreement', () => {
  test('is proposed with a ceiling for a period, and approved on a page or in the app', async () => {
    const created = valueOf(await mandates.create(world.write(), WISH));
    expect(created).toEqual({
      facts: { providerId: expect.stringMatching(/^agr_/), kind: 'agreement', state: 'pending', label: 'Phone and internet' },
      next: { kind: 'redirect', url: expect.stringContaining('/register/') },
    });
    expect(world.vipps.recurring.agreement(created.facts.providerId).request).toMatchObject({
      pricing: { type: 'VARIABLE', suggestedMaxAmount: 50_000, currency: 'DKK' },
      interval: { unit: 'MONTH', count: 1 },
      externalId: 'man_01',
      phoneNumber: '4512345678',
      merchantAgreementUrl: 'https://shop.example/agreement',
    });
    world.vipps.recurring.accept(created.facts.providerId);
    expect(await state(created.facts.providerId)).toBe('active');
  });

  test('without a ceiling is one of no ceiling and no rhythm, in the currency of the market', async () => {
    const { pricing: _pricing, ...open } = WISH;
    expect(await mandates.create(world.write(), open)).toMatchObject({ kind: 'failed', reason: 'input', field: 'pricing' });
    const { facts } = valueOf(
      await mandates.create(world.write({ settings: { market: 'DK', agreementPage: 'https://shop.example/mine' } }), open),
    );
    const { request } = world.vipps.recurring.agreement(facts.providerId);
    expect(request).toMatchObject({ pricing: { type: 'FLEXIBLE', currency: 'DKK' }, merchantAgreementUrl: 'https://shop.example/mine' });
    expect(request).not.toHaveProperty('interval');
  });

  test('is one under one key, also when the answer was lost', async () => {
    valueOf(await payments.find!(world.context(), { reference: 'pay_none', notBefore: START }));
    world.vipps.faults.add({ match: 'POST /recurring', action: 'reset-after' });
    const create = () => mandates.create(world.context({ idempotencyKey: 'man_01:create:1' }), WISH);
    expect((await create()).kind).toBe('unknown');
    expect(valueOf(await create()).facts.state).toBe('pending');
    expect(world.vipps.log.executed('POST /recurring/v3/agreements')).toBe(1);
  });

  test('runs out after ten minutes, is refused, or is stopped by the customer', async () => {
    const { facts: left } = valueOf(await mandates.create(world.write(), WISH));
    const { facts: refused } = valueOf(await mandates.create(world.write(), WISH));
    world.vipps.recurring.reject(refused.providerId);
    const stopped = await agreed();
    world.vipps.recurring.stop(stopped, 'USER');
    await world.vipps.clock.advance(10 * MINUTE_MS);
    expect([await state(left.providerId), await state(refused.providerId), await state(stopped)]).toEqual([
      'expired',
      'revoked',
      'revoked',
    ]);
  });

  test('is revoked by us, twice with the same end, and one that ran out needs no revoking', async () => {
    const id = await agreed();
    const revoke = (providerId: string) => mandates.revoke(world.write(), { providerId });
    expect(valueOf(await revoke(id))).toMatchObject({ state: 'revoked' });
    expect(valueOf(await revoke(id))).toMatchObject({ state: 'revoked' });
    const { facts } = valueOf(await mandates.create(world.write(), WISH));
    await world.vipps.clock.advance(10 * MINUTE_MS);
    expect(valueOf(await revoke(facts.providerId))).toMatchObject({ state: 'expired' });
  });

  test('a revocation that was made and cannot be looked at is unknown', async () => {
    const id = await agreed();
    world.vipps.faults.add({ match: 'GET /recurring', action: '500-before' });
    expect((await mandates.revoke(world.write(), { providerId: id })).kind).toBe('unknown');
    expect(await state(id)).toBe('revoked');
  });

  test('pitfall 30: a state that is not known changes nothing, and is warned of', async () => {
    const id = await agreed();
    world.vipps.recurring.agreement(id).status = 'DREAMING';
    const context = world.context();
    expect(await mandates.fetch(context, { providerId: id })).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: 'agreement-unknown-state',
    });
    expect(context.logged.join()).toContain('DREAMING');
  });

  test('anything but an agreement, and ids of something else, are refused before anything is sent', async () => {
    expect(await mandates.create(world.write(), { ...WISH, kind: 'card' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'kind',
    });
    expect(
      await mandates.create(world.write(), { ...WISH, pricing: { most: { amount: '5', currency: 'JPY' }, every: 'week' } }),
    ).toMatchObject({ kind: 'failed', reason: 'input', field: 'pricing' });
    expect(await mandates.fetch(world.context(), { providerId: '../x' })).toMatchObject({ kind: 'failed', reason: 'permanent' });
    expect(await mandates.revoke(world.write(), { providerId: 'agr_/..' })).toMatchObject({ kind: 'failed', reason: 'permanent' });
    expect(world.vipps.log.all()).toHaveLength(0);
  });
});

describe('a charge', () => {
  test('waits for its day, and is money then', async () => {
    const mandate = await agreed();
    const created = valueOf(await charge(mandate));
    expect(created).toMatchObject({
      providerId: `${mandate}/kf-pay-07`,
      next: { kind: 'none' },
      facts: { providerState: 'PENDING', started: true, captured: 0 },
    });
    expect(world.vipps.recurring.chargeById('kf-pay-07')).toMatchObject({
      amount: 9_900,
      due: '2026-11-25',
      retryDays: 2,
      transactionType: 'DIRECT_CAPTURE',
    });
    await world.vipps.clock.advance(6 * DAY_MS);
    expect(await world.facts(created.providerId)).toMatchObject({
      providerState: 'CHARGED',
      captured: 9_900,
      authorized: 0,
      method: 'mobilepay',
    });
  });

  test('without a day it is due tomorrow, where tomorrow begins first', async () => {
    const mandate = await agreed();
    const { dueOn: _dueOn, ...open } = wish(mandate);
    await world.vipps.clock.advance(10.5 * 3_600_000);
    valueOf(await payments.charge!(world.write(), open));
    // 22:30 in London is half past midnight in Helsinki.
    expect(world.vipps.recurring.chargeById('kf-pay-07').due).toBe('2026-11-22');
  });

  test('pitfall 31: the provider tries again by itself for its days; only then is it failed, with the reason', async () => {
    const mandate = await agreed();
    world.vipps.recurring.agreement(mandate).failure = 'user_action_required';
    const { providerId } = valueOf(await charge(mandate));
    await world.vipps.clock.advance(6 * DAY_MS);
    expect(await world.facts(providerId)).toMatchObject({ providerState: 'DUE', captured: 0 });
    expect(await world.facts(providerId)).not.toHaveProperty('ended');
    await world.vipps.clock.advance(DAY_MS);
    expect(await world.facts(providerId)).toMatchObject({
      providerState: 'FAILED',
      ended: 'failed',
      failure: { reason: 'insufficient-funds', providerCode: 'user_action_required', retryable: true },
    });
    expect(world.vipps.recurring.chargeById('kf-pay-07').attempts).toBe(3);
  });

  test.each([
    ['charge_amount_too_high', 'limit', true],
    ['non_technical_error', 'account-closed', false],
    ['technical_error', 'technical', true],
    ['moon_phase', 'other', true],
  ])('that fails for %s is %s', async (providerCode, reason, retryable) => {
    const mandate = await agreed();
    world.vipps.recurring.agreement(mandate).failure = providerCode;
    const { providerId } = valueOf(await payments.charge!(world.write({ settings: { chargeRetryDays: 0 } }), wish(mandate)));
    await world.vipps.clock.advance(6 * DAY_MS);
    expect(await world.facts(providerId)).toMatchObject({ ended: 'failed', failure: { reason, providerCode, retryable } });
  });

  test('pitfall 32: an agreement that was stopped a moment ago is a decline, and nothing is charged', async () => {
    const mandate = await agreed();
    world.vipps.recurring.stop(mandate, 'USER');
    expect(await charge(mandate)).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
    expect(world.vipps.log.executed(CHARGE_CALL)).toBe(0);
    const { facts } = valueOf(await mandates.create(world.write(), WISH));
    expect(await charge(facts.providerId)).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'agreement-pending' });
  });

  test('pitfall 16: an answer that was lost is found, also when the agreement was stopped meanwhile', async () => {
    const mandate = await agreed();
    world.vipps.faults.add({ match: 'charges', action: 'reset-after' });
    expect((await charge(mandate)).kind).toBe('unknown');
    expect(valueOf(await payments.find!(world.context(), { reference: 'pay_07', notBefore: START }))).toMatchObject({
      providerId: `${mandate}/kf-pay-07`,
    });
    await world.vipps.clock.advance(6 * DAY_MS);
    world.vipps.recurring.stop(mandate, 'USER');
    expect(valueOf(await charge(mandate))).toMatchObject({ providerId: `${mandate}/kf-pay-07`, facts: { captured: 9_900 } });
    expect(world.vipps.log.executed(CHARGE_CALL)).toBe(1);
  });

  test('is made once under its id, whatever the key and the day', async () => {
    const mandate = await agreed();
    valueOf(await charge(mandate));
    valueOf(await charge(mandate, { dueOn: '2026-11-26' }));
    valueOf(await charge(mandate, {}, 'pay_07:charge:2'));
    expect(await charge(mandate, { amount: dkk('98.00') }, 'pay_07:charge:3')).toMatchObject({ kind: 'failed', reason: 'permanent' });
    expect(world.vipps.log.executed(CHARGE_CALL)).toBe(1);
  });

  test('above the ceiling, in another currency or in the past names the field', async () => {
    const mandate = await agreed();
    expect(await charge(mandate, { amount: dkk('500.01') }, 'k1')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
    expect(await charge(mandate, { amount: { amount: '5.00', currency: 'EUR' } }, 'k2')).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'amount',
    });
    expect(await charge(mandate, { dueOn: '2026-11-20' }, 'k3')).toMatchObject({ kind: 'failed', reason: 'input', field: 'dueOn' });
  });

  test('is cancelled before its day, and by the end of its agreement', async () => {
    const mandate = await agreed();
    const { providerId } = valueOf(await charge(mandate));
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({
      providerState: 'CANCELLED',
      ended: 'cancelled',
      voided: 0,
    });
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({ ended: 'cancelled' });
    const second = valueOf(await charge(mandate, { reference: 'pay_08' }, 'pay_08:charge:1'));
    world.vipps.recurring.stop(mandate, 'USER');
    expect(await world.facts(second.providerId)).toMatchObject({ ended: 'cancelled' });
  });

  test('pitfall 6: is refunded in parts; what is only accepted is pending, and counts once it is done', async () => {
    const mandate = await agreed();
    const { providerId } = valueOf(await charge(mandate));
    await world.vipps.clock.advance(6 * DAY_MS);
    const refund = (amount: string, key: string) =>
      payments.refund!(world.context({ idempotencyKey: key }), { providerId, reference: 'ref_1', amount: dkk(amount) });
    expect(valueOf(await refund('9.00', 'r1'))).toEqual({ providerId: 'r1', state: 'done' });
    expect(await refund('90.01', 'r2')).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount' });
    world.vipps.recurring.isSlow = true;
    expect(valueOf(await refund('90.00', 'r3'))).toEqual({ providerId: 'r3', state: 'pending' });
    expect(await world.facts(providerId)).toMatchObject({ captured: 9_900, refunded: 900 });
    await world.vipps.clock.advance(MINUTE_MS);
    expect(await world.facts(providerId)).toMatchObject({
      providerState: 'REFUNDED',
      refunded: 9_900,
      refunds: [
        { providerId: 'r1', amount: 900, state: 'done' },
        { providerId: 'r3', amount: 9_000, state: 'done' },
      ],
    });
  });

  test('is found by its bare id, as settlements have it', async () => {
    const mandate = await agreed();
    valueOf(await charge(mandate));
    expect(await world.facts('kf-pay-07')).toMatchObject({ providerState: 'DUE' });
    expect(await payments.fetch(world.context(), { providerId: 'kf-pay-99' })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '5090',
    });
  });

  test('a sales unit without the product has no charges, and looking for one does not stop its payments', async () => {
    world.vipps.gate.withoutProducts.push('/recurring/');
    expect(valueOf(await payments.find!(world.context(), { reference: 'pay_07', notBefore: START }))).toBeUndefined();
    const settings = { features: ['recurring'] as const };
    expect(await payments.find!(world.context({ settings }), { reference: 'pay_07', notBefore: START })).toMatchObject({
      kind: 'failed',
      reason: 'auth',
    });
  });
});

describe('a payment that asks to be charged again', () => {
  const save = { save: true } as const;

  test('is an agreement with a first charge; approved, it leaves money and a mandate', async () => {
    const created = await world.create(save);
    expect(created).toMatchObject({
      providerId: expect.stringMatching(/^agr_[^/]+\/kf-pay-01$/),
      next: { kind: 'redirect' },
      facts: { providerState: 'PENDING', captured: 0, mandate: { kind: 'agreement', state: 'pending' } },
    });
    expect(await world.facts(created.providerId)).toMatchObject({ started: false, mandate: { state: 'pending' } });
    const agreement = created.facts.mandate?.providerId ?? '';
    world.vipps.recurring.accept(agreement);
    expect(await world.facts(created.providerId)).toMatchObject({ captured: 12_500, mandate: { providerId: agreement, state: 'active' } });
    expect(valueOf(await charge(agreement)).providerId).toBe(`${agreement}/kf-pay-07`);
  });

  test('with manual capture reserves, is captured in parts, and the rest is released', async () => {
    const { providerId, facts } = await world.create({ ...save, capture: 'manual' });
    world.vipps.recurring.accept(facts.mandate?.providerId ?? '');
    expect(await world.facts(providerId)).toMatchObject({ authorized: 12_500, captured: 0, captureBefore: START + 14 * DAY_MS });
    expect(valueOf(await payments.capture!(world.write(), { providerId, amount: dkk('100.00') }))).toMatchObject({
      captured: 10_000,
      voided: 0,
    });
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({ captured: 10_000, voided: 2_500 });
  });

  test.each([
    [
      'says no',
      async (agreement: string) => world.vipps.recurring.reject(agreement),
      { ended: 'cancelled', mandate: { state: 'revoked' } },
    ],
    ['walks away', () => world.vipps.clock.advance(10 * MINUTE_MS), { ended: 'expired', mandate: { state: 'expired' } }],
  ])('ends with the agreement when the customer %s', async (_what, decide, expected) => {
    const { providerId, facts } = await world.create(save);
    await decide(facts.mandate?.providerId ?? '');
    expect(await world.facts(providerId)).toMatchObject(expected);
  });

  test('a first charge that fails is a failure, and there is no agreement', async () => {
    const { providerId, facts } = await world.create(save);
    const agreement = facts.mandate?.providerId ?? '';
    world.vipps.recurring.agreement(agreement).failure = 'user_action_required';
    world.vipps.recurring.accept(agreement);
    expect(await world.facts(providerId)).toMatchObject({
      ended: 'failed',
      failure: { reason: 'insufficient-funds' },
      mandate: { state: 'expired' },
    });
  });

  test('is found by our reference, with the page where it waits', async () => {
    const { providerId, next } = await world.create(save);
    expect(valueOf(await payments.find!(world.context(), { reference: 'pay_01', notBefore: START }))).toMatchObject({ providerId, next });
    expect(await payments.create(world.write(), { ...ORDER, ...save, flow: 'push' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'flow',
    });
  });

  test('under a new key the first one is the answer', async () => {
    const { providerId } = await world.create(save);
    expect(await world.create(save, { idempotencyKey: 'pay_01:create:2' })).toMatchObject({ providerId });
    const other = await payments.create(world.write(), { ...ORDER, ...save, amount: dkk('1.00') });
    expect(other).toMatchObject({ kind: 'failed', reason: 'permanent' });
    world.vipps.faults.add({ match: 'GET /recurring', action: '500-before' });
    expect((await payments.create(world.write(), { ...ORDER, ...save })).kind).toBe('unknown');
  });
});
