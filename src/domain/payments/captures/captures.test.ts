import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import { domainWorld, type DomainWorld } from '../../../../test/support/domain.ts';
import type { PaymentView } from '../payments.service.ts';
import { noticeAt } from './capture-watch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let world: DomainWorld;
beforeAll(async () => {
  Logger.overrideLogger(false);
  world = await domainWorld();
});
afterAll(() => world.db.close());
beforeEach(async () => {
  world.clock.advance(MINUTE);
  world.provider.differs = { capturesByRequest: true };
  await world.db.ownerPool.query('delete from payment_check');
});
afterEach(async () => {
  world.provider.differs = {};
  world.provider.next('payments.capture');
  await world.db.ownerPool.query(`update payment set capture_watch_at = null`);
});

async function open(more: object = {}): Promise<{ view: PaymentView; invoice: string }> {
  const invoice = await world.anInvoice('100.00');
  return { invoice, view: await world.payments.create(world.db.tenantId, world.wish({ invoices: [{ id: invoice }], ...more })) };
}
const idOfView = ({ payment }: PaymentView) => uuidOf('pay', payment.id);
/** The provider reports something and sends its signal. */
const report = (view: PaymentView, facts: Partial<PaymentFacts>) => {
  world.provider.report(view.payment.providerId, facts);
  world.clock.advance(1_000);
  return world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: view.payment.providerId });
};
const reserved = { started: true, authorized: 10_000 };
const now = async (view: PaymentView) => (await world.payments.get(world.db.tenantId, idOfView(view))).payment;
const events = ({ payment }: PaymentView) => world.eventsOf(`payment/${payment.id}`);
const later = (ms: number) => world.clock.advance(ms);
const takenAt = ({ payment }: PaymentView) => world.provider.facts.get(payment.providerId)?.captured;
const sent = () => world.provider.count('payments.capture');

