/** A mandate without a payment at every provider that has one: asked for, confirmed by the customer, charged, revoked, by the real plugins. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Context, Plugin } from '@kassaflow/plugin-sdk';
import mollie from '../../plugins/mollie/src/plugin.ts';
import paypal from '../../plugins/paypal/src/plugin.ts';
import stripe from '../../plugins/stripe/src/plugin.ts';
import vipps from '../../plugins/vipps-mobilepay/src/plugin.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { newUuid, uuidOf } from '../../src/kernel/ids.ts';
import { parseMoney } from '../../src/kernel/money.ts';
import type { MandateWish } from '../../src/domain/payments/mandates/new-mandates.service.ts';
import { startMollieServer } from '../providers/mollie-server.ts';
import { startPaypalServer } from '../providers/paypal-server.ts';
import { pluginContext } from '../providers/plugin-context.ts';
import { startStripeServer } from '../providers/stripe-server.ts';
import { startVippsServer } from '../providers/vipps-server.ts';
import { PluginCalls } from '../support/plugin-calls.ts';
import { domainWorldWith } from '../support/domain.ts';

const DAY_MS = 86_400_000;
const START = Date.parse('2026-11-20T12:00:00Z');

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** A provider's server, and what a customer does there. */
interface Server {
  readonly plugin: Plugin;
  readonly url: string;
  readonly settings: object;
  readonly kind: MandateWish['kind'];
  readonly currency: 'EUR' | 'DKK';
  now(): number;
  advance(ms: number): Promise<void> | void;
  /** The customer agrees to what the provider knows by this id. */
  agree(providerId: string): void;
  close(): Promise<void>;
}

const SERVERS: Readonly<Record<string, () => Promise<Server>>> = {
  mollie: async () => {
    const server = await startMollieServer({ now: START });
    return {
      plugin: mollie,
      url: server.url,
      settings: { apiKey: server.apiKey },
      kind: 'card',
      currency: 'EUR',
      now: () => server.clock.now(),
      advance: (ms) => server.advance(ms),
      agree: (id) => void server.book.pay(id),
      close: () => server.close(),
    };
  },
  paypal: async () => {
    const server = await startPaypalServer();
    return {
      plugin: paypal,
      url: server.url,
      settings: { clientId: server.clientId, clientSecret: server.clientSecret },
      kind: 'account',
      currency: 'EUR',
      now: () => server.clock.now(),
      advance: (ms) => server.clock.advance(ms),
      agree: (id) => void server.vault.approve(id.slice('setup:'.length)),
      close: () => server.close(),
    };
  },
  'vipps-mobilepay': async () => {
    const server = await startVippsServer({ frozen: true, startAt: START });
    return {
      plugin: vipps,
      url: server.url,
      settings: server.settings,
      kind: 'agreement',
      currency: 'DKK',
      now: () => server.clock.date().getTime(),
      advance: (ms) => server.clock.advance(ms),
      agree: (id) => server.recurring.accept(id),
      close: () => server.close(),
    };
  },
  stripe: async () => {
    const server = await startStripeServer();
    return {
      plugin: stripe,
      url: server.url,
      settings: { secretKey: server.apiKey, publishableKey: server.publishableKey },
      kind: 'card',
      currency: 'EUR',
      now: () => server.clock.now(),
      advance: (ms) => server.advance(ms),
      agree: (id) => void server.book.approve(id, 'card'),
      close: () => server.close(),
    };
  },
};

async function shop(server: Server) {
  endings.push(() => server.close());
  const clock: Clock = { now: () => new Date(server.now()), elapsed: () => server.now() };
  const contextOf = (idempotencyKey: string) => {
    const context = pluginContext<unknown>({ server: server.url, now: () => clock.now(), settings: server.settings, idempotencyKey });
    // Tokens are kept by connection; the settings are those of whatever plugin stands here.
    return { ...context, connection: { id: server.url, name: 'pay' } } as unknown as Context<never>;
  };
  const world = await domainWorldWith(clock, new PluginCalls(server.plugin, contextOf));
  endings.push(async () => {
    expect(await world.imbalance()).toEqual([]);
    await world.db.close();
  });
  return world;
}

describe.each(Object.keys(SERVERS))('%s', (name) => {
  test('asks the customer for a mandate, charges it once it is confirmed, and not after it was revoked', async () => {
    const server = await SERVERS[name]!();
    const world = await shop(server);
    const { tenantId } = world.db;
    const customerId = await world.aCustomer();
    const money = (amount: string) => parseMoney({ amount, currency: server.currency });
    const asked: MandateWish = {
      customerId,
      kind: server.kind,
      description: 'Your subscription',
      pricing: { most: money('500.00'), every: 'month' },
      requestKey: newUuid(),
      actor: 'test',
    };
    const { mandate, next } = await world.newMandates.create(tenantId, asked);
    expect(mandate).toMatchObject({ status: 'pending' });
    expect(next).toMatchObject({ kind: 'redirect', url: expect.stringMatching(/^http/) });
    expect((await world.newMandates.create(tenantId, asked)).mandate.id).toBe(mandate.id);

    const charge = () =>
      world.charges.charge(tenantId, {
        invoices: [],
        customerId,
        amount: money('9.50'),
        description: 'November',
        metadata: {},
        requestKey: newUuid(),
        actor: 'test',
      });
    await expect(charge()).rejects.toMatchObject({ code: 'mandate.none' });
    const id = uuidOf('man', mandate.id);
    const [{ provider_id: step } = { provider_id: '' }] = (
      await world.db.ownerPool.query<{ provider_id: string }>('select provider_id from mandate where id = $1', [id])
    ).rows;
    server.agree(step);
    await world.mandates.refresh(tenantId, id);
    expect(await world.mandates.get(tenantId, id)).toMatchObject({ status: 'active' });

    const { payment } = await charge();
    expect(payment.providerId).not.toBe('');
    for (let day = 0; day < 10; day += 1) {
      await server.advance(DAY_MS);
      await world.payments.refresh(tenantId, uuidOf('pay', payment.id));
    }
    expect((await world.payments.get(tenantId, uuidOf('pay', payment.id))).payment).toMatchObject({ status: 'completed' });

    expect(await world.mandates.revoke(tenantId, id, 'test')).toMatchObject({ status: 'revoked' });
    await expect(charge()).rejects.toMatchObject({ code: 'mandate.none' });
    expect(await world.eventsOf(`mandate/${mandate.id}`)).toEqual(['mandate.created', 'mandate.revoked']);
  });
});
