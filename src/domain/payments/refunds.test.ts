import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isKassaflowError } from '../../kernel/errors.ts';
import { newUuid, uuidOf } from '../../kernel/ids.ts';
import { domainWorld, eur, type DomainWorld } from '../../../test/support/domain.ts';
import type { PaymentView } from './payments.service.ts';

let world: DomainWorld;
beforeAll(async () => {
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(() => {
  world.clock.advance(60_000);
  world.provider.differs = {};
});

const idOfView = ({ payment }: PaymentView) => uuidOf('pay', payment.id);
const signal = (view: PaymentView) => {
  world.clock.advance(60_000);
  return world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: view.payment.providerId });
};
/** A completed payment of invoices of these totals. */
async function completed(...totals: string[]) {
  const customer = await world.aCustomer();
  const invoices: string[] = [];
  for (const total of totals) invoices.push(await world.anInvoice(total, customer));
  const view = await world.pay(...invoices);
  const captured = totals.reduce((sum, total) => sum + Number(total.replace('.', '')), 0);
  world.provider.report(view.payment.providerId, { captured });
  await signal(view);
  return { view, invoices, captured };
}
const refund = (view: PaymentView, more: object = {}) =>
  world.refunds.request(world.db.tenantId, {
    paymentId: idOfView(view),
    reason: '',
    credits: 0,
    awaitApproval: false,
    requestKey: newUuid(),
    actor: 'key/support',
    ...more,
  });
const send = (id: string, actor = 'key/kim') => world.refunds.send(world.db.tenantId, uuidOf('ref', id), actor);
const cancel = (id: string, actor = 'key/kim') =>
  world.refunds.cancel(world.db.tenantId, uuidOf('ref', id), { actor, reason: 'not today' });
const openOf = async (invoice: string) => (await world.invoiceOf(invoice)).open.amount;
const sent = () => world.provider.count('payments.refund');

describe('a refund of a payment over several invoices', () => {
  test('opens the newest first, several of them what is left, and the books follow', async () => {
    const { view, invoices } = await completed('30.00', '20.00', '50.00');
    await refund(view, { amount: eur('60.00') });
    expect(await Promise.all(invoices.map(openOf))).toEqual(['0.00', '10.00', '50.00']);
    world.clock.advance(1_000);
    await refund(view, { amount: eur('15.00') });
    expect(await Promise.all(invoices.map(openOf))).toEqual(['5.00', '20.00', '50.00']);
    world.clock.advance(1_000);
    await refund(view);
    expect(await Promise.all(invoices.map(openOf))).toEqual(['30.00', '20.00', '50.00']);
    expect(await world.imbalance()).toEqual([]);
  });
});

describe('four eyes', () => {
  test('whoever asked for a refund cannot approve it, somebody else can, once', async () => {
    const { view } = await completed('300.00');
    const { id, waitsFor, requestedBy } = await refund(view, { awaitApproval: true });
    expect([waitsFor, requestedBy]).toEqual(['approval', 'key/support']);
    const before = sent();
    await expect(send(id, 'key/support')).rejects.toMatchObject({ code: 'refund.four-eyes' });
    expect(await send(id)).toMatchObject({ status: 'completed', waitsFor: '' });
    await send(id, 'key/support');
    expect(sent() - before).toBe(1);
  });

  test('one that waits is called off by anybody, leaves its amount to others, and is not sent after that', async () => {
    const { view } = await completed('300.00');
    const { id } = await refund(view, { awaitApproval: true });
    await expect(refund(view, { amount: eur('0.01') })).rejects.toMatchObject({ code: 'refund.exceeds' });
    const before = sent();
    for (const _ of [1, 2]) expect(await cancel(id)).toMatchObject({ status: 'cancelled', waitsFor: '' });
    await expect(send(id)).rejects.toMatchObject({ code: 'refund.cancel-state' });
    expect([sent() - before, await world.eventsOf(`refund/${id}`)]).toEqual([0, ['refund.requested', 'refund.cancelled']]);
    expect(await refund(view)).toMatchObject({ status: 'completed', amount: { amount: '300.00' } });
  });

  test('one that was sent is not called off, and of two who do both at once one wins', async () => {
    const { view } = await completed('10.00');
    await expect(cancel((await refund(view, { amount: eur('1.00') })).id)).rejects.toMatchObject({ code: 'refund.cancel-state' });
    for (let round = 0; round < 4; round += 1) {
      world.clock.advance(1_000);
      const { id } = await refund(view, { awaitApproval: true, amount: eur('1.00') });
      const before = sent();
      const results = await Promise.allSettled([send(id), cancel(id)]);
      const { status } = await world.refunds.get(world.db.tenantId, uuidOf('ref', id));
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      expect(status).toBe(sent() > before ? 'completed' : 'cancelled');
    }
  });

  test('the action of a flow sends what was approved, and calls off what was not', async () => {
    const { view } = await completed('300.00');
    const run = (action: string, input: Record<string, unknown>) =>
      world.actions.find(action)!.run(
        {
          tenantId: world.db.tenantId,
          action,
          input,
          idempotencyKey: newUuid(),
          attempt: 1,
          runId: newUuid(),
          step: 's',
          timeoutMs: 1_000,
        },
        AbortSignal.timeout(15_000),
      );
    const [first, second] = [await refund(view, { awaitApproval: true, amount: eur('1.00') }), await refund(view, { awaitApproval: true })];
    world.clock.advance(1_000);
    expect(await run('payment.refund', { payment: view.payment.id, refund: first.id })).toMatchObject({ kind: 'ok' });
    expect(await run('refund.cancel', { refund: second.id, reason: 'no' })).toMatchObject({ kind: 'ok', value: { status: 'cancelled' } });
    expect(await run('payment.refund', { payment: view.payment.id, refund: second.id })).toMatchObject({ kind: 'declined' });
    expect(await run('refund.cancel', { refund: first.id })).toMatchObject({ kind: 'declined', code: 'refund.cancel-state' });
  });
});

