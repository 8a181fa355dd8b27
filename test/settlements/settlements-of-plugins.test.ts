/** What real plugins tell of settlements, from their wire-level servers to our books. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Context, Plugin } from '@kassaflow/plugin-sdk';
import mollie from '../../plugins/mollie/src/plugin.ts';
import paypal from '../../plugins/paypal/src/plugin.ts';
import vipps from '../../plugins/vipps-mobilepay/src/plugin.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { uuidOf } from '../../src/kernel/ids.ts';
import { parseMoney } from '../../src/kernel/money.ts';
import { startMollieServer } from '../providers/mollie-server.ts';
import { startPaypalServer } from '../providers/paypal-server.ts';
import { pluginContext } from '../providers/plugin-context.ts';
import { startVippsServer } from '../providers/vipps-server.ts';
import { domainWorldWith } from '../support/domain.ts';
import { settledWorld } from '../support/settled.ts';
import { PluginCalls } from '../support/plugin-calls.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** A provider's server, by whose clock everything goes. */
interface Server {
  readonly url: string;
  readonly settings: object;
  now(): number;
  advance(ms: number): Promise<void> | void;
  close(): Promise<void>;
}

async function shop(plugin: Plugin, server: Server) {
  endings.push(() => server.close());
  const clock: Clock = { now: () => new Date(server.now()), elapsed: () => server.now() };
  const contextOf = (idempotencyKey: string) => {
    const context = pluginContext<unknown>({
      server: server.url,
      now: () => clock.now(),
      settings: server.settings,
      mode: 'live',
      idempotencyKey,
    });
    // Tokens are kept by connection; the settings are those of whatever plugin stands here.
    return { ...context, connection: { id: server.url, name: 'pay' } } as unknown as Context<never>;
  };
  const world = await domainWorldWith(clock, new PluginCalls(plugin, contextOf));
  endings.push(async () => {
    expect(await world.imbalance()).toEqual([]);
    await world.db.close();
  });
  const settled = settledWorld(world);
  return {
    ...settled,
    world,
    /** Opens a payment of an invoice over so many euros, or of an amount. */
    sell: async (amount: string, currency = 'EUR') => {
      const wish =
        currency === 'EUR'
          ? world.wish({ invoices: [{ id: await world.anInvoice(amount) }] })
          : world.wish({ amount: parseMoney({ amount, currency }) });
      const { payment } = await world.payments.create(world.db.tenantId, { ...wish, capture: 'automatic' });
      return { id: uuidOf('pay', payment.id), reference: payment.id, providerId: payment.providerId };
    },
    refresh: (id: string) => world.payments.refresh(world.db.tenantId, id),
    stateOf: async (id: string) => (await world.payments.get(world.db.tenantId, id)).payment.status,
    day: () => clock.now().toISOString().slice(0, 10),
    /** Goes on to the next morning, with what the workers do in the night: from 3 to 9 o’clock in London. */
    nights: async (count = 1) => {
      for (let night = 0; night < count; night += 1) {
        const sinceThree = (server.now() - 3 * HOUR_MS) % DAY_MS;
        await server.advance(DAY_MS - sinceThree);
        for (let hour = 0; hour < 6; hour += 1) {
          await settled.planner.plan();
          await server.advance(HOUR_MS);
          await settled.importer.importDue();
        }
      }
    },
    importsNow: async () => {
      const { rows } = await world.db.ownerPool.query<{ state: string }>('select state from settlement_import order by id');
      return rows.map(({ state }) => state);
    },
  };
}

