import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newUuid, uuidOf } from '../../kernel/ids.ts';
import { domainWorld, eur, type DomainWorld } from '../../../test/support/domain.ts';
import type { PaymentView } from './payments.service.ts';

let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(() => world.clock.advance(60_000));

const providerIdOf = ({ payment }: PaymentView) => payment.providerId;
const subjectOf = ({ payment }: PaymentView) => `payment/${payment.id}`;
const signal = (view: PaymentView) =>
  world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: view.payment.providerId });
const statusOf = async (view: PaymentView) => (await world.payments.get(world.db.tenantId, uuidOf('pay', view.payment.id))).payment.status;
const count = async (table: 'payment' | 'refund' | 'payment_attempt') =>
  Number((await world.db.ownerPool.query(`select count(*) from ${table}`)).rows[0].count);

/** A completed payment of one invoice. */
async function completed(total: string): Promise<{ view: PaymentView; invoice: string }> {
  const invoice = await world.anInvoice(total);
  const view = await world.pay(invoice);
  world.provider.report(providerIdOf(view), { started: true, captured: Number(total.replace('.', '')) });
  await signal(view);
  return { view, invoice };
}

describe('a payment', () => {
  test('is opened at the provider, and completes with its invoice, ledger entry and events when the provider says so', async () => {
    const invoice = await world.anInvoice('60.50');
    const view = await world.pay(invoice);
    expect(view).toMatchObject({
      payment: { status: 'created', amount: { amount: '60.50', currency: 'EUR' }, test: true, provider: 'acme' },
      next: { kind: 'redirect' },
    });
    const before = await world.balances();
    world.provider.report(providerIdOf(view), { started: true, captured: 6050, fee: 29, method: 'ideal' });
    expect(await signal(view)).toEqual({ kind: 'applied' });
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.completed']);
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid', open: { amount: '0.00' } });
    const after = await world.balances();
    expect((before['asset:receivable'] ?? 0) - (after['asset:receivable'] ?? 0)).toBe(6050);
    expect((after['asset:clearing'] ?? 0) - (before['asset:clearing'] ?? 0)).toBe(6050 - 29);
    expect(await world.imbalance()).toEqual([]);
  });

  test('is made once however often the request is repeated, also at the same time', async () => {
    const invoice = await world.anInvoice('10.00');
    const wish = world.wish({ invoices: [{ id: invoice }] });
    const calls = world.provider.count('payments.create');
    const views = await Promise.all([1, 2, 3].map(() => world.payments.create(world.db.tenantId, wish)));
    expect(new Set(views.map(({ payment }) => payment.id)).size).toBe(1);
    expect(world.provider.count('payments.create') - calls).toBe(1);
  });

  test('changes nothing when a signal comes again, or an older fetch arrives late', async () => {
    const { view } = await completed('10.00');
    const books = await world.balances();
    world.clock.advance(-120_000);
    world.provider.report(providerIdOf(view), { captured: 0, started: false });
    await signal(view);
    world.clock.advance(120_000);
    world.provider.report(providerIdOf(view), { captured: 1000 });
    await signal(view);
    expect(await world.balances()).toEqual(books);
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.completed']);
  });

  test('that was paid is believed to be gone only after a second fetch, and then opens its invoice again', async () => {
    const { view, invoice } = await completed('25.00');
    world.provider.report(providerIdOf(view), { captured: 0, ended: 'failed', failure: { reason: 'account-closed', retryable: false } });
    world.clock.advance(1_000);
    expect(await signal(view)).toEqual({ kind: 'again', afterMs: 30_000 });
    expect(await statusOf(view)).toBe('completed');
    world.clock.advance(31_000);
    expect(await signal(view)).toEqual({ kind: 'applied' });
    expect(await statusOf(view)).toBe('failed');
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'issued', open: { amount: '25.00' } });
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.completed', 'payment.reversed']);
    expect(await world.eventsOf(`invoice/${(await world.invoiceOf(invoice)).id}`)).toContain('invoice.reopened');
    expect(await world.imbalance()).toEqual([]);
  });

  test('is taken back by a chargeback and comes back when the dispute is won, as often as that happens', async () => {
    const { view, invoice } = await completed('40.00');
    const books = await world.balances();
    for (const _ of [1, 2]) {
      world.clock.advance(1_000);
      world.provider.report(providerIdOf(view), { chargedBack: 4000 });
      await signal(view);
      expect([await statusOf(view), (await world.invoiceOf(invoice)).status]).toEqual(['charged-back', 'issued']);
      world.clock.advance(1_000);
      world.provider.report(providerIdOf(view), { chargedBack: 0 });
      await signal(view);
      expect([await statusOf(view), (await world.invoiceOf(invoice)).status]).toEqual(['completed', 'paid']);
    }
    expect(await world.balances()).toEqual(books);
    const cycle = ['payment.charged-back', 'payment.reversed'];
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.completed', ...cycle, ...cycle]);
  });

  test.each([
    ['less', 9_999, '0.01', 0],
    ['more', 10_500, '0.00', 500],
  ])('K20, pitfall 11: with %s than asked for is booked, but completes nothing by itself', async (_, captured, open, unallocated) => {
    const invoice = await world.anInvoice('100.00');
    const view = await world.pay(invoice);
    const before = await world.balances();
    world.provider.report(providerIdOf(view), { started: true, captured });
    await signal(view);
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.amount-mismatch']);
    expect(await world.invoiceOf(invoice)).toMatchObject({ open: { amount: open } });
    expect(((await world.balances())['liability:unallocated'] ?? 0) - (before['liability:unallocated'] ?? 0)).toBe(unallocated);
  });

  test('K20 in another currency than asked for is not booked and shown once', async () => {
    const invoice = await world.anInvoice('100.00');
    const view = await world.pay(invoice);
    const books = await world.balances();
    world.provider.report(providerIdOf(view), { started: true, captured: 10_000, currency: 'USD' });
    await signal(view);
    await signal(view);
    expect(await world.balances()).toEqual(books);
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.amount-mismatch']);
  });

  test('of one amount over three invoices pays the oldest first and leaves the last partly open', async () => {
    const customer = await world.aCustomer();
    const invoices = [
      await world.anInvoice('30.00', customer),
      await world.anInvoice('20.00', customer),
      await world.anInvoice('50.00', customer),
    ];
    const view = await world.payments.create(
      world.db.tenantId,
      world.wish({ invoices: invoices.map((id) => ({ id })).toReversed(), amount: eur('60.00') }),
    );
    world.provider.report(providerIdOf(view), { captured: 6000 });
    await signal(view);
    const open = await Promise.all(invoices.map(async (id) => (await world.invoiceOf(id)).open.amount));
    expect(open).toEqual(['0.00', '0.00', '40.00']);
  });

  test('pitfall 28: of an invoice that another payment paid first is unallocated, and nothing is paid twice', async () => {
    const invoice = await world.anInvoice('15.00');
    const [first, second] = [await world.pay(invoice), await world.pay(invoice)];
    const before = await world.balances();
    for (const view of [first, second]) {
      world.provider.report(providerIdOf(view), { captured: 1500 });
      await signal(view);
    }
    expect((await world.invoiceOf(invoice)).paid.amount).toBe('15.00');
    expect(await world.eventsOf(subjectOf(first))).toEqual(['payment.created', 'payment.completed']);
    expect(await world.eventsOf(subjectOf(second))).toEqual(['payment.created', 'payment.completed', 'payment.overpaid']);
    expect(((await world.balances())['liability:unallocated'] ?? 0) - (before['liability:unallocated'] ?? 0)).toBe(1500);
  });

  test('pitfall 2: is found by our reference when the webhook beats the answer that tells its id', async () => {
    const invoice = await world.anInvoice('12.00');
    world.provider.next('payments.create', 'carries it out, answers nothing');
    const view = await world.pay(invoice);
    expect(view.payment.providerId).toBe('');
    const providerId = [...world.provider.created].find(([, { reference }]) => reference === view.payment.id)?.[0] ?? '';
    world.provider.report(providerId, { captured: 1200 });
    const event = { providerId, reference: view.payment.id };
    expect(await world.payments.applyProviderEvent(world.db.tenantId, newUuid(), event)).toEqual({ kind: 'orphan' });
    expect(await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, event)).toEqual({ kind: 'applied' });
    expect(await statusOf(view)).toBe('completed');
  });

  test.each([
    [
      'K14 an invoice named twice',
      async () => {
        const id = await world.anInvoice('5.00');
        return { invoices: [{ id }, { id }] };
      },
      'payment.split-duplicate',
    ],
    ['K14 an invoice of nobody', async () => ({ invoices: [{ id: newUuid() }] }), 'invoice.not-found'],
    [
      'K14 parts that do not add up',
      async () => ({ invoices: [{ id: await world.anInvoice('5.00'), amount: eur('4.00') }], amount: eur('5.00') }),
      'payment.split-sum',
    ],
    ['more than is open', async () => ({ invoices: [{ id: await world.anInvoice('5.00') }], amount: eur('5.01') }), 'payment.exceeds-open'],
    ['nothing to pay', async () => ({}), 'payment.nothing-to-pay'],
    [
      'invoices of two customers',
      async () => ({ invoices: [{ id: await world.anInvoice('5.00') }, { id: await world.anInvoice('5.00') }] }),
      'payment.customer-mix',
    ],
    ['a connection that does not exist', async () => ({ amount: eur('5.00'), connection: 'other' }), 'payment.no-connection'],
    ['T27 a return address without https', async () => ({ amount: eur('5.00'), returnUrl: 'http://shop.example' }), 'payment.return-url'],
    ['a return address that is code', async () => ({ amount: eur('5.00'), returnUrl: 'javascript:alert(1)' }), 'payment.return-url'],
  ])('%s is refused and nothing is stored', async (_, more, code) => {
    const wish = world.wish(await more());
    const before = [await count('payment'), await count('payment_attempt'), world.provider.count('payments.create')];
    await expect(world.payments.create(world.db.tenantId, wish)).rejects.toMatchObject({ code });
    expect([await count('payment'), await count('payment_attempt'), world.provider.count('payments.create')]).toEqual(before);
  });
});

