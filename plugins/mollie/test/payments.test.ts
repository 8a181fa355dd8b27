import { describe, expect, test } from '@jest/globals';
import { payments } from '../src/payments.ts';
import { CUSTOMER, euros, Fixture, ORDER, valueOf } from './fixture.ts';

const at = new Fixture();

describe('a checkout', () => {
  test('leads the customer to Mollie’s page and carries our payment id, addresses and language', async () => {
    const created = await at.create({ methods: ['ideal', 'card'], cancelUrl: 'https://shop.example/stop', customer: CUSTOMER });
    expect(created.next).toEqual({ kind: 'redirect', url: `${at.mollie.url}/checkout/select-method/${created.providerId}` });
    expect(created.facts).toMatchObject({ providerState: 'open', started: false, captured: 0, authorized: 0, currency: 'EUR' });
    expect(at.mollie.bodies).toEqual([
      {
        amount: { currency: 'EUR', value: '12.50' },
        description: '100 credits',
        redirectUrl: ORDER.returnUrl,
        cancelUrl: 'https://shop.example/stop',
        webhookUrl: ORDER.webhookUrl,
        method: ['ideal', 'creditcard'],
        locale: 'nl_NL',
        metadata: { payment_id: 'pay_01' },
      },
    ]);
  });

  test('becomes captured money with its method', async () => {
    const providerId = await at.paid();
    expect(await at.fetched(providerId)).toMatchObject({
      providerState: 'paid',
      started: true,
      captured: 1250,
      authorized: 0,
      method: 'ideal',
      refunds: [],
      disputes: [],
    });
    expect((await at.fetched(providerId)).provisionalUntil).toBeUndefined();
  });

  test('without methods the customer chooses on the page, which a person can open', async () => {
    const { providerId, next } = await at.create({ methods: [] });
    expect(at.mollie.bodies[0]).not.toHaveProperty('method');
    const page = await fetch(next.kind === 'redirect' ? next.url : '');
    expect(await page.text()).toContain('12.50 EUR (open)');
    const answer = await fetch(`${at.mollie.url}/checkout/select-method/${providerId}/paid`, { method: 'POST', redirect: 'manual' });
    expect(answer.headers.get('location')).toBe(ORDER.returnUrl);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
  });

  test('can be opened from a code', async () => {
    const { providerId, next, facts } = await at.create({ flow: 'qr' });
    const url = `${at.mollie.url}/checkout/select-method/${providerId}`;
    expect(next).toEqual({ kind: 'qr', payload: url, expiresAt: Math.floor(facts.fetchStartedAt / 1000) * 1000 + 900_000 });
  });

  test('card fields on our page pay with their token alone', async () => {
    const { facts } = await at.create({ flow: 'hosted-fields', token: 'tkn_1234567890', methods: [] });
    expect(at.mollie.bodies[0]).toMatchObject({ method: 'creditcard', cardToken: 'tkn_1234567890' });
    expect(facts).toMatchObject({ captured: 1250, method: 'card' });
  });

  test('a terminal is named by its id', async () => {
    await at.create({ flow: 'tap', device: 'term_1234567', methods: [] });
    expect(at.mollie.bodies[0]).toMatchObject({ method: 'pointofsale', terminalId: 'term_1234567' });
  });

  test.each([
    ['flow', { flow: 'push' }],
    ['token', { flow: 'hosted-fields' }],
    ['device', { flow: 'tap' }],
    ['customer', { save: true }],
    ['metadata', { metadata: { note: 'x'.repeat(1_100) } }],
  ] as const)('what Mollie cannot do is refused at %s before anything is sent', async (field, more) => {
    expect(await payments.create(at.context(), { ...ORDER, ...more })).toMatchObject({ kind: 'failed', reason: 'input', field });
    expect(at.mollie.log.all()).toHaveLength(0);
  });

  test('a description is put on one line and cut between characters', async () => {
    await at.create({ description: `Two\nlines ${'🧾'.repeat(300)}` });
    expect(at.mollie.bodies[0]?.['description']).toBe(`Two lines ${'🧾'.repeat(245)}`);
    await at.create({ reference: 'pay_02', description: ' ' });
    expect(at.mollie.bodies[1]?.['description']).toBe('pay_02');
  });

  test('the last day of a bank transfer is ours, of anything else Mollie’s', async () => {
    const expiresAt = Date.parse('2026-12-24T12:00:00Z');
    await at.create({ methods: ['bank-transfer'], expiresAt });
    await at.create({ reference: 'pay_02', expiresAt });
    expect(at.mollie.bodies[0]).toMatchObject({ method: 'banktransfer', dueDate: '2026-12-24' });
    expect(at.mollie.bodies[1]).not.toHaveProperty('dueDate');
  });
});