describe('a payment of a provider that takes no money by itself', () => {
  test('is captured as soon as its money is reserved, once, however often that is signalled', async () => {
    const { view, invoice } = await open();
    const before = sent();
    await Promise.all([1, 2, 3, 4, 5].map(() => report(view, reserved)));
    expect([sent() - before, takenAt(view)]).toEqual([1, 10_000]);
    await report(view, {});
    expect(await now(view)).toMatchObject({ status: 'completed', captured: { amount: '100.00' } });
    expect(await world.invoiceOf(invoice)).toMatchObject({ status: 'paid' });
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.completed']);
    expect(await world.imbalance()).toEqual([]);
  });

  test('whose money is reserved by the time it is opened, as a charge under a mandate is, is captured at once', async () => {
    world.provider.next('payments.create', 'carries it out, answers nothing');
    const { view } = await open();
    const providerId = [...world.provider.created].find(([, { reference }]) => reference === view.payment.id)?.[0] ?? '';
    world.provider.report(providerId, reserved);
    later(MINUTE);
    // The answer of long ago says that it is open; the look after it says the rest.
    await world.resolver.resolveDue();
    await report({ ...view, payment: { ...view.payment, providerId } }, {});
    expect((await now(view)).status).toBe('completed');
  });

  test('is left to people when it asks for that', async () => {
    const { view } = await open({ capture: 'manual' });
    await report(view, reserved);
    expect([(await now(view)).status, takenAt(view)]).toEqual(['authorized', 0]);
  });

  test.each(['carries it out, answers nothing', 'does nothing, answers nothing', 'is unreachable'] as const)(
    'pitfall 16: is captured by the same key when the provider %s',
    async (misbehaviour) => {
      const { view } = await open();
      world.provider.next('payments.capture', misbehaviour);
      await report(view, reserved);
      await report(view, {});
      later(MINUTE);
      await world.resolver.resolveDue();
      expect([(await now(view)).status, takenAt(view)]).toEqual(['completed', 10_000]);
      expect((await events(view)).filter((type) => type === 'payment.completed')).toHaveLength(1);
      const keys = world.provider.calls.filter(({ idempotencyKey }) => idempotencyKey.startsWith(`${view.payment.id}:capture`));
      expect([keys.length, new Set(keys.map(({ idempotencyKey }) => idempotencyKey)).size]).toEqual([2, 1]);
    },
  );

  test.each(['before the call left', 'with the call under way'])('whose process died %s is captured by another', async (moment) => {
    const { view } = await open();
    // The call throws here, and nothing after it happens: as when the process is gone.
    if (moment === 'with the call under way') world.provider.next('payments.capture', 'outlives its caller');
    else world.provider.next('payments.capture', 'dies with its caller');
    await expect(report(view, reserved)).rejects.toThrow('killed');
    expect((await now(view)).status).toBe('authorized');
    later(20_000);
    expect(await world.resolver.resolveDue()).toBe(1);
    expect([(await now(view)).status, takenAt(view)]).toEqual(['completed', 10_000]);
  });

  test('pitfall 15: is asked again under new keys when the provider says no, five times in all, and then it is for people', async () => {
    const { view } = await open();
    world.provider.next('payments.capture', 'refuses', 'refuses', 'refuses', 'refuses', 'refuses', 'refuses');
    const before = sent();
    await report(view, reserved);
    await report(view, {});
    expect(sent() - before).toBe(1);
    for (const minutes of [1, 5, 30, 120, 360, 360]) {
      later(minutes * MINUTE);
      await world.checker.checkDue();
    }
    expect(sent() - before).toBe(5);
    expect((await events(view)).filter((type) => type === 'payment.capture-failed')).toHaveLength(5);
    world.provider.next('payments.capture');
    const wish = { paymentId: idOfView(view), requestKey: newUuid(), actor: 'key/test' };
    expect((await world.authorizations.capture(world.db.tenantId, wish)).payment.status).toBe('completed');
  });

  test('pitfall 11: with less reserved than was asked for is not captured, and told', async () => {
    const { view } = await open();
    const before = sent();
    await report(view, { started: true, authorized: 9_999 });
    await report(view, {});
    expect([sent() - before, (await now(view)).status]).toEqual([0, 'authorized']);
    expect(await events(view)).toEqual(['payment.created', 'payment.amount-mismatch', 'payment.authorized']);
  });

  test('that a person cancels while its money is being reserved is cancelled or captured, and never both', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { view } = await open();
      const wish = { paymentId: idOfView(view), requestKey: newUuid(), actor: 'key/test' };
      await Promise.allSettled([report(view, reserved), world.authorizations.cancel(world.db.tenantId, wish)]);
      later(MINUTE);
      await world.resolver.resolveDue();
      await report(view, {});
      const facts = world.provider.facts.get(view.payment.providerId);
      expect((facts?.captured ?? 0) === 0 || (facts?.voided ?? 0) === 0).toBe(true);
      expect((await now(view)).status).toBe((facts?.captured ?? 0) > 0 ? 'completed' : 'cancelled');
    }
  });
});

test('whatever is lost, repeated or refused on the way, no more is captured than was asked for, and the books say the same', async () => {
  const step = fc.constantFrom('signal', 'resolve', 'check', 'lose the answer', 'lose the call', 'refuse', 'kill');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 10 }), async (steps) => {
      const { view, invoice } = await open();
      world.provider.report(view.payment.providerId, reserved);
      for (const one of [...steps, 'signal'] as const) {
        if (one === 'signal') await report(view, {}).catch(() => undefined);
        if (one === 'resolve' || one === 'check') later(5 * MINUTE);
        if (one === 'resolve') await world.resolver.resolveDue();
        if (one === 'check') await world.checker.checkDue();
        if (one === 'lose the answer') world.provider.next('payments.capture', 'carries it out, answers nothing');
        if (one === 'lose the call') world.provider.next('payments.capture', 'does nothing, answers nothing');
        if (one === 'refuse') world.provider.next('payments.capture', 'refuses');
        if (one === 'kill') world.provider.next('payments.capture', 'outlives its caller');
        expect(takenAt(view)).toBeLessThanOrEqual(10_000);
      }
      world.provider.next('payments.capture');
      for (let round = 0; round < 6; round += 1) {
        later(30 * MINUTE);
        await world.resolver.resolveDue();
        await world.checker.checkDue();
      }
      expect([(await now(view)).status, takenAt(view)]).toEqual(['completed', 10_000]);
      expect((await world.invoiceOf(invoice)).paid.amount).toBe('100.00');
      expect((await events(view)).filter((type) => type === 'payment.completed')).toHaveLength(1);
      expect(await world.imbalance()).toEqual([]);
    }),
    { numRuns: 25 },
  );
}, 120_000);

