import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { newUuid, uuidOf } from '../../kernel/ids.ts';
import { domainWorld, eur, type DomainWorld } from '../../../test/support/domain.ts';
import { checkBy, endClaim, takeDueChecks, type DueCheck } from './payment-checks.ts';
import type { PaymentView } from './payments.service.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let world: DomainWorld;
beforeAll(async () => {
  Logger.overrideLogger(false);
  world = await domainWorld();
});
afterAll(() => world.db.close());
// Payments of the test before are none of the next one's business.
beforeEach(() => world.db.ownerPool.query('delete from payment_check'));

const statusOf = async ({ payment }: PaymentView) =>
  (await world.payments.get(world.db.tenantId, uuidOf('pay', payment.id))).payment.status;
const open = async () => Number((await world.db.ownerPool.query('select count(*) from payment_check')).rows[0].count);
const asked = () => world.provider.count('payments.fetch');
const later = async (ms: number) => {
  world.clock.advance(ms);
  return world.checker.checkDue();
};
const take = () => world.db.database.transact(world.db.tenantId, (tx) => takeDueChecks(tx, world.clock.now(), 20));
const aPayment = async (more: object = {}) =>
  world.payments.create(world.db.tenantId, world.wish({ amount: eur('10.00'), description: 'work', ...more }));
const refund = (view: PaymentView) =>
  world.refunds.request(world.db.tenantId, {
    paymentId: uuidOf('pay', view.payment.id),
    reason: '',
    credits: 0,
    awaitApproval: false,
    requestKey: newUuid(),
    actor: 'test',
  });

describe('a payment whose webhook is lost', () => {
  test('completes when the provider is asked a minute later, and is then left alone', async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    expect(await later(MINUTE - 1)).toBe(0);
    expect(await later(1)).toBe(1);
    expect([await statusOf(view), await open()]).toEqual(['completed', 0]);
    expect(await later(30 * 24 * HOUR)).toBe(0);
  });

  test('is asked about after 1, 5, 30 and 120 minutes and then every six hours while it stays open', async () => {
    await aPayment();
    for (const pause of [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 6 * HOUR]) {
      expect(await later(pause - 1)).toBe(0);
      expect(await later(1)).toBe(1);
    }
  });

  test('is given up after 30 days', async () => {
    await aPayment();
    expect(await later(30 * 24 * HOUR)).toBe(1);
    expect(await open()).toBe(0);
  });

  test('is asked about again soon when it got further', async () => {
    const view = await aPayment();
    await later(10 * HOUR);
    world.provider.report(view.payment.providerId, { started: true, authorized: 1000 });
    await later(6 * HOUR);
    expect(await statusOf(view)).toBe('authorized');
    world.provider.report(view.payment.providerId, { captured: 1000 });
    expect(await later(MINUTE)).toBe(1);
    expect(await statusOf(view)).toBe('completed');
  });

  test('stays in the queue when the provider cannot be asked', async () => {
    const view = await aPayment();
    world.provider.next('payments.fetch', 'is unreachable', 'refuses');
    world.provider.report(view.payment.providerId, { captured: 1000 });
    await later(MINUTE);
    await later(5 * MINUTE);
    expect(await statusOf(view)).toBe('created');
    await later(30 * MINUTE);
    expect(await statusOf(view)).toBe('completed');
  });

  test('is asked about by one process, not by each, and a backlog is worked off in batches', async () => {
    for (let index = 0; index < 25; index += 1) await aPayment();
    const before = asked();
    world.clock.advance(MINUTE);
    const counts = await Promise.all([1, 2, 3, 4].map(() => world.checker.checkDue()));
    expect([counts.reduce((a, b) => a + b), asked() - before]).toEqual([25, 25]);
  });

  test('is asked about by another process within a minute when the one that took it died before it asked', async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    world.clock.advance(12 * HOUR);
    const [taken] = await take();
    expect(taken).toMatchObject({ claim: { next: expect.any(Date) } });
    expect(await later(MINUTE - 1)).toBe(0);
    expect(await later(1)).toBe(1);
    expect([await statusOf(view), await open()]).toEqual(['completed', 0]);
  });

  test('keeps its moment however often somebody died, and what moves it meanwhile is not moved back by who asked', async () => {
    const view = await aPayment();
    world.clock.advance(12 * HOUR);
    const [mine] = await take();
    await world.db.database.transact(world.db.tenantId, (tx) =>
      checkBy(tx, uuidOf('pay', view.payment.id), new Date(world.clock.now().getTime() + 2 * MINUTE), world.clock.now()),
    );
    await world.db.database.transact(world.db.tenantId, (tx) => endClaim(tx, mine!));
    expect(await later(2 * MINUTE - 1)).toBe(0);
    expect(await later(1)).toBe(1);
    // By then it has been open for twelve hours and two minutes; its moments are at 2 h 36 min and every six hours from there.
    expect(await later(2 * HOUR + 34 * MINUTE - 1)).toBe(0);
    expect(await later(1)).toBe(1);
  });

  test('is in the hands of one transaction at a time', async () => {
    for (let index = 0; index < 5; index += 1) await aPayment();
    world.clock.advance(MINUTE);
    const takeSome = (limit: number, meanwhile?: () => Promise<DueCheck[]>) =>
      world.db.database.transact(world.db.tenantId, async (tx) => [
        await takeDueChecks(tx, world.clock.now(), limit),
        (await meanwhile?.()) ?? [],
      ]);
    const [first = [], second = []] = await takeSome(3, async () => (await takeSome(3))[0] ?? []);
    expect([first.length, second.length, new Set([...first, ...second].map(({ id }) => id)).size]).toEqual([3, 2, 5]);
  });

  test('pitfall 4: that seems to have lost its money is asked about a second time after half a minute', async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    await later(MINUTE);
    world.provider.report(view.payment.providerId, { captured: 0, ended: 'failed' });
    await world.payments.refresh(world.db.tenantId, uuidOf('pay', view.payment.id));
    expect(await statusOf(view)).toBe('completed');
    expect(await later(30_000)).toBe(1);
    expect([await statusOf(view), await open()]).toEqual(['failed', 0]);
  });
});