describe('mollie', () => {
  async function open() {
    const server = await startMollieServer({ apiKey: 'live_localserver1', now: Date.parse('2026-03-27T12:00:00Z') });
    const { settlements } = server;
    const settings = { apiKey: server.apiKey, organizationToken: server.organizationToken };
    const it = await shop(mollie, {
      url: server.url,
      settings,
      now: () => server.clock.now(),
      advance: (ms) => server.advance(ms),
      close: () => server.close(),
    });
    const paid = async (amount: string) => {
      const sold = await it.sell(amount);
      server.book.pay(sold.providerId);
      await it.refresh(sold.id);
      return sold;
    };
    const settle = async (wrongBy = 0) => {
      const { id } = settlements.close(wrongBy);
      await server.advance(60_000);
      settlements.payOut(id);
      return id;
    };
    return { ...it, server, paid, settle };
  }

  test('pitfall 33: costs with four decimals and VAT on them, a refund and a chargeback clear to the cent', async () => {
    const shop = await open();
    const [first, second] = [await shop.paid('12.50'), await shop.paid('40.00')];
    const refund = shop.server.book.refundInDashboard(first.providerId, '2.50');
    shop.server.book.finishRefund(refund.id, 'refunded');
    shop.server.book.chargeBack(second.providerId);
    await shop.settle();
    await shop.nights();
    // Nobody told us of the refund and the chargeback: the settlement did, and the provider was asked.
    expect([await shop.stateOf(first.id), await shop.stateOf(second.id)]).toEqual(['partially-refunded', 'charged-back']);
    expect(await shop.world.balances()).toEqual({
      'income:sales': 5250,
      'asset:receivable': 4250,
      'asset:bank-clearing': 930,
      'expense:fees': 58,
      'asset:vat:input': 12,
    });
    expect((await shop.all()).map(({ status, fees, feeVat }) => [status, fees.amount, feeVat.amount])).toEqual([['paid', '0.70', '0.12']]);
    expect(await shop.events()).toEqual(['settlement.received']);
  });

  test('pitfall 35: the night in which the clocks change, and a chargeback that comes back, with a payout that costs us money', async () => {
    const shop = await open();
    const sold = await shop.paid('12.50');
    await shop.settle();
    // 23:30 in London on the 28th is 00:30 in Amsterdam, on the day that has 23 hours.
    await shop.server.advance(DAY_MS + 11.5 * HOUR_MS);
    const { id } = shop.server.book.chargeBack(sold.providerId);
    await shop.settle();
    await shop.server.advance(DAY_MS);
    shop.server.book.reverseChargeback(id);
    await shop.settle();
    await shop.nights(2);
    const all = (await shop.all()).toReversed();
    expect(all.map(({ ledgerDate, amount, status }) => [ledgerDate, amount.amount, status])).toEqual([
      ['2026-03-27', '12.15', 'paid'],
      ['2026-03-29', '-12.50', 'paid'],
      ['2026-03-30', '12.50', 'paid'],
    ]);
    expect(await shop.stateOf(sold.id)).toBe('completed');
    expect(await shop.world.balances()).toMatchObject({ 'asset:bank-clearing': 1215 });
    expect((await shop.world.balances())['asset:clearing']).toBeUndefined();
  });

  test('a sum that is wrong by more than rounding is on suspense and said', async () => {
    const shop = await open();
    await shop.paid('12.50');
    await shop.settle(100);
    await shop.nights();
    expect(await shop.world.balances()).toMatchObject({ 'liability:suspense': 100, 'asset:bank-clearing': 1315 });
    expect(await shop.events()).toEqual(['settlement.received', 'settlement.unexplained']);
  });

  test('a settlement that is with the bank for days is waited for', async () => {
    const shop = await open();
    await shop.paid('12.50');
    const { id } = shop.server.settlements.close();
    await shop.nights(2);
    expect(await shop.importsNow()).toEqual(['superseded', 'waiting']);
    shop.server.settlements.payOut(id);
    await shop.nights(1);
    expect(await shop.importsNow()).toEqual(['superseded', 'superseded', 'done']);
    expect(await shop.events()).toEqual(['settlement.received']);
  });
});

