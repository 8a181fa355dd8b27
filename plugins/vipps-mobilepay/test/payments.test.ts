import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { payments } from '../src/payments.ts';
import { DAY_MS, dkk, MINUTE_MS, ORDER, START, valueOf, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.close());

describe('a payment by link', () => {
  test('leads to the landing page and carries our id as its reference', async () => {
    const created = await world.create({ metadata: { order: 'ord_1' } });
    expect(created).toMatchObject({
      providerId: 'kf-pay-01',
      facts: { providerState: 'CREATED', started: true, authorized: 0, captured: 0, currency: 'DKK' },
    });
    expect(created.next).toEqual({ kind: 'redirect', url: expect.stringContaining('/landing/') });
    expect(world.vipps.payments.get('kf-pay-01').request).toEqual({
      amount: { currency: 'DKK', value: 12_500 },
      paymentMethod: { type: 'WALLET' },
      reference: 'kf-pay-01',
      userFlow: 'WEB_REDIRECT',
      returnUrl: 'https://shop.example/return?x=1',
      paymentDescription: 'Invoice 2026-0042',
      metadata: { order: 'ord_1' },
    });
  });

  test('is authorized by the customer, captured by us, and stays “AUTHORIZED” to the provider', async () => {
    const providerId = await world.approved();
    const authorized = await world.facts(providerId);
    expect(authorized).toMatchObject({ providerState: 'AUTHORIZED', authorized: 12_500, captured: 0, voided: 0, method: 'mobilepay' });
    expect(authorized).not.toHaveProperty('ended');
    const captured = valueOf(await payments.capture!(world.write(), { providerId, amount: ORDER.amount }));
    expect(captured).toMatchObject({ providerState: 'AUTHORIZED', captured: 12_500, refunded: 0 });
    expect(await world.facts(providerId)).toMatchObject({ providerState: 'AUTHORIZED', captured: 12_500 });
  });

  test('money is never taken without a capture, also when it was asked for as automatic, and the trait says so', async () => {
    const providerId = await world.approved({ capture: 'automatic' });
    await world.vipps.clock.advance(DAY_MS);
    expect(await world.facts(providerId)).toMatchObject({ captured: 0, authorized: 12_500 });
    expect(payments.traits).toMatchObject({ capturesByRequest: true, retriesCharges: true, chargebacksInSettlements: true });
  });

  test('ends as expired after ten minutes, as cancelled when the customer says no', async () => {
    const left = await world.create();
    const refused = await world.create({ reference: 'pay_02' });
    world.vipps.payments.abort(refused.providerId);
    await world.vipps.clock.advance(10 * MINUTE_MS);
    expect(await world.facts(left.providerId)).toMatchObject({ providerState: 'EXPIRED', ended: 'expired' });
    expect(await world.facts(refused.providerId)).toMatchObject({
      providerState: 'ABORTED',
      ended: 'cancelled',
      failure: { reason: 'cancelled-by-customer', providerCode: 'ABORTED', retryable: true },
    });
  });

  test.each([151, 182, 183, 184, 186, 187, 197, 202])(
    'magic amount %i: the bank refuses, the payment stays open, and once over it tells why',
    async (minor) => {
      const { providerId } = await world.create({ amount: dkk((minor / 100).toFixed(2)) });
      world.vipps.payments.approve(providerId);
      expect(await world.facts(providerId)).toMatchObject({ providerState: 'CREATED', authorized: 0 });
      expect(await world.facts(providerId)).not.toHaveProperty('ended');
      await world.vipps.clock.advance(10 * MINUTE_MS);
      expect(await world.facts(providerId)).toMatchObject({
        ended: 'expired',
        failure: { reason: 'card-declined', providerCode: 'AUTHORIZED', retryable: true },
      });
    },
  );

  test('magic amount 201: nothing is known for an hour, then it is approved', async () => {
    const { providerId } = await world.create({ amount: dkk('2.01') });
    world.vipps.payments.approve(providerId);
    await world.vipps.clock.advance(59 * MINUTE_MS);
    expect(await world.facts(providerId)).toMatchObject({ providerState: 'CREATED', authorized: 0 });
    await world.vipps.clock.advance(2 * MINUTE_MS);
    expect(await world.facts(providerId)).toMatchObject({ authorized: 201 });
  });
});