describe('a payment of a provider without webhooks', () => {
  test('is known to be paid two seconds after the tap', async () => {
    world.provider.missing.add('webhook.verify');
    const view = await aPayment({ flow: 'push' });
    for (let second = 0; second < 10; second += 2) expect(await later(2_000)).toBe(1);
    world.provider.report(view.payment.providerId, { captured: 1000 });
    expect(await later(1_000)).toBe(0);
    expect(await later(1_000)).toBe(1);
    expect([await statusOf(view), await open()]).toEqual(['completed', 0]);
    world.provider.missing.clear();
  });

  test('costs one write for each question while it is asked every few seconds: the next one stands in for one that was lost', async () => {
    world.provider.missing.add('webhook.verify');
    await aPayment({ flow: 'push' });
    world.clock.advance(2_000);
    expect(await take()).toEqual([expect.not.objectContaining({ claim: expect.anything() })]);
    expect(await later(2_000)).toBe(1);
    world.provider.missing.clear();
  });
});

describe('pitfall 3: signals of one payment that come together', () => {
  test('are two fetches at most, and the last of them sees all that was signalled', async () => {
    const view = await aPayment();
    const before = asked();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    const signal = { providerId: view.payment.providerId };
    await Promise.all(Array.from({ length: 20 }, () => world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, signal)));
    expect(asked() - before).toBe(2);
    expect(await statusOf(view)).toBe('completed');
  });
});

describe('a signal that is faster than the replicas of its provider', () => {
  const signal = ({ payment }: PaymentView) =>
    world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: payment.providerId });
  const settled = async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    await later(MINUTE);
    expect([await statusOf(view), await open()]).toEqual(['completed', 0]);
    return view;
  };

  test('is looked after once more, half a minute later, although the payment was settled', async () => {
    const view = await settled();
    world.clock.advance(90 * 24 * HOUR);
    // The money was taken back; the fetch still answers from before.
    expect(await signal(view)).toEqual({ kind: 'applied' });
    expect([await statusOf(view), await open()]).toEqual(['completed', 1]);
    world.provider.report(view.payment.providerId, { chargedBack: 1000 });
    expect(await later(29_999)).toBe(0);
    expect(await later(1)).toBe(1);
    expect([await statusOf(view), await open()]).toEqual(['charged-back', 0]);
  });

  test('is looked after once, and again only for another signal', async () => {
    const view = await settled();
    for (const _ of [1, 2]) {
      await signal(view);
      await signal(view);
      const before = asked();
      expect(await later(30_000)).toBe(1);
      expect(await later(30 * 24 * HOUR)).toBe(0);
      expect([asked() - before, await open()]).toEqual([1, 0]);
    }
  });

  test('is not looked after again when the fetch brought its news, or when it tells of a day long over', async () => {
    const view = await settled();
    world.provider.report(view.payment.providerId, { refunded: 300 });
    await signal(view);
    expect([await statusOf(view), await open()]).toEqual(['partially-refunded', 0]);
    await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, { providerId: view.payment.providerId, isOld: true });
    expect(await open()).toBe(0);
  });

  test('is looked after until the provider can be asked', async () => {
    const view = await settled();
    await signal(view);
    world.provider.report(view.payment.providerId, { refunded: 1000 });
    world.provider.next('payments.fetch', 'is unreachable');
    await later(30_000);
    expect([await statusOf(view), await open()]).toEqual(['completed', 1]);
    await later(30_000);
    expect([await statusOf(view), await open()]).toEqual(['refunded', 0]);
  });
});

