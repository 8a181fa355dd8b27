import { describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS } from '@kassaflow/plugin-sdk';
import { DECLINES } from '../src/declines.ts';
import { mandates } from '../src/mandates.ts';
import { payments } from '../src/payments.ts';
import { CUSTOMER, euros, Fixture, ORDER, valueOf } from './fixture.ts';

const at = new Fixture();
const DAY = 86_400_000;

const refund = (
  providerId: string,
  amount = '5.00',
  more: { readonly key?: string; readonly reference?: string; readonly attempt?: number } = {},
) => {
  const { key = 'ref_1:1', reference = 'ref_1', attempt = 1 } = more;
  return payments.refund!(at.context({ idempotencyKey: key, attempt }), {
    providerId,
    reference,
    amount: euros(amount),
    reason: 'Not wanted',
  });
};

describe('refunds', () => {
  test('pitfall 6: one that is accepted is not done; it is done a day later, once under one key', async () => {
    const providerId = await at.paid();
    const first = await refund(providerId);
    const again = await refund(providerId);
    expect(valueOf(first)).toMatchObject({ state: 'pending' });
    expect(again).toEqual(first);
    expect(at.mollie.log.executed('POST /v2/payments/:id/refunds')).toBe(1);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, refunded: 0, refundPending: 500 });
    await at.mollie.advance(DAY);
    expect(await at.fetched(providerId)).toMatchObject({
      providerState: 'paid',
      captured: 1250,
      refunded: 500,
      refundPending: 0,
      refunds: [
        {
          reference: 'ref_1',
          amount: 500,
          state: 'done',
        },
      ],
    });
  });

  test('pitfall 6: one without balance is queued, and one that fails after it was done counts no more', async () => {
    at.mollie.book.hasBalance = false;
    const providerId = await at.paid();
    const { providerId: id, state } = valueOf(await refund(providerId));
    expect(state).toBe('pending');
    expect(await at.fetched(providerId)).toMatchObject({ refunded: 0, refundPending: 500 });
    at.mollie.book.finishRefund(id, 'refunded');
    expect(await at.fetched(providerId)).toMatchObject({ refunded: 500, refundPending: 0 });
    at.mollie.book.finishRefund(id, 'failed');
    expect(await at.fetched(providerId)).toMatchObject({
      refunded: 0,
      refundPending: 0,
      refunds: [
        {
          providerId: id,
          reference: 'ref_1',
          amount: 500,
          state: 'failed',
          failure: 'failed',
        },
      ],
    });
  });

  test('pitfall 5: parts, and those made in the dashboard, all count; only ours have our name', async () => {
    const providerId = await at.paid();
    valueOf(await refund(providerId, '2.00'));
    valueOf(await refund(providerId, '3.00', { key: 'ref_2:1', reference: 'ref_2' }));
    at.mollie.book.refundInDashboard(providerId, '7.50');
    await at.mollie.advance(DAY);
    const facts = await at.fetched(providerId);
    expect(facts).toMatchObject({ providerState: 'paid', captured: 1250, refunded: 1250 });
    expect(facts.refunds?.map(({ reference }) => reference)).toEqual([undefined, 'ref_2', 'ref_1']);
  });

  test.each([
    ['more than was paid', true, '12.51', { reason: 'input', field: 'amount' }],
    ['of what was not paid', false, '1.00', { reason: 'permanent', code: '422' }],
  ] as const)('%s is refused', async (_what, isPaid, amount, refusal) => {
    const { providerId } = await at.create();
    if (isPaid) at.mollie.book.pay(providerId);
    expect(await refund(providerId, amount)).toMatchObject({ kind: 'failed', ...refusal });
  });

  test('a second one of the same amount within the hour waits for the hour to pass', async () => {
    const providerId = await at.paid();
    valueOf(await refund(providerId));
    const second = { key: 'ref_2:1', reference: 'ref_2' };
    expect(await refund(providerId, '5.00', second)).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: 'duplicate-refund',
      retryAfterMs: 3_600_000,
    });
    await at.mollie.advance(3_600_001);
    expect(valueOf(await refund(providerId, '5.00', { ...second, attempt: 2 }))).toMatchObject({ state: 'pending' });
  });

  test('pitfall 14: after a lost answer and a forgotten key, the refund is found and not made twice', async () => {
    const providerId = await at.paid();
    at.mollie.quirks.add({ match: '/refunds', action: 'html-after' });
    expect((await refund(providerId)).kind).toBe('unknown');
    await at.mollie.advance(2 * 3_600_000);
    expect(valueOf(await refund(providerId, '5.00', { attempt: 2 }))).toMatchObject({ state: 'pending' });
    expect(at.mollie.book.refunds).toHaveLength(1);
  });

  test('the same refund under another key is recognised by its name', async () => {
    const providerId = await at.paid();
    const first = valueOf(await refund(providerId));
    expect(valueOf(await refund(providerId, '5.00', { key: 'ref_1:other' }))).toEqual(first);
    expect(at.mollie.book.refunds).toHaveLength(1);
  });

  test('503 in Mollie’s words says that nothing happened; a gateway’s 502 says nothing', async () => {
    const providerId = await at.paid();
    at.mollie.quirks.add({ match: '/refunds', action: '503' }, { match: '/refunds', action: 'html-before' });
    expect(await refund(providerId)).toMatchObject({ kind: 'failed', reason: 'temporary', code: '503' });
    expect((await refund(providerId)).kind).toBe('unknown');
  });

  test('64 at once never give back more than was paid', async () => {
    const providerId = await at.paid();
    const amounts = Array.from({ length: 64 }, (_, index) => `${1 + (index % 9)}.${String(index).padStart(2, '0')}`);
    await Promise.all(amounts.map((amount, index) => refund(providerId, amount, { key: `r${index}`, reference: `r${index}` })));
    const { refundPending } = await at.fetched(providerId);
    expect(refundPending).toBeGreaterThan(0);
    expect(refundPending).toBeLessThanOrEqual(1250);
  });
});

