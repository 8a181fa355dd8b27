import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DECLINE_REASONS, type CreatedPayment, type CreatePayment, type Outcome, type PaymentFacts } from '@kassaflow/plugin-sdk';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { startSoftpayServer, type SoftpayServer } from '../../../test/providers/softpay-server.ts';
import { RESPONSE_CODES } from '../src/declines.ts';
import { payments } from '../src/payments.ts';
import plugin from '../src/plugin.ts';
import type { Settings } from '../src/settings.ts';

const SALE: CreatePayment = {
  reference: 'pay_01',
  amount: { amount: '125.00', currency: 'DKK' },
  description: 'Table 3',
  returnUrl: 'https://shop.example/return',
  webhookUrl: 'https://kassaflow.example/webhooks/softpay/con_1',
  flow: 'tap',
  device: 'ABC1234567890',
  capture: 'automatic',
};

let softpay: SoftpayServer;
beforeEach(async () => {
  softpay = await startSoftpayServer();
});
afterEach(() => softpay.close());

type More = Partial<Omit<ContextOptions<Settings>, 'settings'>> & { readonly settings?: Partial<Settings> };

/** A connection of its own for each server, as what the plugin remembers is by connection. */
function context({ settings, ...more }: More = {}): PluginContext<Settings> {
  const { clientId, clientSecret, merchant } = softpay;
  const made = pluginContext<Settings>({
    server: softpay.url,
    now: () => new Date(softpay.now()),
    settings: { clientId, clientSecret, merchant, ...settings },
    ...more,
  });
  return {
    ...made,
    connection: { id: softpay.clientId, name: 'phone' },
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set('x-test-host', new URL(input instanceof Request ? input.url : input).hostname);
      return made.fetch(input, { ...init, headers });
    },
  };
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

function create(more: Partial<CreatePayment> = {}, options: More = {}): Promise<Outcome<CreatedPayment>> {
  const sale = { ...SALE, ...more };
  return payments.create(context({ idempotencyKey: `${sale.reference}:create:1`, ...options }), sale);
}

async function begun(more: Partial<CreatePayment> = {}): Promise<{ readonly providerId: string; readonly requestId: string }> {
  const { providerId } = valueOf(await create(more));
  return { providerId, requestId: providerId.split('.')[0] ?? '' };
}

async function fetched(providerId: string): Promise<PaymentFacts> {
  return valueOf(await payments.fetch(context(), { providerId }));
}

