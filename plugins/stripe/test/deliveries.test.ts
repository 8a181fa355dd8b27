import { Agent, createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { EVENTS } from '../src/events.ts';
import { mandates } from '../src/mandates.ts';
import { payments } from '../src/payments.ts';
import { webhook } from '../src/webhook.ts';
import { CUSTOMER, DAY, Fixture, ORDER, valueOf } from './fixture.ts';

const at = new Fixture();
const SECRETS = ['whsec_of_the_present_time', 'whsec_of_the_time_before'];

/** A door that keeps what is delivered. */
let door: Server;
let arrived: RawWebhook[] = [];
beforeEach(async () => {
  arrived = [];
  door = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = { 'stripe-signature': String(request.headers['stripe-signature']) };
      arrived.push({ method: 'POST', url: ORDER.webhookUrl, headers, body: Buffer.concat(chunks), receivedAt: Date.now() });
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  at.stripe.webhooks.target = { url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`, secrets: SECRETS };
});
afterEach(() => new Promise((resolve) => (door.close(resolve), door.closeAllConnections())));

async function signals(): Promise<readonly unknown[]> {
  await at.stripe.webhooks.settled();
  const context = at.context({ settings: { secretKey: at.stripe.apiKey, webhookSecrets: [SECRETS[0] ?? ''] } });
  const told: unknown[] = [];
  for (const delivery of arrived) {
    expect(await webhook.verify(context, delivery)).toMatchObject({ ok: true });
    told.push(...(await webhook.translate(context, delivery)));
  }
  return told;
}

describe('deliveries', () => {
  test('pitfall 2: the news comes before the answer, and names our payment', async () => {
    at.stripe.quirks.add({ match: 'POST /v1/checkout/sessions', action: 'early-webhook' });
    const { providerId, facts } = await at.create();
    expect(facts.captured).toBe(0);
    expect(await signals()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'payment', type: 'checkout.session.completed', providerId, reference: 'pay_01' }),
      ]),
    );
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
  });

  test('pitfall 2: an event carries the key of the request that caused it', async () => {
    const { providerId } = await at.paid('card', { capture: 'manual' });
    valueOf(await payments.capture!(at.context({ idempotencyKey: 'pay_01:capture:1' }), { providerId, amount: ORDER.amount }));
    await at.stripe.webhooks.settled();
    const last = JSON.parse(at.stripe.webhooks.events.at(-1) ?? '') as { readonly request: unknown };
    expect(last).toMatchObject({ type: 'payment_intent.succeeded', request: { idempotency_key: 'pay_01:capture:1' } });
  });

  test('pitfalls 1 and 3: out of order and twice, they end in the same facts, and the same event has the same id', async () => {
    at.stripe.faults.add(
      { match: 'webhook payment_intent.succeeded', action: 'reorder' },
      { match: 'webhook charge.succeeded', action: 'duplicate' },
    );
    const { providerId } = await at.paid('card');
    await signals();
    const context = at.context({ settings: { secretKey: at.stripe.apiKey, webhookSecrets: SECRETS } });
    const ids = await Promise.all(
      arrived.map(async (one) => ((await webhook.verify(context, one)) as { readonly eventId: string }).eventId),
    );
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(3);
    const { fetchStartedAt: _before, ...first } = await at.fetched(providerId);
    const { fetchStartedAt: _after, ...second } = await at.fetched(providerId);
    expect(second).toEqual(first);
  });

  test('pitfall 21: signed with two secrets while one is rolled, either of them counts', async () => {
    await at.paid('card');
    await at.stripe.webhooks.settled();
    for (const secret of SECRETS)
      for (const settings of [{ webhookSecret: secret }, { previousWebhookSecret: secret }, { webhookSecrets: [secret] }]) {
        const context = at.context({ settings: { secretKey: at.stripe.apiKey, ...settings } });
        expect(await webhook.verify(context, arrived[0]!)).toMatchObject({ ok: true });
      }
  });

  test('pitfall 4: facts are dated by when they were asked for: an answer that came late is older', async () => {
    const { providerId } = await at.create();
    at.stripe.faults.add({ match: 'GET /v1/checkout/sessions', action: 'delay', delayMs: 300 });
    const late = at.fetched(providerId);
    await new Promise((resolve) => setTimeout(resolve, 100));
    at.stripe.pay(providerId);
    const fresh = await at.fetched(providerId);
    expect([fresh.captured, (await late).captured]).toEqual([1250, 0]);
    expect((await late).fetchStartedAt).toBeLessThan(fresh.fetchStartedAt);
  });

  test('a permission is told of by the id under which it is kept', async () => {
    const { facts } = valueOf(
      await mandates.create(at.context(), {
        ...ORDER,
        reference: 'man_01',
        kind: 'sepa-debit',
        customer: CUSTOMER,
      }),
    );
    at.stripe.book.approve(facts.providerId, 'ideal');
    const { providerId } = valueOf(await mandates.fetch(at.context(), facts));
    at.stripe.vault.endMandate(providerId);
    expect(await signals()).toMatchObject([
      { kind: 'mandate', type: 'setup_intent.succeeded', reference: 'man_01' },
      { kind: 'mandate', type: 'checkout.session.completed', providerId: facts.providerId, reference: 'man_01' },
      { kind: 'mandate', type: 'mandate.updated', providerId },
    ]);
    expect(valueOf(await mandates.fetch(at.context(), { providerId }))).toMatchObject({ state: 'revoked' });
  });

  test('a card that was taken off its customer is told of by its own id', async () => {
    const { providerId } = await at.paid('card', { save: true, customer: CUSTOMER });
    const { mandate } = await at.fetched(providerId);
    at.stripe.vault.detach(mandate?.providerId ?? '');
    expect((await signals()).at(-1)).toMatchObject({ kind: 'mandate', type: 'payment_method.detached', providerId: mandate?.providerId });
  });

  test('a payout is told of as a settlement', async () => {
    await at.paid('card');
    const { id } = at.stripe.ledger.arrive(at.stripe.ledger.payOut().id);
    expect((await signals()).slice(-2)).toMatchObject([
      { kind: 'settlement', type: 'payout.paid', providerId: id },
      { kind: 'settlement', type: 'payout.reconciliation_completed', providerId: id },
    ]);
  });
});

describe('registering the webhook', () => {
  const url = ORDER.webhookUrl;
  const register = async (settings: Readonly<Record<string, unknown>> = {}, renew = false) =>
    valueOf(
      await webhook.register!(at.context({ settings: { secretKey: at.stripe.apiKey, ...settings }, idempotencyKey: '' }), { url, renew }),
    );

  test('tells Stripe the address, the events and the version, and brings its secret, once', async () => {
    const first = await register();
    const endpoint = at.stripe.webhooks.endpoint(first.providerId);
    expect(endpoint).toMatchObject({ url, api_version: '2026-10-28.endive', enabled_events: EVENTS });
    expect(first.secrets).toEqual({ webhookId: first.providerId, webhookSecret: endpoint.secret });
    expect(await register(first.secrets)).toEqual({ providerId: first.providerId });
    expect(at.stripe.webhooks.endpoints.size).toBe(1);
  });

  test('pitfall 23: one that was switched off, or lacks events, is brought up to date', async () => {
    const { providerId, secrets } = await register();
    Object.assign(at.stripe.webhooks.endpoint(providerId), { status: 'disabled', enabled_events: ['charge.succeeded'] });
    await register(secrets);
    expect(at.stripe.webhooks.endpoint(providerId)).toMatchObject({ status: 'enabled', enabled_events: EVENTS });
  });

  test('pitfall 23: one whose answer was lost is replaced; it goes when the new one is known, and no event is lost meanwhile', async () => {
    const lost = await register();
    const second = await register();
    expect(at.stripe.webhooks.endpoints.size).toBe(2);
    await register(second.secrets);
    expect([...at.stripe.webhooks.endpoints.keys()]).toEqual([second.providerId]);
    expect(second.providerId).not.toBe(lost.providerId);
  });

  test('taken back, all of ours at the address go, and none of others; again changes nothing', async () => {
    await register();
    await register();
    const theirs = await register();
    // One that a person has made does not bear our mark.
    Object.assign(at.stripe.webhooks.endpoint(theirs.providerId), { metadata: {} });
    const elsewhere = valueOf(
      await webhook.register!(at.context({ settings: { secretKey: at.stripe.apiKey }, idempotencyKey: '' }), { url: `${url}-2` }),
    );
    for (const _ of [1, 2])
      valueOf(await webhook.unregister!(at.context({ settings: { secretKey: at.stripe.apiKey }, idempotencyKey: '' }), { url }));
    expect([...at.stripe.webhooks.endpoints.keys()].toSorted()).toEqual([theirs.providerId, elsewhere.providerId].toSorted());
  });

  test('is made anew when that is asked for, and the secret before still counts', async () => {
    const first = await register();
    const second = await register(first.secrets, true);
    expect(second.secrets).toEqual({
      webhookId: second.providerId,
      webhookSecret: at.stripe.webhooks.endpoint(second.providerId).secret,
      previousWebhookSecret: first.secrets?.['webhookSecret'],
    });
  });

  test('leaves an endpoint alone that a person has made and whose secret is in the settings', async () => {
    const byHand = at.stripe.webhooks.register({
      url,
      enabled_events: ['*'],
      api_version: '2026-10-28.endive',
      description: null,
      metadata: {},
      created: 1,
      livemode: false,
    });
    expect(await register({ webhookSecrets: [byHand.secret] })).toEqual({ providerId: byHand.id });
    const own = await register();
    await register(own.secrets);
    expect([...at.stripe.webhooks.endpoints.keys()]).toEqual([byHand.id, own.providerId]);
  });

  test('what is signed with that secret verifies', async () => {
    const { providerId, secrets } = await register();
    const { url: own } = at.stripe.webhooks.target!;
    at.stripe.webhooks.target = { url: own, secrets: [at.stripe.webhooks.endpoint(providerId).secret] };
    await at.paid('card');
    await at.stripe.webhooks.settled();
    const context = at.context({ settings: { secretKey: at.stripe.apiKey, ...secrets } });
    expect(await webhook.verify(context, arrived[0]!)).toMatchObject({ ok: true });
  });
});

describe('keys and lost answers', () => {
  test('pitfall 14: after a day the key is forgotten, and the payment is found by our reference', async () => {
    const begunAt = at.stripe.clock.now();
    at.stripe.quirks.add({ match: 'POST /v1/payment_intents', action: 'truncated' });
    const fields = { ...ORDER, flow: 'hosted-fields' as const };
    expect((await payments.create(at.context({ idempotencyKey: 'k' }), fields)).kind).toBe('unknown');
    await at.stripe.advance(payments.keyTtlMs + DAY);
    const found = valueOf(await payments.find!(at.context(), { reference: 'pay_01', notBefore: begunAt }));
    expect(found?.providerId).toBe(at.stripe.intents()[0]?.id);
  });

  test('pitfall 16: a 500 that Stripe stored is unknown as often as it is asked, and find is the way out', async () => {
    at.stripe.quirks.add({ match: 'POST /v1/checkout/sessions', action: '500-stored' });
    for (const attempt of [1, 2]) expect((await payments.create(at.context({ idempotencyKey: 'k', attempt }), ORDER)).kind).toBe('unknown');
    expect(at.stripe.sessions()).toHaveLength(1);
    const found = valueOf(await payments.find!(at.context(), { reference: 'pay_01', notBefore: Date.now() - 60_000 }));
    expect(found?.providerId).toBe(at.stripe.sessions()[0]?.id);
  });

  test('pitfall 13: a call with the same key while the first is under way is unknown, and makes nothing', async () => {
    at.stripe.quirks.add({ match: 'POST /v1/checkout/sessions', action: 'slow' });
    const calls = [1, 2, 3].map((attempt) => payments.create(at.context({ idempotencyKey: 'k', attempt }), ORDER));
    const kinds = (await Promise.all(calls)).map(({ kind }) => kind).toSorted();
    expect(kinds).toEqual(['ok', 'unknown', 'unknown']);
    expect(at.stripe.sessions()).toHaveLength(1);
  });

  test('pitfall 17: the library’s own second request has the same key, and nothing is sent a third time', async () => {
    at.stripe.faults.add({ match: 'POST /v1/checkout/sessions', action: 'reset-after', times: 9 });
    expect((await payments.create(at.context({ idempotencyKey: 'k' }), ORDER)).kind).toBe('unknown');
    const sent = at.stripe.log.all().filter(({ operation }) => operation === 'POST /v1/checkout/sessions');
    expect(sent.map(({ idempotencyKey, executed }) => [idempotencyKey, executed])).toEqual([
      ['k', true],
      ['k', false],
    ]);
  });

  test('pitfall 17: a second request that cannot leave says nothing of the first one', async () => {
    at.stripe.faults.add({ match: 'POST /v1/checkout/sessions', action: 'reset-after' });
    const outcome = await payments.create({ ...at.context(), agent: new OnceOnly(new URL(at.stripe.url)) }, ORDER);
    expect(outcome.kind).toBe('unknown');
    expect(at.stripe.sessions()).toHaveLength(1);
  });

  test('an answer out of Stripe’s memory is as old as the first one: the payment is looked at again', async () => {
    const first = await at.create();
    at.stripe.pay(first.providerId);
    const again = await at.create();
    expect(again.facts).toMatchObject({ captured: 1250 });
    expect(again.next).toEqual({ kind: 'none' });
  });

  test.each(['html-after', 'truncated'] as const)('an answer that is none (%s) is unknown', async (action) => {
    at.stripe.quirks.add({ match: 'POST /v1/checkout/sessions', action });
    expect((await payments.create(at.context(), ORDER)).kind).toBe('unknown');
  });
});

test('pitfall 26: coming back from the page without paying proves nothing', async () => {
  const { providerId, next } = await at.create();
  if (next.kind === 'redirect') await (await fetch(next.url)).text();
  expect(await at.fetched(providerId)).toMatchObject({ providerState: 'open', started: false, captured: 0 });
});

test('pitfall 27: a customer who pays in the moment of the cancellation has paid', async () => {
  const { providerId } = await at.create();
  at.stripe.faults.add({ match: 'expire', action: 'drop', times: 2 });
  expect((await payments.cancel!(at.context({ idempotencyKey: 'x' }), { providerId })).kind).toBe('unknown');
  at.stripe.pay(providerId);
  expect(await payments.cancel!(at.context({ idempotencyKey: 'x', attempt: 2 }), { providerId })).toMatchObject({
    kind: 'failed',
    reason: 'permanent',
    code: 'already_captured',
  });
  expect(await at.fetched(providerId)).toMatchObject({ captured: 1250 });
});

/** Reaches the server once; after that nobody listens. */
class OnceOnly extends Agent {
  #port: string;

  constructor({ port }: URL) {
    super({ keepAlive: false });
    this.#port = port;
  }

  override createConnection(): Socket {
    const socket = connect(Number(this.#port), '127.0.0.1');
    this.#port = '9';
    return socket;
  }
}