describe('debits and chargebacks', () => {
  /** A first payment by iDEAL leaves a mandate; a charge under it goes to the bank. */
  async function debit(): Promise<string> {
    const first = await at.paid({ save: true, customer: CUSTOMER });
    const { mandate } = await at.fetched(first);
    const charged = await payments.charge!(at.context({ idempotencyKey: 'pay_02:charge:1' }), {
      reference: 'pay_02',
      mandate: mandate?.providerId ?? '',
      customer: mandate?.customer ?? '',
      amount: euros('12.50'),
      description: 'Month 2',
      returnUrl: ORDER.returnUrl,
      webhookUrl: ORDER.webhookUrl,
    });
    return valueOf(charged).providerId;
  }

  test('pitfall 7: a debit is under way for days, then paid, and comes back weeks later', async () => {
    const id = await debit();
    expect(await at.fetched(id)).toMatchObject({ providerState: 'pending', started: true, captured: 0, method: 'sepa-debit' });
    await at.mollie.advance(3 * DAY);
    at.mollie.book.settle(id, 'paid');
    const paid = await at.fetched(id);
    expect(paid).toMatchObject({ captured: 1250, chargedBack: 0 });
    expect((paid.provisionalUntil ?? 0) - at.mollie.clock.now()).toBeGreaterThan(55 * DAY);
    await at.mollie.advance(40 * DAY);
    const { id: chargeback } = at.mollie.book.chargeBack(id, { code: 'MD06' });
    expect(await at.fetched(id)).toMatchObject({
      providerState: 'paid',
      captured: 1250,
      chargedBack: 1250,
      mandate: { state: 'active' },
      disputes: [
        {
          providerId: chargeback,
          state: 'lost',
          amount: 1250,
          reason: 'MD06',
        },
      ],
      failure: {
        reason: 'cancelled-by-customer',
        providerCode: 'MD06',
        retryable: false,
      },
    });
  });

  test('a debit that bounces tells the bank’s code', async () => {
    const id = await debit();
    at.mollie.book.settle(id, 'failed', 'AM04');
    expect(await at.fetched(id)).toMatchObject({
      ended: 'failed',
      captured: 0,
      failure: {
        reason: 'insufficient-funds',
        providerCode: 'AM04',
        retryable: true,
      },
    });
  });

  test('pitfall 9: a chargeback that is reversed is won, and takes nothing back any more', async () => {
    const providerId = await at.paid({ methods: ['card'] });
    const { id } = at.mollie.book.chargeBack(providerId, { code: '10.4' });
    const disputed = await at.fetched(providerId);
    expect(disputed).toMatchObject({ chargedBack: 1250, disputes: [{ state: 'opened', reason: '10.4' }] });
    expect(disputed).not.toHaveProperty('failure');
    at.mollie.book.reverseChargeback(id);
    const facts = await at.fetched(providerId);
    expect(facts).toMatchObject({ captured: 1250, chargedBack: 0, disputes: [{ providerId: id, state: 'won', amount: 1250 }] });
    expect(facts).not.toHaveProperty('failure');
  });

  test('every code has one of our reasons and a source', () => {
    for (const { reason, source } of Object.values(DECLINES)) {
      expect(DECLINE_REASONS).toContain(reason);
      expect(source).toMatch(/mollie\.com|EPC/);
    }
  });
});