describe('a sale', () => {
  test('asks the phone for the amount, with our id, and is polled until the card is tapped', async () => {
    const { next, facts, providerId } = valueOf(await create());
    expect(next).toEqual({ kind: 'push', expiresAt: expect.any(Number) });
    expect(facts).toMatchObject({ providerState: 'PROCESSING', started: true, captured: 0 });
    expect(softpay.begun()).toMatchObject([{ appId: 'ABC1234567890', amount: 12_500, currencyCode: 'DKK', posReferenceNumber: 'pay_01' }]);
    expect(await fetched(providerId)).toMatchObject({ captured: 0 });
    softpay.tap(softpay.begun()[0]!.requestId);
    expect(await fetched(providerId)).toMatchObject({ captured: 12_500, currency: 'DKK', method: 'card', authorized: 0 });
    expect(plugin).not.toHaveProperty('webhook');
  });

  test('the amount is known also when Softpay does not repeat it; what it does repeat counts more', async () => {
    const { providerId, requestId } = await begun();
    softpay.tap(requestId);
    softpay.tellsAmounts = false;
    expect(await fetched(providerId)).toMatchObject({ captured: 12_500, currency: 'DKK' });
    softpay.tellsAmounts = true;
    softpay.transaction(requestId).amount = 13_000;
    expect(await fetched(providerId)).toMatchObject({ captured: 13_000 });
  });

  test.each([
    ['05', 'card-declined', true],
    ['51', 'insufficient-funds', true],
    ['54', 'card-expired', false],
    ['43', 'fraud', false],
    ['61', 'limit', true],
    ['XX', 'card-declined', true],
  ])('declined with %s ends as failed: %s', async (code, reason, retryable) => {
    const { providerId, requestId } = await begun();
    softpay.decline(requestId, code);
    expect(await fetched(providerId)).toMatchObject({ ended: 'failed', captured: 0, failure: { reason, retryable, providerCode: code } });
  });

  test('the table uses our words only', () => {
    for (const [reason] of Object.values(RESPONSE_CODES)) expect(DECLINE_REASONS).toContain(reason);
  });

  test('that broke off ends as failed, for a technical reason', async () => {
    const { providerId, requestId } = await begun();
    softpay.fail(requestId);
    expect(await fetched(providerId)).toMatchObject({
      ended: 'failed',
      failure: { reason: 'technical', retryable: true, providerCode: 'FAILED' },
    });
  });

  test('at a phone out of reach stays open, for as long as it takes', async () => {
    softpay.isPhoneOffline = true;
    const { providerId } = await begun();
    softpay.advance(24 * 3_600_000);
    expect(await fetched(providerId)).toMatchObject({ providerState: 'PROCESSING', captured: 0 });
    expect(await fetched(providerId)).not.toHaveProperty('ended');
  });

  test('the page for people taps, declines and walks away', async () => {
    for (const [verb, state] of [
      ['tap', 'COMPLETED'],
      ['decline', 'DECLINED'],
      ['leave', 'FAILED'],
    ]) {
      const { requestId } = await begun({ reference: `pay_${verb}` });
      expect(await (await fetch(`${softpay.url}/phone`)).text()).toContain(requestId);
      await fetch(`${softpay.url}/phone?id=${requestId}&do=${verb}`, { method: 'POST', redirect: 'manual' });
      expect(softpay.transaction(requestId).state).toBe(state);
    }
  });

  test('pitfall 30: a word that Softpay did not have yet is kept, is no money, and is logged', async () => {
    const { providerId, requestId } = await begun();
    softpay.transaction(requestId).state = 'LEVITATING';
    const asking = context();
    const facts = valueOf(await payments.fetch(asking, { providerId }));
    expect(facts).toMatchObject({ providerState: 'LEVITATING', captured: 0, started: true });
    expect(facts).not.toHaveProperty('ended');
    expect(asking.logged.join()).toContain('LEVITATING');
  });

  test.each([
    ['125.00', 'DKK', 12_500],
    ['100', 'ISK', 100],
    ['0.01', 'EUR', 1],
    ['999999.99', 'SEK', 99_999_999],
    ['123.50', 'HUF', 12_350],
  ])('pitfall 12: %s %s is %i', async (amount, currency, minor) => {
    const { providerId, requestId } = await begun({ amount: { amount, currency } });
    expect(softpay.transaction(requestId).amount).toBe(minor);
    softpay.tap(requestId);
    expect(await fetched(providerId)).toMatchObject({ captured: minor, currency });
  });

  test.each<[Partial<CreatePayment>, string]>([
    [{ amount: { amount: '1.230', currency: 'KWD' } }, 'amount'],
    [{ amount: { amount: '0.00', currency: 'DKK' } }, 'amount'],
    [{ flow: 'redirect' }, 'flow'],
    [{ capture: 'manual' }, 'capture'],
    [{ device: 'phone 1' }, 'device'],
    [{ reference: 'x'.repeat(65) }, 'reference'],
  ])('what Softpay cannot do is refused before anything is sent: %j', async (more, field) => {
    expect(await create(more)).toMatchObject({ kind: 'failed', reason: 'input', field });
    expect(softpay.log.all()).toHaveLength(0);
  });

  test('goes to the connection’s own phone when it names none', async () => {
    const { device: _none, ...sale } = SALE;
    const options = { settings: { appId: 'XYZ0987654321' }, idempotencyKey: 'k' };
    expect((await payments.create(context(options), sale)).kind).toBe('ok');
    expect(softpay.begun()).toMatchObject([{ appId: 'XYZ0987654321' }]);
    expect(await payments.create(context(), sale)).toMatchObject({ kind: 'failed', reason: 'input', field: 'device' });
  });

  test('methods are the tapped card, for amounts that Softpay takes', async () => {
    expect(valueOf(await payments.methods!(context(), { amount: SALE.amount }))).toMatchObject([{ id: 'card', flows: ['tap'] }]);
    expect(valueOf(await payments.methods!(context(), { amount: { amount: '1.230', currency: 'KWD' } }))).toEqual([]);
  });
});