describe('pitfall 29: the time in which reserved money can be taken', () => {
  const held = async (days: number) => {
    const opened = await open({ capture: 'manual' });
    const before = new Date(world.clock.now().getTime() + days * DAY);
    await report(opened.view, { ...reserved, captureBefore: before.getTime() });
    return { ...opened, before };
  };

  test.each([
    ['DK and FI at Vipps', 14],
    ['at PayPal', 29],
    ['at Stripe', 7],
  ])('is shown on the payment, and told of two days before its end: %s, %i days', async (_, days) => {
    const { view, before } = await held(days);
    expect(await now(view)).toMatchObject({ status: 'authorized', captureBefore: before.toISOString() });
    later((days - 2) * DAY - HOUR);
    expect(await world.captureWatch.watchDue()).toBe(0);
    later(2 * HOUR);
    expect(await world.captureWatch.watchDue()).toBe(1);
    expect(await world.captureWatch.watchDue()).toBe(0);
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.capture-due']);
  });

  test('ends with an event when the provider has no word for it, and money that is taken after all is taken', async () => {
    const { view } = await held(14);
    later(15 * DAY);
    await world.captureWatch.watchDue();
    await world.captureWatch.watchDue();
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.authorization-expired']);
    await report(view, { captured: 10_000 });
    expect((await now(view)).status).toBe('completed');
  });

  test('ends with the same event when the provider says so, once', async () => {
    const { view } = await held(7);
    await report(view, { ended: 'expired' });
    later(8 * DAY);
    expect(await world.captureWatch.watchDue()).toBe(0);
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.authorization-expired', 'payment.expired']);
    expect((await now(view)).captureBefore).toBe('');
  });

  test('is asked about again when the provider cannot be reached at its end, and nothing is told of money that was captured', async () => {
    const { view } = await held(7);
    later(8 * DAY);
    world.provider.next('payments.fetch', 'is unreachable');
    await world.captureWatch.watchDue();
    world.provider.report(view.payment.providerId, { captured: 10_000 });
    later(10 * MINUTE);
    expect(await world.captureWatch.watchDue()).toBe(1);
    expect(await events(view)).toEqual(['payment.created', 'payment.authorized', 'payment.completed']);
  });

  test('begins anew when the provider moves it', async () => {
    const { view, before } = await held(3);
    later(2 * DAY);
    await world.captureWatch.watchDue();
    await report(view, { captureBefore: before.getTime() + 26 * DAY });
    later(10 * DAY);
    expect(await world.captureWatch.watchDue()).toBe(0);
    later(15 * DAY);
    await world.captureWatch.watchDue();
    expect((await events(view)).filter((type) => type === 'payment.capture-due')).toHaveLength(2);
  });

  test('that is short is told of half-way', () => {
    const at = new Date('2026-11-20T10:00:00Z');
    expect(noticeAt(at, new Date(at.getTime() + 3 * HOUR), 48 * HOUR)).toEqual(new Date(at.getTime() + 1.5 * HOUR));
    expect(noticeAt(at, new Date(at.getTime() - HOUR), 48 * HOUR)).toEqual(new Date(at.getTime() - HOUR));
  });
});

test('pitfall 7: money that the bank may still take back is shown as such', async () => {
  const { view } = await open();
  const until = world.clock.now().getTime() + 56 * DAY;
  await report(view, { captured: 10_000, provisionalUntil: until });
  expect(await now(view)).toMatchObject({ status: 'completed', finalAt: new Date(until).toISOString() });
});