describe('other ways to the app', () => {
  test('a push goes to the phone number without its plus and has no address', async () => {
    const created = await world.create({ flow: 'push', customer: { reference: 'cus_1', phone: '+4512345678' } });
    expect(created.next).toEqual({ kind: 'push', expiresAt: START + 10 * MINUTE_MS });
    expect(world.vipps.payments.get(created.providerId).request).toMatchObject({
      userFlow: 'PUSH_MESSAGE',
      customer: { phoneNumber: '4512345678' },
    });
  });

  test('pitfall 36: numbers are normalised, and who is no customer is not told apart from who is too young', async () => {
    world.vipps.payments.strangers.add('4587654321');
    const stranger = await payments.create(world.write(), {
      ...ORDER,
      flow: 'push',
      customer: { reference: 'cus_1', phone: '+45 87 65 43 21' },
    });
    expect(stranger).toMatchObject({ kind: 'failed', reason: 'input', field: 'customer.phone', code: '7010' });
    expect(JSON.stringify(stranger)).not.toMatch(/8765|young|\bage\b|exist/i);
    for (const phone of ['12345678', 'call me', '+4512345678901234', undefined]) {
      const outcome = await payments.create(world.write(), {
        ...ORDER,
        flow: 'push',
        customer: { reference: 'cus_1', ...(phone === undefined ? {} : { phone }) },
      });
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field: 'customer.phone' });
    }
  });

  test('a push or a long life that the sales unit is not approved for is said, and is no matter of the keys', async () => {
    Object.assign(world.vipps.unit, { push: false, longLiving: false });
    const customer = { reference: 'cus_1', phone: '+4512345678' };
    expect(await payments.create(world.write(), { ...ORDER, flow: 'push', customer })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '5080',
    });
    const settings = { features: ['long-living'] as const };
    const lasting = await payments.create(world.write({ settings }), { ...ORDER, flow: 'qr', expiresAt: START + DAY_MS });
    expect(lasting).toMatchObject({ kind: 'failed', reason: 'permanent', code: '5050' });
  });

  test('a code is the text to draw', async () => {
    const created = await world.create({ flow: 'qr' });
    expect(created.next).toEqual({ kind: 'qr', payload: expect.stringContaining('/landing/'), expiresAt: START + 10 * MINUTE_MS });
    expect(world.vipps.payments.get(created.providerId).request).toMatchObject({
      userFlow: 'QR',
      qrFormat: { format: 'TEXT/TARGETURL' },
      customerInteraction: 'CUSTOMER_NOT_PRESENT',
    });
  });

  test('an approved sales unit keeps a push open for days, with the receipt that this needs', async () => {
    const expiresAt = START + 3 * DAY_MS;
    const order = { flow: 'push', customer: { reference: 'cus_1', phone: '+4512345678' }, expiresAt } as const;
    const created = await world.create(order, { settings: { features: ['long-living'] } });
    expect(created.next).toEqual({ kind: 'push', expiresAt });
    await world.vipps.clock.advance(2 * DAY_MS);
    world.vipps.payments.approve(created.providerId);
    expect(await world.facts(created.providerId)).toMatchObject({ authorized: 12_500 });
    const short = await payments.create(world.write({ settings: { features: ['long-living'] } }), {
      ...ORDER,
      ...order,
      reference: 'pay_02',
      expiresAt: START + 2 * DAY_MS + 1_000,
    });
    expect(short).toMatchObject({ kind: 'failed', reason: 'input', field: 'expiresAt', code: '6120' });
  });

  test.each([
    ['hosted-fields', {}, 'flow'],
    ['tap', {}, 'flow'],
    ['redirect', { methods: ['ideal'] }, 'methods'],
    ['redirect', { methods: ['card'] }, 'methods'],
    ['redirect', { reference: 'pay__1' }, 'reference'],
    ['redirect', { reference: 'p'.repeat(60) }, 'reference'],
    ['redirect', { metadata: { a: '1', b: '2', c: '3', d: '4', e: '5', f: '6' } }, 'metadata'],
  ] as const)('what cannot be asked for is refused before anything is sent: %s %j', async (flow, more, field) => {
    expect(await payments.create(world.write(), { ...ORDER, flow, ...more })).toMatchObject({ kind: 'failed', reason: 'input', field });
    expect(world.vipps.log.all()).toHaveLength(0);
  });

  test('methods follow the currency, the market and what the sales unit is approved for', async () => {
    const ids = async (currency: string, settings: object, recurring = false): Promise<unknown> =>
      valueOf(await payments.methods!(world.context({ settings }), { amount: { amount: '10.00', currency }, recurring })).map(
        ({ id, flows }) => [id, ...flows],
      );
    expect(await ids('DKK', {})).toEqual([['mobilepay', 'redirect', 'qr']]);
    expect(await ids('NOK', { features: ['push'] })).toEqual([['vipps', 'redirect', 'push', 'qr']]);
    expect(await ids('NOK', { market: 'DK' })).toEqual([]);
    expect(await ids('SEK', {})).toEqual([]);
    expect(await ids('EUR', {}, true)).toEqual([]);
    expect(await ids('EUR', { features: ['recurring', 'card'] }, true)).toEqual([['mobilepay', 'redirect']]);
  });
});