describe('an attempt without an answer', () => {
  beforeEach(async () => void (await world.resolver.resolveDue()));

  test.each(['carries it out, answers nothing', 'does nothing, answers nothing'] as const)(
    'pitfalls 13 and 16: when the provider %s, is repeated with the same key and bytes',
    async (misbehaviour) => {
      world.provider.next('payments.create', misbehaviour);
      const view = await world.pay(await world.anInvoice('10.00'));
      expect([view.payment.status, view.next]).toEqual(['created', null]);
      world.clock.advance(60_000);
      expect(await world.resolver.resolveDue()).toBe(1);
      const [first, second] = world.provider.calls.filter(({ idempotencyKey }) => idempotencyKey === `${view.payment.id}:create:1`);
      expect(second?.input).toEqual(first?.input);
      expect([...world.provider.created.values()].filter(({ reference }) => reference === view.payment.id)).toHaveLength(1);
      expect((await world.payments.get(world.db.tenantId, uuidOf('pay', view.payment.id))).next).toMatchObject({ kind: 'redirect' });
      expect(await world.resolver.resolveDue()).toBe(0);
    },
  );

  test.each([
    ['carries it out, answers nothing', 'created'],
    ['does nothing, answers nothing', 'failed'],
  ] as const)('pitfall 14: when the provider %s and forgot the key, is asked for by our reference: %s', async (misbehaviour, status) => {
    world.provider.next('payments.create', misbehaviour);
    const view = await world.pay(await world.anInvoice('10.00'));
    const sent = world.provider.count('payments.create');
    world.clock.advance(49 * 60_000);
    await world.resolver.resolveDue();
    expect(world.provider.count('payments.create')).toBe(sent);
    expect(await statusOf(view)).toBe(status);
  });

  test.each([
    [60, 47, 1],
    [60, 49, 0],
    [1_440, 19 * 60, 1],
    [1_440, 20 * 60, 0],
    [0, 1, 0],
  ])('of a provider that remembers keys for %i minutes is repeated after %i minutes %i times', async (memory, after, times) => {
    world.provider.remembersKeysFor = memory * 60_000;
    world.provider.next('payments.create', 'does nothing, answers nothing');
    await world.pay(await world.anInvoice('10.00'));
    const sent = world.provider.count('payments.create');
    world.clock.advance(after * 60_000);
    await world.resolver.resolveDue();
    expect(world.provider.count('payments.create') - sent).toBe(times);
    world.provider.remembersKeysFor = 3_600_000;
  });

  test.each([
    ['declines', 'insufficient-funds'],
    ['is unreachable', 'technical'],
  ] as const)('when the provider %s, the payment has failed for a reason', async (misbehaviour, reason) => {
    world.provider.next('payments.create', misbehaviour);
    const view = await world.pay(await world.anInvoice('10.00'));
    expect(view.payment).toMatchObject({ status: 'failed', reason });
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.failed']);
  });
});