describe('vipps-mobilepay', () => {
  async function open() {
    const server = await startVippsServer({ frozen: true, startAt: Date.parse('2026-11-20T12:00:00Z'), mode: 'live' });
    const it = await shop(vipps, {
      url: server.url,
      settings: server.settings,
      now: () => server.clock.now(),
      advance: (ms) => server.clock.advance(ms),
      close: () => server.close(),
    });
    const paid = async (amount: string) => {
      const sold = await it.sell(amount, 'DKK');
      server.payments.approve(sold.providerId);
      await it.refresh(sold.id);
      expect(await it.stateOf(sold.id)).toBe('completed');
      return sold;
    };
    return { ...it, server, paid };
  }

  test('pitfall 10: a chargeback stands in the ledger alone; no fetch undoes it, and its return does', async () => {
    const shop = await open();
    const sold = await shop.paid('125.00');
    shop.server.ledger.dispute(sold.providerId, 'retained-disputed-capture');
    await shop.nights();
    expect(await shop.stateOf(sold.id)).toBe('charged-back');
    await shop.refresh(sold.id);
    await shop.nights();
    await shop.refresh(sold.id);
    expect(await shop.stateOf(sold.id)).toBe('charged-back');
    const told = await shop.world.eventsOf(`payment/${sold.reference}`);
    expect(told.filter((type) => type === 'payment.charged-back')).toHaveLength(1);
    expect(await shop.world.balances()).toEqual({});
    shop.server.ledger.dispute(sold.providerId, 'returned-disputed-capture');
    await shop.nights();
    expect(await shop.stateOf(sold.id)).toBe('completed');
    expect(await shop.world.balances()).toEqual({ 'asset:clearing': 12500, 'liability:unallocated': 12500 });
    expect((await shop.world.eventsOf(`payment/${sold.reference}`)).at(-1)).toBe('payment.reversed');
  });

  test('pitfall 34: an open day is asked for again; days without a payout are part of the next one', async () => {
    const shop = await open();
    await shop.paid('125.00');
    await shop.nights();
    await shop.paid('10.00');
    shop.server.ledger.payOut(112);
    const today = shop.day();
    expect(await shop.importDays(today)).toMatchObject({ state: 'waiting', problem: expect.stringContaining('not closed yet') });
    await shop.nights();
    expect(await shop.world.balances()).toEqual({
      'liability:unallocated': 13500,
      'asset:bank-clearing': 13388,
      'expense:fees': 112,
    });
    const all = await shop.all();
    expect(new Set(all.map(({ kind, status, amount }) => `${kind} ${status} ${amount.amount}`))).toEqual(
      new Set(['day paid 0.00', 'payout paid 133.88']),
    );
    expect(await shop.events()).toEqual(['settlement.received']);
  });

  test('a payout that was aborted is on the account again, and goes out with the next', async () => {
    const shop = await open();
    await shop.paid('125.00');
    shop.server.ledger.payOut(0);
    await shop.nights();
    shop.server.ledger.book('payout-aborted', { pspReference: 'p', currency: 'DKK', amount: 12500 });
    await shop.nights();
    expect(await shop.world.balances()).toEqual({ 'liability:unallocated': 12500, 'asset:clearing': 12500 });
    shop.server.ledger.payOut(0);
    await shop.nights();
    expect(await shop.world.balances()).toEqual({ 'liability:unallocated': 12500, 'asset:bank-clearing': 12500 });
    expect(await shop.events()).toEqual(['settlement.received', 'settlement.received']);
  });

  test('pitfall 30: an entry of a new type is kept verbatim, on suspense', async () => {
    const shop = await open();
    shop.server.ledger.book('lunar-bonus', { pspReference: 'p', currency: 'DKK', amount: 500 });
    await shop.nights();
    expect(await shop.world.balances()).toEqual({ 'asset:clearing': 500, 'liability:suspense': 500 });
    const [day] = await shop.all();
    expect(await shop.linesOf(day!.id)).toMatchObject([{ kind: 'unknown', providerType: 'lunar-bonus', net: '5' }]);
  });
});

describe('paypal', () => {
  async function open() {
    const server = await startPaypalServer();
    // Noon of a day of its own, so that no test runs over midnight.
    server.clock.advance(DAY_MS - ((server.clock.now() + 12 * HOUR_MS) % DAY_MS));
    server.webhooks.posts = false;
    const settings = { clientId: server.clientId, clientSecret: server.clientSecret, webhookCertificates: server.webhooks.certificate() };
    const it = await shop(paypal, {
      url: server.url,
      settings,
      now: () => server.clock.now(),
      advance: (ms) => server.clock.advance(ms),
      close: () => server.close(),
    });
    const paid = async (amount: string) => {
      const sold = await it.sell(amount);
      server.orders.approve(sold.providerId);
      await it.refresh(sold.id);
      expect(await it.stateOf(sold.id)).toBe('completed');
      return sold;
    };
    return { ...it, server, paid };
  }

  test('fees that came with the payment are booked once, a dashboard refund is found, a withdrawal leaves the rest', async () => {
    const shop = await open();
    const [first] = [await shop.paid('12.50'), await shop.paid('100.00')];
    expect(await shop.world.balances()).toMatchObject({ 'expense:fees': 385 });
    const [{ id: capture } = { id: '' }] = shop.server.orders.order(first.providerId).captures;
    shop.server.orders.dashboardRefund(capture, '2.50');
    shop.server.withdraw(5000);
    await shop.nights(2);
    expect(await shop.stateOf(first.id)).toBe('partially-refunded');
    const { rows } = await shop.world.db.ownerPool.query('select origin, state, amount_minor from refund');
    expect(rows).toEqual([{ origin: 'provider', state: 'completed', amount_minor: '250' }]);
    expect(await shop.world.balances()).toEqual({
      'income:sales': 11250,
      'asset:receivable': 250,
      'asset:clearing': shop.server.ledger.balance('EUR'),
      'asset:bank-clearing': 5000,
      'expense:fees': 385,
    });
    expect(await shop.events()).toEqual(['settlement.received']);
  });

  test('pitfall 34: a report that is three hours late is waited for', async () => {
    const shop = await open();
    await shop.paid('12.50');
    shop.server.ledger.lagMs = 6 * HOUR_MS;
    const day = shop.day();
    shop.server.clock.advance(13 * HOUR_MS);
    const { id } = await shop.importDays(day);
    expect(await shop.settlements.getImport(shop.world.db.tenantId, id)).toMatchObject({ state: 'waiting', failures: 1 });
    for (let hour = 0; hour < 7; hour += 1) {
      shop.server.clock.advance(HOUR_MS);
      await shop.importer.importDue();
    }
    expect(await shop.settlements.getImport(shop.world.db.tenantId, id)).toMatchObject({ state: 'done', lines: 1 });
  });
});