describe('how a payment ends', () => {
  test('a refused card tells why', async () => {
    const { providerId } = await at.create({ methods: ['card'] });
    at.mollie.book.decline(providerId, 'card_expired');
    expect(await at.fetched(providerId)).toMatchObject({
      ended: 'failed',
      captured: 0,
      method: 'card',
      failure: {
        reason: 'card-expired',
        providerCode: 'card_expired',
        retryable: false,
      },
    });
  });

  test('a customer who gives up cancels it, one who walks away lets it run out', async () => {
    const stopped = await at.create();
    const left = await at.create({ reference: 'pay_02' });
    at.mollie.book.abandon(stopped.providerId);
    await at.mollie.advance(15 * 60_000);
    expect(await at.fetched(stopped.providerId)).toMatchObject({ providerState: 'canceled', ended: 'cancelled', started: false });
    expect(await at.fetched(left.providerId)).toMatchObject({ providerState: 'expired', ended: 'expired' });
  });

  test('the amounts of test mode refuse as they say', async () => {
    const { providerId } = await at.create({ methods: ['card'], amount: euros('1009.00') });
    await fetch(`${at.mollie.url}/checkout/select-method/${providerId}/failed`, { method: 'POST', redirect: 'manual' });
    expect((await at.fetched(providerId)).failure).toEqual({ reason: 'fraud', providerCode: 'possible_fraud', retryable: false });
  });
});

describe('what a fetch tells', () => {
  test('pitfall 8: a payment that was paid and fails after all has no money any more', async () => {
    const providerId = await at.paid({ methods: ['card'] });
    Object.assign(at.mollie.book.payment(providerId), { status: 'failed', failedAt: at.mollie.clock.stamp() });
    expect(await at.fetched(providerId)).toMatchObject({ ended: 'failed', captured: 0, failure: { reason: 'other' } });
  });

  test('pitfall 11: amount and currency are what Mollie says, not what we asked for', async () => {
    const providerId = await at.paid();
    Object.assign(at.mollie.book.payment(providerId), { amount: { currency: 'DKK', value: '93.00' } });
    expect(await at.fetched(providerId)).toMatchObject({ currency: 'DKK', captured: 9300 });
  });

  test('pitfall 28: two attempts are two payments, and both can be paid', async () => {
    const [first, second] = [await at.paid(), await at.paid({ reference: 'pay_02' })];
    expect(first).not.toBe(second);
    for (const providerId of [first, second]) expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
  });

  test('pitfall 31: Mollie tries nothing again by itself', () => {
    expect(payments.traits?.retriesCharges ?? false).toBe(false);
  });
});

describe('manual capture', () => {
  const HELD = { methods: ['card'], capture: 'manual' } as const;

  test('authorizes, takes a part, and lets the rest go', async () => {
    const providerId = await at.paid(HELD);
    expect(await at.fetched(providerId)).toMatchObject({ authorized: 1250, captured: 0, voided: 0, captureBefore: expect.any(Number) });
    const part = await payments.capture!(at.context({ idempotencyKey: 'pay_01:capture:1' }), { providerId, amount: euros('10.00') });
    expect(valueOf(part)).toMatchObject({ providerState: 'authorized', authorized: 1250, captured: 1000, voided: 0 });
    const released = await payments.cancel!(at.context({ idempotencyKey: 'pay_01:cancel:1' }), { providerId });
    expect(valueOf(released)).toMatchObject({ providerState: 'paid', authorized: 1250, captured: 1000, voided: 250 });
  });

  test('takes all of it', async () => {
    const providerId = await at.paid(HELD);
    const outcome = await payments.capture!(at.context({ idempotencyKey: 'k' }), { providerId, amount: euros('12.50') });
    expect(valueOf(outcome)).toMatchObject({ authorized: 1250, captured: 1250, voided: 0 });
  });

  test('cancelling lets all of it go', async () => {
    const providerId = await at.paid(HELD);
    expect(valueOf(await payments.cancel!(at.context(), { providerId }))).toMatchObject({
      authorized: 1250,
      voided: 1250,
      captured: 0,
      ended: 'cancelled',
    });
  });

  test('more than what is held names the amount', async () => {
    const providerId = await at.paid(HELD);
    const outcome = await payments.capture!(at.context(), { providerId, amount: euros('12.51') });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field: 'amount', code: '422' });
  });

  test('pitfall 16: a capture whose answer was lost, and whose key is forgotten, is found to be done', async () => {
    const providerId = await at.paid(HELD);
    at.mollie.quirks.add({ match: '/captures', action: 'html-after' });
    const request = { providerId, amount: euros('12.50') };
    expect((await payments.capture!(at.context({ idempotencyKey: 'c' }), request)).kind).toBe('unknown');
    await at.mollie.advance(61 * 60_000);
    const again = await payments.capture!(at.context({ idempotencyKey: 'c', attempt: 2 }), request);
    expect(valueOf(again)).toMatchObject({ captured: 1250 });
    expect(at.mollie.log.executed('POST /v2/payments/:id/captures')).toBe(1);
  });

  test('pitfall 29: until when it can be captured is a fact, and after that it has run out', async () => {
    const providerId = await at.paid(HELD);
    const { captureBefore = 0 } = await at.fetched(providerId);
    expect(captureBefore - at.mollie.clock.now()).toBeGreaterThan(6 * 86_400_000);
    await at.mollie.advance(8 * 86_400_000);
    expect(await at.fetched(providerId)).toMatchObject({ ended: 'expired', authorized: 1250, voided: 1250 });
  });
});