describe('reserved money', () => {
  test('is taken in parts, and the rest is released', async () => {
    const providerId = await world.approved({ capture: 'manual' });
    valueOf(await payments.capture!(world.write(), { providerId, amount: dkk('40.00') }));
    expect(valueOf(await payments.capture!(world.write(), { providerId, amount: dkk('60.00') }))).toMatchObject({
      authorized: 12_500,
      captured: 10_000,
      voided: 0,
    });
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({
      authorized: 12_500,
      captured: 10_000,
      voided: 2_500,
    });
  });

  test('is released as a whole by a cancellation', async () => {
    const providerId = await world.approved();
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({
      authorized: 12_500,
      voided: 12_500,
      captured: 0,
    });
  });

  test('cannot be taken beyond what is reserved, nor before it is', async () => {
    const providerId = await world.approved();
    expect(await payments.capture!(world.write(), { providerId, amount: dkk('125.01') })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'amount',
      code: '6090',
    });
    const { providerId: open } = await world.create({ reference: 'pay_02' });
    expect(await payments.capture!(world.write(), { providerId: open, amount: ORDER.amount })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '6080',
    });
  });

  test.each([
    ['DKK', 14],
    ['NOK', 180],
  ])('pitfall 29: in %s it has to be taken within %i days, told by the provider or counted from the event log', async (currency, days) => {
    Object.assign(world.vipps.unit, { currency, captureDays: days });
    const amount = { amount: '125.00', currency };
    const providerId = await world.approved({ amount });
    const told = await world.facts(providerId);
    expect(told.captureBefore).toBe(START + days * DAY_MS);
    world.vipps.unit.tellsCaptureDate = false;
    expect((await world.facts(providerId)).captureBefore).toBe(START + days * DAY_MS);

    await world.vipps.clock.advance(days * DAY_MS + 1);
    expect(await payments.capture!(world.write(), { providerId, amount })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '6100',
    });
  });

  test('a bank that let go of it is a decline, and a capture that is to be sent again unchanged is unknown', async () => {
    const providerId = await world.approved();
    const answer = (code: number) => () =>
      Promise.resolve(Response.json({ status: 400, extraDetails: [{ name: 'ErrorCode', reason: String(code) }] }, { status: 400 }));
    const token = world.context();
    valueOf(await payments.fetch(token, { providerId }));
    expect(await payments.capture!({ ...world.write(), fetch: answer(6260) }, { providerId, amount: ORDER.amount })).toMatchObject({
      kind: 'declined',
      code: 'insufficient-funds',
    });
    expect(await payments.capture!({ ...world.write(), fetch: answer(6280) }, { providerId, amount: ORDER.amount })).toMatchObject({
      kind: 'unknown',
    });
  });
});

describe('cancelling', () => {
  test('ends a payment before its customer approves', async () => {
    const { providerId } = await world.create();
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({
      providerState: 'TERMINATED',
      ended: 'cancelled',
    });
  });

  test('of one that is over already tells how it ended, and of one that is paid is refused', async () => {
    const { providerId } = await world.create();
    await world.vipps.clock.advance(11 * MINUTE_MS);
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({ ended: 'expired' });
    const paid = await world.captured({ reference: 'pay_02' });
    expect(await payments.cancel!(world.write(), { providerId: paid })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '6040',
    });
  });

  test('pitfall 27: while the customer approves it is refused as temporary, and the approval wins', async () => {
    const { providerId } = await world.create();
    await world.vipps.clock.advance(10 * MINUTE_MS - 1_000);
    world.vipps.payments.beginApproval(providerId);
    expect(await payments.cancel!(world.write(), { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: '6250',
      retryAfterMs: 2_000,
    });
    await world.vipps.clock.advance(30_000);
    expect(await world.facts(providerId)).not.toHaveProperty('ended');
    world.vipps.payments.approve(providerId);
    expect(await world.facts(providerId)).toMatchObject({ authorized: 12_500 });
    expect(valueOf(await payments.cancel!(world.write(), { providerId }))).toMatchObject({ voided: 12_500 });
  });
});