describe('mandates', () => {
  const charge = (mandate: string, customer: string, reference = 'pay_02') =>
    payments.charge!(at.context({ idempotencyKey: `${reference}:charge:1` }), {
      reference,
      mandate,
      customer,
      amount: euros('9.95'),
      description: 'Month 2',
      returnUrl: ORDER.returnUrl,
      webhookUrl: ORDER.webhookUrl,
    });

  test('a first payment makes a customer and leaves a mandate that can be charged', async () => {
    const providerId = await at.paid({ save: true, customer: CUSTOMER });
    const { mandate } = await at.fetched(providerId);
    expect(mandate).toMatchObject({
      kind: 'sepa-debit',
      state: 'active',
      label: 'NL•• INGB •••• 6789',
      fingerprint: expect.stringMatching(/^account:/),
    });
    expect(JSON.stringify(mandate)).not.toContain('NL53INGB');
    expect(at.mollie.bodies[0]).toEqual({
      name: 'T. Tester',
      email: 't@example.com',
      locale: 'nl_NL',
      metadata: { customer_id: 'cus_01' },
    });
    const charged = valueOf(await charge(mandate?.providerId ?? '', mandate?.customer ?? ''));
    expect(charged).toMatchObject({ next: { kind: 'none' }, facts: { providerState: 'pending', captured: 0 } });
    expect(at.mollie.bodies.at(-1)).not.toHaveProperty('redirectUrl');
    const found = await payments.find!(at.context(), { reference: 'pay_02', notBefore: at.mollie.clock.now() });
    expect(valueOf(found)?.providerId).toBe(charged.providerId);
  });

  test('a known customer is used again, and a lost answer makes no second one within the hour', async () => {
    at.mollie.faults.add({ match: 'POST /v2/customers', action: '500-after' });
    const order = { ...ORDER, save: true, customer: CUSTOMER };
    const context = () => at.context({ idempotencyKey: 'pay_01:create:1' });
    expect(await payments.create(context(), order)).toMatchObject({ kind: 'failed', reason: 'temporary' });
    const { providerId } = valueOf(await payments.create(context(), order));
    expect(at.mollie.book.customers).toHaveLength(1);
    const customerId = at.mollie.book.payment(providerId).customerId ?? '';
    await at.create({ reference: 'pay_03', save: true, customer: { ...CUSTOMER, providerId: customerId } });
    expect(at.mollie.book.customers).toHaveLength(1);
  });

  test('a card’s mandate says until when, and is charged at once', async () => {
    const providerId = await at.paid({ methods: ['card'], save: true, customer: CUSTOMER });
    const { mandate } = await at.fetched(providerId);
    expect(mandate).toMatchObject({
      kind: 'card',
      label: 'Visa •••• 4242',
      fingerprint: 'card:fp_4242visa',
      validUntil: Date.parse('2029-04-01') - 1,
    });
    expect(valueOf(await charge(mandate?.providerId ?? '', mandate?.customer ?? '')).facts).toMatchObject({ captured: 995 });
    at.mollie.book.refuseNextCharge = 'insufficient_funds';
    expect(valueOf(await charge(mandate?.providerId ?? '', mandate?.customer ?? '', 'pay_03')).facts).toMatchObject({
      ended: 'failed',
      captured: 0,
      failure: {
        reason: 'insufficient-funds',
        retryable: true,
      },
    });
  });

  test('a card that is too old is declined for that, and no payment is made', async () => {
    const { mandate } = await at.fetched(await at.paid({ methods: ['card'], save: true, customer: CUSTOMER }));
    at.mollie.book.confirmMandate(mandate?.providerId ?? '', 'invalid');
    await at.mollie.advance(4 * 365 * DAY);
    expect(await charge(mandate?.providerId ?? '', mandate?.customer ?? '')).toMatchObject({ kind: 'declined', code: 'card-expired' });
    at.mollie.faults.add({ match: 'GET', action: '500-before' });
    expect(await charge(mandate?.providerId ?? '', mandate?.customer ?? '')).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
    expect(at.mollie.book.payments).toHaveLength(1);
  });

  test('a mandate may be pending first, and is asked for again', async () => {
    at.mollie.book.mandatesPend = true;
    const providerId = await at.paid({ save: true, customer: CUSTOMER });
    const { mandate } = await at.fetched(providerId);
    expect(mandate?.state).toBe('pending');
    expect(await charge(mandate?.providerId ?? '', mandate?.customer ?? '')).toMatchObject({
      kind: 'failed',
      reason: 'temporary',
      code: 'mandate-pending',
    });
    at.mollie.book.confirmMandate(mandate?.providerId ?? '');
    expect((await at.fetched(providerId)).mandate?.state).toBe('active');
  });

  test('pitfall 32: a mandate that was revoked between two charges is declined, and no payment is made', async () => {
    const { mandate } = await at.fetched(await at.paid({ save: true, customer: CUSTOMER }));
    const request = { providerId: mandate?.providerId ?? '', customer: mandate?.customer ?? '' };
    expect(valueOf(await mandates.revoke(at.context({ idempotencyKey: 'm:revoke' }), request))).toMatchObject({ state: 'revoked' });
    expect(valueOf(await mandates.revoke(at.context({ idempotencyKey: 'm:revoke' }), request))).toMatchObject({ state: 'revoked' });
    expect(valueOf(await mandates.fetch(at.context(), request))).toMatchObject({ state: 'revoked' });
    const before = at.mollie.book.payments.length;
    expect(await charge(request.providerId, request.customer)).toMatchObject({ kind: 'declined', code: 'mandate-revoked' });
    expect(at.mollie.book.payments).toHaveLength(before);
  });

  test.each([
    ['sepa-debit', { currency: 'EUR', value: '0.01' }],
    ['card', { currency: 'EUR', value: '0.00' }],
  ] as const)('a %s mandate without a sale is asked for on Mollie’s page, and has its own id once it is there', async (kind, amount) => {
    const created = await mandates.create(at.context({ idempotencyKey: 'man_01:create:1' }), {
      reference: 'man_01',
      kind,
      description: 'Monthly',
      returnUrl: ORDER.returnUrl,
      webhookUrl: ORDER.webhookUrl,
      customer: CUSTOMER,
    });
    const { facts, next } = valueOf(created);
    expect(facts).toMatchObject({ providerId: expect.stringMatching(/^tr_/), kind, state: 'pending' });
    expect(next.kind).toBe('redirect');
    expect(at.mollie.bodies.at(-1)).toMatchObject({ amount, sequenceType: 'first', metadata: { mandate_id: 'man_01' } });
    at.mollie.book.pay(facts.providerId);
    expect(valueOf(await mandates.fetch(at.context(), { providerId: facts.providerId }))).toMatchObject({
      providerId: expect.stringMatching(/^mdt_/),
      kind,
      state: 'active',
    });
  });

  test('one that is not approved in time has expired', async () => {
    const request = {
      reference: 'man_01',
      kind: 'sepa-debit',
      description: 'Monthly',
      returnUrl: ORDER.returnUrl,
      webhookUrl: ORDER.webhookUrl,
      customer: CUSTOMER,
    } as const;
    const { facts } = valueOf(await mandates.create(at.context(), request));
    await at.mollie.advance(15 * 60_000);
    expect(valueOf(await mandates.fetch(at.context(), { providerId: facts.providerId }))).toMatchObject({ state: 'expired' });
    expect(await mandates.create(at.context(), { ...request, kind: 'agreement' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'kind',
    });
  });

  test.each([
    ['customer', { customer: undefined }],
    ['mandate', { mandate: 'tr_waiting123' }],
    ['dueOn', { dueOn: '2099-01-01' }],
  ])(
    'a charge that cannot be is refused at %s before anything is sent',
    async (field, { dueOn, ...more }: { customer?: undefined; mandate?: string; dueOn?: string }) => {
      const { customer, ...request } = {
        reference: 'pay_02',
        mandate: 'mdt_12345678',
        customer: 'cst_12345678',
        amount: euros('9.95'),
        description: 'x',
        returnUrl: ORDER.returnUrl,
        webhookUrl: ORDER.webhookUrl,
        ...more,
      };
      const outcome = await payments.charge!(at.context(), { ...request, ...(customer ? { customer } : {}), ...(dueOn ? { dueOn } : {}) });
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'input', field });
      expect(at.mollie.log.all()).toHaveLength(0);
    },
  );
});