describe('cancelling', () => {
  test('ends a transfer that is waited for', async () => {
    const { providerId } = await at.create({ methods: ['bank-transfer'] });
    expect(valueOf(await payments.cancel!(at.context(), { providerId }))).toMatchObject({ ended: 'cancelled' });
    expect(valueOf(await payments.cancel!(at.context({ attempt: 2 }), { providerId }))).toMatchObject({ ended: 'cancelled' });
  });

  test.each([
    ['that Mollie cannot call back', false, 'not-cancelable'],
    ['that is paid', true, 'already-paid'],
  ])('a payment %s stays as it is', async (_what, isPaid, code) => {
    const { providerId } = await at.create();
    if (isPaid) at.mollie.book.pay(providerId);
    expect(await payments.cancel!(at.context(), { providerId })).toMatchObject({ kind: 'failed', reason: 'permanent', code });
  });

  test('pitfall 27: when the customer pays in the moment of cancelling, the payment is what counts', async () => {
    const { providerId } = await at.create({ methods: ['card'] });
    const isCancelable = at.mollie.book.isCancelable.bind(at.mollie.book);
    // The first look finds it open; before the call arrives the customer has paid.
    at.mollie.book.isCancelable = (payment) => {
      const answer = isCancelable(payment);
      if (payment.status === 'open') setImmediate(() => payment.status === 'open' && at.mollie.book.pay(providerId));
      return answer;
    };
    expect(await payments.cancel!(at.context(), { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'already-paid',
    });
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
  });
});

describe('words that Mollie may add', () => {
  test('pitfall 30: an unknown status is kept verbatim, changes nothing and is warned of', async () => {
    const providerId = await at.paid();
    at.mollie.book.payment(providerId).status = 'levitating';
    const context = at.context();
    const facts = valueOf(await payments.fetch(context, { providerId }));
    expect(facts).toMatchObject({ providerState: 'levitating', captured: 1250 });
    expect(facts).not.toHaveProperty('ended');
    expect(context.logged.join()).toContain('payment status levitating');
  });

  test('pitfall 30: an unknown refund status is not done', async () => {
    const providerId = await at.paid();
    at.mollie.book.refundInDashboard(providerId, '5.00').status = 'meditating';
    const context = at.context();
    expect(valueOf(await payments.fetch(context, { providerId }))).toMatchObject({ refunded: 0, refundPending: 500 });
    expect(context.logged.join()).toContain('refund status meditating');
  });

  test('an unknown reason is kept', async () => {
    const { providerId } = await at.create({ methods: ['card'] });
    at.mollie.book.decline(providerId, 'bad_karma');
    expect((await at.fetched(providerId)).failure).toEqual({ reason: 'other', providerCode: 'bad_karma', retryable: true });
  });
});

describe('methods', () => {
  test('are what the account offers for this amount, with limits; a new one needs no new code', async () => {
    const methods = valueOf(await payments.methods!(at.context(), { amount: euros('12.50'), country: 'NL', locale: 'nl' }));
    expect(methods).toContainEqual({
      id: 'card',
      title: 'Card',
      flows: ['redirect', 'hosted-fields', 'qr'],
      least: 1,
      most: 1e6,
      saves: true,
      imageUrl: 'https://www.mollie.com/creditcard.svg',
    });
    expect(methods.map(({ id }) => id)).toEqual(expect.arrayContaining(['ideal', 'sepa-debit', 'bank-transfer', 'telepathy']));
    expect(methods.find(({ id }) => id === 'sepa-debit')).not.toHaveProperty('saves');
  });

  test('are fewer for a large amount, and those that save for a recurring one', async () => {
    const large = valueOf(await payments.methods!(at.context(), { amount: euros('20000.00') }));
    expect(large.map(({ id }) => id)).not.toContain('card');
    const saving = valueOf(await payments.methods!(at.context(), { amount: euros('12.50'), recurring: true }));
    expect(saving.map(({ id }) => id)).toEqual(['ideal', 'card', 'bancontact', 'paypal']);
    expect(saving.every(({ saves }) => saves)).toBe(true);
  });

  test('limits in another currency say nothing', async () => {
    const [method] = valueOf(await payments.methods!(at.context(), { amount: { amount: '100.00', currency: 'SEK' } }));
    expect(method).not.toHaveProperty('least');
  });
});
