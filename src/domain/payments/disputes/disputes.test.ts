import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DisputeFacts, PaymentFacts } from '@kassaflow/plugin-sdk';
import { uuidOf } from '../../../kernel/ids.ts';
import { domainWorld, eur, type DomainWorld } from '../../../../test/support/domain.ts';
import type { PaymentView } from '../payments.service.ts';

let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(() => world.clock.advance(60_000));

async function report({ payment }: PaymentView, change: Partial<PaymentFacts>): Promise<void> {
  world.provider.report(payment.providerId, change);
  world.clock.advance(60_000);
  await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: payment.providerId });
}

async function paid(total: string) {
  const invoice = await world.anInvoice(total);
  const view = await world.pay(invoice);
  await report(view, { started: true, captured: Number(total.replace('.', '')) });
  return { invoice, view, id: uuidOf('pay', view.payment.id) };
}

const disputesOf = (payment: string) => world.disputes.list(world.db.tenantId, { limit: 10, payment });
const dispute = (more: Partial<DisputeFacts> = {}): DisputeFacts => ({
  providerId: 'dp_1',
  state: 'opened',
  amount: 2500,
  reason: 'fraudulent',
  ...more,
});

describe('a dispute', () => {
  test('opens the invoice, and closes it again when it is won; each turn is told once', async () => {
    const { invoice, view, id } = await paid('25.00');
    const books = await world.balances();
    await report(view, { disputes: [dispute({ state: 'inquiry' })] });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    for (let times = 0; times < 3; times += 1)
      await report(view, { chargedBack: 2500, disputes: [dispute({ respondBy: 1_800_000_000_000 })] });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'issued', open: { amount: '25.00' } });
    const [opened] = await disputesOf(id);
    expect(opened).toMatchObject({
      status: 'opened',
      amount: { amount: '25.00' },
      reason: 'fraudulent',
      respondBy: '2027-01-15T08:00:00.000Z',
    });
    await report(view, { chargedBack: 0, disputes: [dispute({ state: 'won' })] });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    expect(await world.balances()).toEqual(books);
    expect(await world.eventsOf(`dispute/${opened?.id}`)).toEqual(['dispute.opened', 'dispute.won']);
    expect(await world.eventsOf(`payment/${view.payment.id}`)).toEqual([
      'payment.created',
      'payment.completed',
      'payment.disputed',
      'payment.charged-back',
      'payment.reversed',
    ]);
  });

  test('that is lost leaves the invoice open and the books balanced', async () => {
    const { invoice, view, id } = await paid('25.00');
    await report(view, { chargedBack: 2500, disputes: [dispute()] });
    await report(view, { disputes: [dispute({ state: 'lost' })] });
    expect(await disputesOf(id)).toMatchObject([{ status: 'lost', closedAt: expect.stringMatching(/^2026/) }]);
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'issued' });
    expect(await world.imbalance()).toEqual([]);
  });

  test('two on one payment are two, and an older answer changes neither', async () => {
    const { view, id } = await paid('25.00');
    await report(view, {
      chargedBack: 2500,
      disputes: [dispute({ amount: 1000 }), dispute({ providerId: 'dp_2', amount: 1500, state: 'lost' })],
    });
    world.clock.advance(-120_000);
    world.provider.report(view.payment.providerId, { disputes: [dispute({ state: 'inquiry' })] });
    await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: view.payment.providerId });
    world.clock.advance(120_000);
    expect((await disputesOf(id)).map(({ status }) => status).toSorted()).toEqual(['lost', 'opened']);
  });

  test('is nobody else’s to see', async () => {
    const { view, id } = await paid('25.00');
    await report(view, { chargedBack: 2500, disputes: [dispute()] });
    expect(await world.disputes.list(await world.db.addTenant('other'), { limit: 10, payment: id })).toEqual([]);
  });
});

describe('refunds that the provider lists', () => {
  const refundsOf = (payment: string) => world.refunds.list(world.db.tenantId, { limit: 10, payment });

  test('are told one by one, with those made in the dashboard, and one that bounces later is told too', async () => {
    const { view, id } = await paid('25.00');
    const mine = await world.refunds.request(world.db.tenantId, {
      paymentId: id,
      amount: eur('10.00'),
      reason: '',
      credits: 0,
      awaitApproval: false,
      requestKey: view.payment.id,
      actor: 'test',
    });
    const own = { providerId: `re_${mine.id}`, reference: mine.id, amount: 1000, state: 'done' } as const;
    const foreign = [1, 2].map((n) => ({ providerId: `re_dash_${n}`, amount: 500, state: 'done' as const }));
    await report(view, { refunded: 2000, refunds: [own, ...foreign] });
    await report(view, { refunded: 2000, refunds: [own, ...foreign] });
    expect((await refundsOf(id)).map(({ origin, status, amount }) => [origin, status, amount.amount])).toEqual([
      ['provider', 'completed', '5.00'],
      ['provider', 'completed', '5.00'],
      ['kassaflow', 'completed', '10.00'],
    ]);
    await report(view, { refunded: 1500, refunds: [own, { ...foreign[0]!, state: 'failed' }, foreign[1]!] });
    const statuses = (await refundsOf(id)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'failed')).toHaveLength(1);
    expect(await world.imbalance()).toEqual([]);
  });
});