describe('undoing', () => {
  const refund = (providerId: string, amount: string) =>
    payments.refund!(context({ idempotencyKey: 'ref_1:1' }), { providerId, reference: 'ref_1', amount: { amount, currency: 'DKK' } });

  test('a sale that still runs is cancelled', async () => {
    const { providerId } = await begun();
    expect(valueOf(await payments.cancel!(context(), { providerId }))).toMatchObject({ ended: 'cancelled', captured: 0 });
    expect(valueOf(await payments.cancel!(context(), { providerId }))).toMatchObject({ ended: 'cancelled' });
  });

  test('pitfall 27: at a phone out of reach cancelling ends nothing, and a tap that comes first is money', async () => {
    softpay.isPhoneOffline = true;
    const { providerId, requestId } = await begun();
    const facts = valueOf(await payments.cancel!(context(), { providerId }));
    expect(facts).toMatchObject({ captured: 0, started: true });
    expect(facts).not.toHaveProperty('ended');
    softpay.tap(requestId);
    expect(await fetched(providerId)).toMatchObject({ captured: 12_500 });
    expect(await payments.cancel!(context(), { providerId })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'ALREADY_COMPLETED',
    });
  });

  test('a whole sale of minutes ago is undone without the card, once', async () => {
    const { providerId, requestId } = await begun();
    softpay.tap(requestId);
    expect(valueOf(await refund(providerId, '125.00'))).toMatchObject({ state: 'pending' });
    expect(await fetched(providerId)).toMatchObject({ captured: 12_500, refunded: 12_500 });
    expect(valueOf(await refund(providerId, '125.00'))).toMatchObject({ state: 'done' });
    expect(softpay.log.executed('DELETE /transactions/:id')).toBe(1);
  });

  test('a part needs the card, and so does a sale after the acquirer’s window', async () => {
    const { providerId, requestId } = await begun();
    expect(await refund(providerId, '125.00')).toMatchObject({ kind: 'failed', code: 'NOT_PAID' });
    softpay.tap(requestId);
    expect(await refund(providerId, '25.00')).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'WHOLE_ONLY' });
    softpay.advance(11 * 60_000);
    expect(await refund(providerId, '125.00')).toMatchObject({ kind: 'failed', reason: 'permanent', code: 'CLOUD.950' });
    expect(payments.traits).toEqual({ refundsAtTerminal: true });
  });

  test('pitfall 5: one that a person undid at the phone counts', async () => {
    const { providerId, requestId } = await begun();
    softpay.tap(requestId);
    softpay.undoAtPhone(requestId);
    expect(await fetched(providerId)).toMatchObject({ captured: 12_500, refunded: 12_500 });
  });
});

describe('one key', () => {
  test('ten at once ask the phone once', async () => {
    const options = (attempt: number): More => ({ attempt, idempotencyKey: 'pay_01:create:1' });
    const all = await Promise.all(Array.from({ length: 10 }, (_one, index) => create({}, options(index + 1))));
    expect(new Set(all.map((one) => valueOf(one).providerId)).size).toBe(1);
    expect(softpay.begun()).toHaveLength(1);
  });

  test('pitfall 16: an answer to the beginning that got lost is looked up by its request', async () => {
    softpay.faults.add({ match: 'PUT', action: 'reset-after' });
    expect((await create()).kind).toBe('ok');
    expect(softpay.begun()).toHaveLength(1);
  });

  test('when that cannot be looked up either it is unknown, names the request, and the repeat finds it', async () => {
    softpay.faults.add({ match: 'PUT', action: '500-after' }, { match: 'GET', action: 'drop' });
    const lost = await create();
    expect(lost).toMatchObject({ kind: 'unknown', message: expect.stringContaining(softpay.begun()[0]!.requestId) });
    expect(valueOf(await create({}, { attempt: 2, idempotencyKey: 'pay_01:create:1' })).providerId).toContain(
      softpay.begun()[0]!.requestId,
    );
    expect(softpay.begun()).toHaveLength(1);
  });

  test('a beginning that never arrived is begun by the repeat, under the same request', async () => {
    softpay.faults.add({ match: 'PUT', action: '500-before' });
    expect((await create()).kind).toBe('unknown');
    valueOf(await create({}, { attempt: 2, idempotencyKey: 'pay_01:create:1' }));
    expect(softpay.begun()).toHaveLength(1);
    expect(softpay.log.executed('POST /transactions')).toBe(1);
  });

  test('a request that was asked for and lost begins nothing, and the repeat asks for another', async () => {
    softpay.faults.add({ match: 'POST /api-gateway', action: 'reset-after' });
    expect((await create()).kind).toBe('unknown');
    expect(softpay.begun()).toHaveLength(0);
    valueOf(await create({}, { attempt: 2, idempotencyKey: 'pay_01:create:1' }));
    expect(softpay.begun()).toHaveLength(1);
  });

  test('a repeat in a process that knows nothing of the first attempt sends nothing', async () => {
    const outcome = await create({}, { attempt: 2, idempotencyKey: 'from:another:process' });
    expect(outcome.kind).toBe('unknown');
    expect(softpay.log.all()).toHaveLength(0);
    expect(payments).not.toHaveProperty('find');
  });

  test('a request that ended before it was begun is refused, and nothing was taken', async () => {
    softpay.faults.add({ match: 'PUT', action: '500-before' });
    await create();
    softpay.advance(6 * 60_000);
    expect(await create({}, { attempt: 2, idempotencyKey: 'pay_01:create:1' })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'CLOUD.800',
    });
    expect(softpay.begun()).toHaveLength(0);
  });
});