describe('a refund at a provider that wants the card at its terminal', () => {
  beforeEach(() => {
    world.provider.differs = { refundsAtTerminal: true };
  });

  test('waits for the tap, and is done when the provider tells of money that went back', async () => {
    const { view, invoices } = await completed('40.00');
    world.provider.next('payments.refund', 'refuses');
    const { id, status, waitsFor } = await refund(view, { amount: eur('15.00') });
    expect([status, waitsFor]).toEqual(['requested', 'terminal']);
    await signal(view);
    expect(await world.refunds.get(world.db.tenantId, uuidOf('ref', id))).toMatchObject({ status: 'requested' });
    world.provider.report(view.payment.providerId, { refunded: 1500 });
    await signal(view);
    expect(await world.refunds.get(world.db.tenantId, uuidOf('ref', id))).toMatchObject({ status: 'completed', waitsFor: '' });
    expect(await world.eventsOf(`refund/${id}`)).toEqual(['refund.requested', 'refund.tap-required', 'refund.completed']);
    expect(await openOf(invoices[0] ?? '')).toBe('15.00');
  });

  test('is called off when the customer does not come back', async () => {
    const { view } = await completed('40.00');
    world.provider.next('payments.refund', 'refuses');
    const { id } = await refund(view);
    expect(await cancel(id)).toMatchObject({ status: 'cancelled' });
    // The provider takes it from here without the card, as it does within minutes of the sale.
    world.clock.advance(1_000);
    expect(await refund(view)).toMatchObject({ status: 'completed' });
  });

  test('fails when nobody could be asked', async () => {
    const { view } = await completed('40.00');
    world.provider.next('payments.refund', 'is unreachable');
    expect(await refund(view)).toMatchObject({ status: 'failed' });
  });
});

test('K13 64 refunds of any amounts at once never send back more than was captured, and the books say what went back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 64, maxLength: 64 }), async (amounts) => {
      const { view, invoices, captured } = await completed('60.00', '40.00');
      const results = await Promise.allSettled(
        amounts.map((minor, index) => refund(view, { amount: { ...eur('1.00'), minor: BigInt(minor) }, awaitApproval: index % 4 === 0 })),
      );
      for (const result of results) if (result.status === 'rejected' && !isKassaflowError(result.reason)) throw result.reason;
      const asked = results.flatMap((result) =>
        result.status === 'fulfilled' ? [Number(result.value.amount.amount.replace('.', ''))] : [],
      );
      expect(asked.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(captured);
      await signal(view);
      const back = world.provider.facts.get(view.payment.providerId)?.refunded ?? 0;
      expect(back).toBeLessThanOrEqual(captured);
      const open = (await Promise.all(invoices.map(openOf))).reduce((sum, amount) => sum + Number(amount.replace('.', '')), 0);
      expect(open).toBe(back);
      expect(await world.imbalance()).toEqual([]);
    }),
    { numRuns: 3 },
  );
}, 120_000);