describe('a payment that was paid, and of which the provider tells as if nobody had', () => {
  const history = async ({ payment }: PaymentView) => (await world.eventsOf(`payment/${payment.id}`)).slice(1);
  const denied = async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000, providerState: 'paid' });
    await later(MINUTE);
    world.provider.report(view.payment.providerId, { captured: 0, providerState: 'open' });
    const signal = { providerId: view.payment.providerId };
    expect(await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, signal)).toMatchObject({ kind: 'again' });
    await later(30_000);
    return view;
  };

  test('stays paid and in the books, and is told once', async () => {
    const before = await world.balances();
    const view = await denied();
    expect([await statusOf(view), await history(view)]).toEqual(['completed', ['payment.completed', 'payment.contradicted']]);
    const signal = { providerId: view.payment.providerId };
    // The signal that comes again ends, and does not go round for ever.
    expect(await world.payments.applyProviderEvent(world.db.tenantId, world.connectionId, signal)).toEqual({ kind: 'applied' });
    for (const pause of [MINUTE, 5 * MINUTE, 30 * MINUTE]) expect(await later(pause)).toBe(1);
    expect(await later(30 * 24 * HOUR)).toBe(1);
    expect([await later(6 * HOUR), await open()]).toEqual([0, 0]);
    expect([await statusOf(view), (await history(view)).length, await world.imbalance()]).toEqual(['completed', 2, []]);
    expect((await world.balances())['liability:unallocated']).toBe((before['liability:unallocated'] ?? 0) + 1_000);
    const { rows } = await world.db.enginePool.query('select count(*)::int as denied from payment where contradicted_at is not null');
    expect(rows).toEqual([{ denied: 1 }]);
  });

  test('is as it was when the provider tells of the money again', async () => {
    const view = await denied();
    world.provider.report(view.payment.providerId, { captured: 1000, providerState: 'paid' });
    expect(await later(MINUTE)).toBe(1);
    expect([await statusOf(view), (await history(view)).length, await open()]).toEqual(['completed', 2, 0]);
    const { rows } = await world.db.ownerPool.query('select contradicted_at from payment where id = $1', [uuidOf('pay', view.payment.id)]);
    expect(rows).toEqual([{ contradicted_at: null }]);
  });

  test('is believed when it says at last how the money went', async () => {
    const view = await denied();
    world.provider.report(view.payment.providerId, { ended: 'failed', providerState: 'failed' });
    await later(MINUTE);
    expect([await statusOf(view), (await history(view)).at(-1), await open()]).toEqual(['failed', 'payment.reversed', 0]);
    expect(await world.imbalance()).toEqual([]);
  });
});

describe('a refund whose webhook is lost', () => {
  test('completes when the provider is asked, long after its payment did', async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    await later(MINUTE);
    world.clock.advance(60 * 24 * HOUR);
    world.provider.refundsAreSlow = true;
    const { id, status } = await refund(view);
    world.provider.refundsAreSlow = false;
    expect([status, await open()]).toEqual(['pending', 1]);
    world.provider.report(view.payment.providerId, { refunded: 1000, refundPending: 0 });
    expect(await later(MINUTE)).toBe(1);
    expect(await world.refunds.get(world.db.tenantId, uuidOf('ref', id))).toMatchObject({ status: 'completed' });
    expect([await statusOf(view), await open()]).toEqual(['refunded', 0]);
  });

  test('and whose own answer was lost too, is found in the totals', async () => {
    const view = await aPayment();
    world.provider.report(view.payment.providerId, { captured: 1000 });
    await later(MINUTE);
    world.provider.next('payments.refund', 'carries it out, answers nothing');
    expect((await refund(view)).status).toBe('requested');
    await later(MINUTE);
    expect([await statusOf(view), await open()]).toEqual(['refunded', 0]);
  });
});