describe('refunds', () => {
  test('in parts, each found again under the key by which it was asked for', async () => {
    const providerId = await world.captured();
    const first = valueOf(
      await payments.refund!(world.context({ idempotencyKey: 'pay_01:refund:1' }), {
        providerId,
        reference: 'ref_1',
        amount: dkk('25.00'),
      }),
    );
    expect(first).toEqual({ providerId: 'pay_01:refund:1', state: 'done' });
    valueOf(
      await payments.refund!(world.context({ idempotencyKey: 'pay_01:refund:2' }), {
        providerId,
        reference: 'ref_2',
        amount: dkk('100.00'),
      }),
    );
    expect(await world.facts(providerId)).toMatchObject({
      captured: 12_500,
      refunded: 12_500,
      refunds: [
        { providerId: 'pay_01:refund:1', amount: 2_500, state: 'done' },
        { providerId: 'pay_01:refund:2', amount: 10_000, state: 'done' },
      ],
    });
  });

  test('of more than was captured, or after a year, are refused', async () => {
    const providerId = await world.captured();
    expect(await payments.refund!(world.write(), { providerId, reference: 'ref_1', amount: dkk('125.01') })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'amount',
      code: '6150',
    });
    expect(await payments.refund!(world.write(), { providerId, reference: 'ref_1', amount: dkk('1.23') })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '5100',
    });
    await world.vipps.clock.advance(366 * DAY_MS);
    expect(await payments.refund!(world.write(), { providerId, reference: 'ref_1', amount: dkk('5.00') })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: '6220',
    });
  });

  test('pitfall 5: what was captured and refunded in the business portal is seen', async () => {
    const providerId = await world.approved();
    world.vipps.payments.byPortal(providerId, 'capture', 10_000);
    world.vipps.payments.byPortal(providerId, 'refund', 3_000);
    const facts = await world.facts(providerId);
    expect(facts).toMatchObject({ captured: 10_000, refunded: 3_000 });
    expect(facts.refunds).toEqual([
      { providerId: world.vipps.payments.get(providerId).events.at(-1)?.['pspReference'], amount: 3_000, state: 'done' },
    ]);
  });

  test('an event log that cannot be had leaves the totals', async () => {
    const providerId = await world.captured();
    world.vipps.payments.byPortal(providerId, 'refund', 3_000);
    world.vipps.faults.add({ match: '/events', action: '500-before' });
    const facts = await world.facts(providerId);
    expect(facts).toMatchObject({ refunded: 3_000 });
    expect(facts).not.toHaveProperty('refunds');
  });
});

describe('words that are not known', () => {
  test('pitfall 30: an unknown state is kept verbatim, ends nothing, and is warned of', async () => {
    const providerId = await world.approved();
    world.vipps.payments.get(providerId).state = 'PONDERING';
    const context = world.context();
    const facts = valueOf(await payments.fetch(context, { providerId }));
    expect(facts).toMatchObject({ providerState: 'PONDERING', authorized: 12_500 });
    expect(facts).not.toHaveProperty('ended');
    expect(context.logged.join()).toContain('PONDERING');
  });

  test('an answer without amounts is not read as one with none', async () => {
    const { providerId } = await world.create();
    const fetch = () => Promise.resolve(Response.json({ state: 'AUTHORIZED', amount: { currency: 'DKK', value: 1 } }));
    expect(await payments.fetch({ ...world.context(), fetch }, { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
    expect(await payments.cancel!({ ...world.write(), fetch }, { providerId })).toMatchObject({ kind: 'unknown' });
  });

  test('ids of something else never become a part of an address', async () => {
    for (const providerId of ['../webhooks', 'pay_1?x', 'agr_1/../2', 'short', '']) {
      expect(await payments.fetch(world.context(), { providerId })).toMatchObject({
        kind: 'failed',
        reason: 'permanent',
        code: 'payment-id',
      });
    }
    expect(world.vipps.log.all()).toHaveLength(0);
  });
});