describe('a refund', () => {
  const refund = (view: PaymentView, more: object = {}) =>
    world.refunds.request(world.db.tenantId, {
      paymentId: uuidOf('pay', view.payment.id),
      reason: '',
      credits: 0,
      awaitApproval: false,
      requestKey: newUuid(),
      actor: 'test',
      ...more,
    });

  test("in part takes its part of the invoice back, and is completed by the provider's totals", async () => {
    const { view, invoice } = await completed('50.00');
    world.clock.advance(1_000);
    expect(await refund(view, { amount: eur('20.00') })).toMatchObject({ status: 'completed', origin: 'kassaflow' });
    expect(await statusOf(view)).toBe('partially-refunded');
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'issued', open: { amount: '20.00' } });
    expect(await refund(view)).toMatchObject({ amount: { amount: '30.00' } });
    expect(await statusOf(view)).toBe('refunded');
    expect(await world.eventsOf(subjectOf(view))).toEqual(['payment.created', 'payment.completed', 'payment.refunded', 'payment.refunded']);
    expect(await world.imbalance()).toEqual([]);
  });

  test('that was accepted is pending, holds its amount, and completes or fails later', async () => {
    const { view } = await completed('50.00');
    world.provider.refundsAreSlow = true;
    const [first, second] = [await refund(view, { amount: eur('20.00') }), await refund(view, { amount: eur('30.00') })];
    world.provider.refundsAreSlow = false;
    expect([first?.status, second?.status]).toEqual(['pending', 'pending']);
    await expect(refund(view, { amount: eur('0.01') })).rejects.toMatchObject({ code: 'refund.exceeds' });
    world.clock.advance(60_000);
    world.provider.report(providerIdOf(view), { refunded: 2000, refundPending: 0 });
    await signal(view);
    world.clock.advance(60_000);
    await signal(view);
    const states = await world.refunds.list(world.db.tenantId, { limit: 10, payment: uuidOf('pay', view.payment.id) });
    expect(states.map(({ amount, status }) => [amount.amount, status])).toEqual([
      ['30.00', 'failed'],
      ['20.00', 'completed'],
    ]);
  });

  test('pitfall 5: made at the provider without us gets a record of its own, once', async () => {
    const { view } = await completed('50.00');
    world.clock.advance(1_000);
    world.provider.report(providerIdOf(view), { refunded: 700 });
    await signal(view);
    await signal(view);
    expect(await world.refunds.list(world.db.tenantId, { limit: 10, payment: uuidOf('pay', view.payment.id) })).toMatchObject([
      { amount: { amount: '7.00' }, status: 'completed', origin: 'provider' },
    ]);
  });

  test('K13 64 at once of the full amount: exactly one is accepted and sent', async () => {
    const { view } = await completed('64.00');
    const sent = world.provider.count('payments.refund');
    const results = await Promise.allSettled(Array.from({ length: 64 }, () => refund(view, { amount: eur('64.00') })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(new Set(results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: string }).code] : [])))).toEqual(
      new Set(['refund.exceeds']),
    );
    expect(world.provider.count('payments.refund') - sent).toBe(1);
  });

  test.each(['is unreachable', 'refuses'] as const)(
    'whose answer was lost is not made free for a second one by a repeat that finds the provider %s',
    async (repeat) => {
      const { view } = await completed('30.00');
      world.provider.next('payments.refund', 'carries it out, answers nothing', repeat);
      const { id, status } = await refund(view, { amount: eur('20.00') });
      expect(status).toBe('requested');
      world.clock.advance(60_000);
      await world.resolver.resolveDue();
      const known = (await world.refunds.get(world.db.tenantId, uuidOf('ref', id))).status;
      expect(known).toBe(repeat === 'refuses' ? 'failed' : 'requested');
      await signal(view);
      await expect(refund(view, { amount: eur('20.00') })).rejects.toMatchObject({ code: 'refund.exceeds' });
    },
  );

  test('that awaits approval is sent once, by whoever approves', async () => {
    const { view } = await completed('10.00');
    const waiting = await refund(view, { awaitApproval: true });
    expect([waiting.status, await world.eventsOf(`refund/${waiting.id}`)]).toEqual(['requested', ['refund.requested']]);
    const sent = world.provider.count('payments.refund');
    world.clock.advance(1_000);
    await Promise.all([1, 2, 3].map(() => world.refunds.send(world.db.tenantId, uuidOf('ref', waiting.id), 'somebody else')));
    expect(world.provider.count('payments.refund') - sent).toBe(1);
    expect(await world.eventsOf(`refund/${waiting.id}`)).toEqual(['refund.requested', 'refund.completed']);
  });

  test.each([
    ['K12 of more than is left', async () => ({ view: (await completed('5.00')).view, more: { amount: eur('5.01') } }), 'refund.exceeds'],
    [
      'K12 of a payment without money',
      async () => ({ view: await world.pay(await world.anInvoice('5.00')), more: {} }),
      'refund.payment-state',
    ],
    [
      'K12 in another currency',
      async () => ({ view: (await completed('5.00')).view, more: { amount: { ...eur('5.00'), currency: 'NOK' } } }),
      'refund.currency-mix',
    ],
  ])('%s is refused and nothing is stored', async (_, arrange, code) => {
    const { view, more } = await arrange();
    const before = [await count('refund'), world.provider.count('payments.refund')];
    await expect(refund(view, more)).rejects.toMatchObject({ code });
    expect([await count('refund'), world.provider.count('payments.refund')]).toEqual(before);
  });
});