describe('refusals', () => {
  test('429 slows the connection down, and nothing was begun', async () => {
    softpay.faults.add({ match: 'PUT', action: '429' });
    expect(await create()).toMatchObject({ kind: 'failed', reason: 'rate-limited', retryAfterMs: 5_000 });
    expect(softpay.begun()).toHaveLength(0);
  });

  test('a read that breaks is only temporary', async () => {
    const { providerId } = await begun();
    for (const action of ['drop', '500-after', 'reset-after'] as const) {
      softpay.faults.add({ match: 'GET', action });
      expect(await payments.fetch(context(), { providerId })).toMatchObject({ kind: 'failed', reason: 'temporary' });
    }
  });

  test('wrong credentials and a wrong merchant are a matter of the connection, and are never shown', async () => {
    const wrong = context({ settings: { clientSecret: 'wrong-wrong-wrong' } });
    const outcome = await payments.create(wrong, SALE);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'auth', field: 'clientSecret' });
    expect(JSON.stringify([outcome, wrong.logged])).not.toContain('wrong-wrong');
    const stranger = context({ settings: { merchant: '00000000-0000-4000-8000-000000000000' }, idempotencyKey: 'k' });
    expect(await payments.create(stranger, SALE)).toMatchObject({ kind: 'failed', reason: 'auth', field: 'merchant' });
  });

  test('an id of somebody else’s is permanent', async () => {
    expect(await payments.fetch(context(), { providerId: 'tr_123' })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      code: 'NO_SUCH_ID',
    });
  });
});

describe('the token', () => {
  const asked = (): number => softpay.log.executed('POST /oauth2/token');

  test('is asked for once by ten calls at the same time', async () => {
    await Promise.all(Array.from({ length: 10 }, (_one, index) => begun({ reference: `pay_${index}` })));
    expect(asked()).toBe(1);
  });

  test('is renewed once when Softpay ends it early, and before its own end', async () => {
    const { providerId } = await begun();
    softpay.revokeTokens();
    await Promise.all(Array.from({ length: 10 }, () => fetched(providerId)));
    expect(asked()).toBe(2);
    softpay.advance(280_000);
    await fetched(providerId);
    expect(asked()).toBe(3);
  });
});

describe('checking a connection', () => {
  test('names the merchant', async () => {
    expect(await plugin.connection.check(context())).toEqual({ ok: true, account: `Softpay merchant ${softpay.merchant}`, mode: 'test' });
  });

  test.each(['test', 'live'] as const)('pitfall 25: a %s connection refuses the other’s credentials', async (mode) => {
    softpay.isLive = mode === 'test';
    expect(await plugin.connection.check(context({ mode }))).toMatchObject({ ok: false, field: 'clientId' });
  });

  test('points at a wrong secret, and at nothing when the network is down', async () => {
    expect(await plugin.connection.check(context({ settings: { clientSecret: 'wrong-wrong-wrong' } }))).toMatchObject({
      ok: false,
      field: 'clientSecret',
    });
    softpay.faults.add({ match: '/merchants', action: 'drop' });
    expect(await plugin.connection.check(context())).not.toHaveProperty('field');
  });
});
