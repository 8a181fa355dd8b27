import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { pluginContext, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { signedHeaders, type VippsDelivery } from '../../../test/providers/vipps-webhooks.ts';
import { mandates } from '../src/agreements.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';
import { eventsOf } from '../src/webhook-registration.ts';
import { webhook } from '../src/webhook.ts';
import { DAY_MS, dkk, MINUTE_MS, ORDER, START, valueOf, World } from './world.ts';

interface Vector {
  readonly secret: string;
  readonly url: string;
  readonly date: string;
  readonly body: string;
  readonly 'x-ms-content-sha256': string;
  readonly authorization: string;
}

const read = readFileSync(new URL('signature-vectors.json', import.meta.url), 'utf8');
const VECTORS = JSON.parse(read) as {
  readonly vipps: Vector;
  readonly vipps_official: Vector;
  readonly vipps_wrong_if_base64_decoded: string;
};
const OURS = VECTORS.vipps;
const URL_OF_CONNECTION = 'https://kassaflow.example/webhooks/vipps-mobilepay/con_1';

function contextOf(settings: Partial<Settings>): PluginContext<Settings> {
  const base = { clientId: 'client-id', clientSecret: 'client-secret', subscriptionKey: 'subscription', merchantSerialNumber: '123456' };
  return pluginContext<Settings>({ settings: { ...base, ...settings } });
}

function deliveryOf(
  vector: Vector,
  more: Partial<Omit<RawWebhook, 'headers'>> & { readonly headers?: Record<string, string | readonly string[] | undefined> } = {},
): RawWebhook {
  const headers = {
    authorization: vector.authorization,
    'x-ms-date': vector.date,
    'x-ms-content-sha256': vector['x-ms-content-sha256'],
    host: 'internal:3000',
    ...more.headers,
  };
  const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as RawWebhook['headers'];
  return { method: 'POST', url: vector.url, body: Buffer.from(vector.body), receivedAt: Date.parse(vector.date), ...more, headers: sent };
}

function signed(body: string, secret = OURS.secret, url = URL_OF_CONNECTION, at = START): RawWebhook {
  return { method: 'POST', url, headers: signedHeaders(url, body, secret, at), body: Buffer.from(body), receivedAt: at };
}

describe('verifying a delivery', () => {
  test.each(['vipps', 'vipps_official'] as const)('accepts the vector %s', async (name) => {
    const vector = VECTORS[name];
    expect(await webhook.verify(contextOf({ webhookSecret: vector.secret }), deliveryOf(vector))).toMatchObject({ ok: true });
  });

  test('gives the event’s own id and moment', async () => {
    expect(await webhook.verify(contextOf({ webhookSecret: OURS.secret }), deliveryOf(OURS))).toEqual({
      ok: true,
      eventId: 'AUTHORIZED:kf-pay-01-a1:dd8e0a8e-2b26-40ed-98f1-1d5832fc129f',
      occurredAt: Date.parse('2026-11-20T09:59:59.099Z'),
    });
  });

  test('uses the secret as text, though it looks like base64', async () => {
    const { authorization, ...official } = VECTORS.vipps_official;
    const wrong = {
      ...official,
      authorization: `${authorization.slice(0, authorization.indexOf('Signature=') + 10)}${VECTORS.vipps_wrong_if_base64_decoded}`,
    };
    expect(await webhook.verify(contextOf({ webhookSecret: official.secret }), deliveryOf(wrong))).toMatchObject({
      ok: false,
      reason: 'signature-mismatch',
    });
  });

  const at = Date.parse(OURS.date);
  test.each<[what: string, given: RawWebhook, reason: string, settings?: Partial<Settings>]>([
    ['no Authorization', deliveryOf(OURS, { headers: { authorization: undefined } }), 'signature-missing'],
    ['an empty Authorization', deliveryOf(OURS, { headers: { authorization: '' } }), 'signature-missing'],
    ['no date', deliveryOf(OURS, { headers: { 'x-ms-date': undefined } }), 'signature-format'],
    ['no content hash', deliveryOf(OURS, { headers: { 'x-ms-content-sha256': undefined } }), 'signature-format'],
    [
      'the header sent twice',
      deliveryOf(OURS, { headers: { authorization: [OURS.authorization, OURS.authorization] } }),
      'signature-format',
    ],
    ['another scheme', deliveryOf(OURS, { headers: { authorization: 'Bearer abc' } }), 'signature-scheme'],
    ['fewer signed headers', deliveryOf(OURS, { headers: { authorization: OURS.authorization.replace(';host', '') } }), 'signature-format'],
    ['a changed byte', deliveryOf(OURS, { body: Buffer.from(OURS.body.replace('12500', '12501')) }), 'signature-mismatch'],
    [
      'pitfall 19: the JSON re-serialised',
      deliveryOf(OURS, { body: Buffer.from(JSON.stringify(JSON.parse(OURS.body), null, 1)) }),
      'signature-mismatch',
    ],
    ['a byte order mark before the body', deliveryOf(OURS, { body: Buffer.from(`\uFEFF${OURS.body}`) }), 'signature-mismatch'],
    [
      'a hash that fits another body',
      deliveryOf(OURS, { headers: { 'x-ms-content-sha256': 'lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4=' } }),
      'signature-mismatch',
    ],
    ['another date', deliveryOf(OURS, { headers: { 'x-ms-date': 'Fri, 20 Nov 2026 10:00:01 GMT' } }), 'signature-mismatch'],
    ['another method', deliveryOf(OURS, { method: 'PUT' }), 'signature-mismatch'],
    ['another path', deliveryOf(OURS, { url: OURS.url.replace('acct_1', 'acct_2') }), 'signature-mismatch'],
    ['a lost query', deliveryOf(OURS, { url: OURS.url.replace('?x=1', '') }), 'signature-mismatch'],
    ['another host', deliveryOf(OURS, { url: OURS.url.replace('pay.example.nl:8443', 'internal:3000') }), 'signature-mismatch'],
    ['another secret', deliveryOf(OURS), 'signature-mismatch', { webhookSecret: 'another' }],
    ['no secret yet', deliveryOf(OURS), 'signature-mismatch', {}],
    ['a date of letters', deliveryOf(OURS, { headers: { 'x-ms-date': 'yesterday' } }), 'timestamp-format'],
    ['an ISO date', deliveryOf(OURS, { headers: { 'x-ms-date': '2026-11-20T10:00:00Z' } }), 'timestamp-format'],
    ['a delivery of nine days ago', deliveryOf(OURS, { receivedAt: at + 9 * DAY_MS }), 'timestamp-old'],
    ['a delivery of the day after tomorrow', deliveryOf(OURS, { receivedAt: at - 2 * DAY_MS }), 'timestamp-future'],
    [
      'pitfall 25: an event of another sales unit',
      signed('{"msn":"999999","reference":"kf-pay-01","name":"CAPTURED","pspReference":"p"}'),
      'mode-mismatch',
    ],
  ])('refuses %s', async (_what, given, reason, settings = { webhookSecret: OURS.secret }) => {
    expect(await webhook.verify(contextOf(settings), given)).toMatchObject({ ok: false, reason });
  });

  test('pitfall 20: the registered address counts, whatever Host a proxy sends', async () => {
    const given = deliveryOf(OURS, { headers: { host: 'evil.example' } });
    expect(await webhook.verify(contextOf({ webhookSecret: OURS.secret }), given)).toMatchObject({ ok: true });
  });

  test('pitfall 21: both secrets count while they change', async () => {
    const context = contextOf({ webhookSecret: 'new-secret', webhookSecretBefore: OURS.secret });
    expect(await webhook.verify(context, deliveryOf(OURS))).toMatchObject({ ok: true });
    expect(await webhook.verify(context, signed('{"reference":"kf-pay-01"}', 'new-secret'))).toMatchObject({ ok: true });
  });

  test('pitfall 18: a clock that is hours off, and a delivery tried for a week, are no forgery', async () => {
    const context = contextOf({ webhookSecret: OURS.secret });
    for (const receivedAt of [at - 3 * 3_600_000, at + 7 * DAY_MS])
      expect(await webhook.verify(context, deliveryOf(OURS, { receivedAt }))).toMatchObject({ ok: true });
  });

  test('what is signed but not JSON is kept under its hash and tells nothing', async () => {
    const given = signed('not json');
    expect(await webhook.verify(contextOf({ webhookSecret: OURS.secret }), given)).toEqual({
      ok: true,
      eventId: expect.stringMatching(/^unreadable-[0-9a-f]{64}$/),
    });
    expect(await webhook.translate(contextOf({}), given)).toEqual([]);
  });
});

describe('translating a delivery', () => {
  const common = { occurredAt: START };
  const occurred = new Date(START).toISOString();
  test.each([
    [
      { reference: 'kf-pay-01', name: 'AUTHORIZED' },
      [{ kind: 'payment', type: 'AUTHORIZED', providerId: 'kf-pay-01', reference: 'pay_01' }],
    ],
    [{ reference: 'kf-pay-01', name: 'REFUNDED' }, [{ kind: 'refund', type: 'REFUNDED', providerId: 'kf-pay-01', reference: 'pay_01' }]],
    [
      { reference: 'order-of-another-system', name: 'CAPTURED' },
      [{ kind: 'payment', type: 'CAPTURED', providerId: 'order-of-another-system' }],
    ],
    [
      { agreementId: 'agr_1', chargeId: 'kf-pay-07', eventType: 'recurring.charge-captured.v1' },
      [{ kind: 'payment', type: 'recurring.charge-captured.v1', providerId: 'agr_1/kf-pay-07', reference: 'pay_07' }],
    ],
    [
      { agreementId: 'agr_1', chargeId: 'chr-1', eventType: 'recurring.charge-refunded.v1' },
      [{ kind: 'refund', type: 'recurring.charge-refunded.v1', providerId: 'agr_1/chr-1' }],
    ],
    [
      { agreementId: 'agr_1', agreementExternalId: 'man_01', eventType: 'recurring.agreement-stopped.v1', actor: 'USER' },
      [{ kind: 'mandate', type: 'recurring.agreement-stopped.v1', providerId: 'agr_1', reference: 'man_01' }],
    ],
    [
      { agreementId: 'agr_1', agreementExternalId: 'payment:pay_01', eventType: 'recurring.agreement-rejected.v1' },
      [
        { kind: 'mandate', type: 'recurring.agreement-rejected.v1', providerId: 'agr_1' },
        { kind: 'payment', type: 'recurring.agreement-rejected.v1', providerId: 'agr_1/kf-pay-01', reference: 'pay_01' },
      ],
    ],
    [{ name: 'SHIPPED', reference: 'kf-pay-01' }, []],
    [{ eventType: 'user.checked-in.v1' }, []],
    [{ agreementId: '../x', eventType: 'recurring.agreement-stopped.v1' }, []],
  ])('%j', async (body, signals) => {
    const moment = 'eventType' in body ? { occurred } : { timestamp: occurred };
    const given = signed(JSON.stringify({ ...body, ...moment }));
    expect(await webhook.translate(contextOf({}), given)).toEqual(signals.map((signal) => ({ ...signal, ...common })));
  });

  test('pitfall 24: a payment of another system at the same sales unit is only told by its id, and one that is nowhere is no error', async () => {
    const given = signed(JSON.stringify({ msn: '123456', reference: 'order-of-another-system', name: 'CAPTURED', pspReference: 'p' }));
    expect(await webhook.verify(contextOf({ webhookSecret: OURS.secret }), given)).toMatchObject({ ok: true });
    const [signal] = await webhook.translate(contextOf({}), given);
    expect(signal).not.toHaveProperty('reference');
    const world = await World.start();
    const providerId = signal?.providerId ?? '';
    expect(await payments.fetch(world.context(), { providerId })).toMatchObject({ kind: 'failed', reason: 'permanent', code: '5090' });
    await world.close();
  });

  test('an unknown type is warned of', async () => {
    const context = contextOf({});
    await webhook.translate(context, signed('{"name":"SHIPPED","reference":"kf-pay-01"}'));
    expect(context.logged.join()).toContain('SHIPPED');
  });

  test('recurring events have no id of their own: the same one twice is one, two of them are two', async () => {
    const context = contextOf({ webhookSecret: OURS.secret });
    const idOf = async (body: object): Promise<unknown> => {
      const verdict = await webhook.verify(context, signed(JSON.stringify(body)));
      return verdict.ok && verdict.eventId;
    };
    const event = { agreementId: 'agr_1', chargeId: 'c', eventType: 'recurring.charge-captured.v1', occurred };
    expect(await idOf(event)).toBe(await idOf(event));
    expect(await idOf({ ...event, occurred: new Date(START + 1).toISOString() })).not.toBe(await idOf(event));
  });
});

describe('with the provider’s deliveries', () => {
  let world: World;
  let received: VippsDelivery[];
  let answer: (delivery: VippsDelivery) => number;
  let settings: Partial<Settings>;
  beforeEach(async () => {
    received = [];
    answer = () => 200;
    world = await World.start({ receiver: (delivery) => (received.push(delivery), answer(delivery)) });
    const features = ['recurring'] as const;
    settings = { ...valueOf(await webhook.register!(world.context({ settings: { features } }), { url: URL_OF_CONNECTION })).secrets };
  });
  afterEach(() => world.close());

  const names = (): unknown[] => received.map(({ body }) => (JSON.parse(body) as { name?: string }).name);
  async function accepted(delivery: VippsDelivery): Promise<string> {
    const given = {
      method: 'POST',
      url: URL_OF_CONNECTION,
      headers: delivery.headers,
      body: Buffer.from(delivery.body),
      receivedAt: world.vipps.clock.now(),
    };
    const verdict = await webhook.verify(world.context({ settings }), given);
    if (!verdict.ok) throw new Error(verdict.reason);
    return verdict.eventId;
  }

  test('each of them verifies, and says where to look', async () => {
    const providerId = await world.captured();
    valueOf(await payments.refund!(world.write(), { providerId, reference: 'ref_1', amount: dkk('1.00') }));
    await world.vipps.webhooks.idle();
    expect(names()).toEqual(['CREATED', 'AUTHORIZED', 'CAPTURED', 'REFUNDED']);
    expect(new Set(await Promise.all(received.map(accepted))).size).toBe(4);
  });

  test('pitfall 1: signals in any order lead to the same facts, because the facts are fetched', async () => {
    world.vipps.faults.add({ match: 'webhook epayments.payment.authorized', action: 'reorder' });
    const providerId = await world.captured();
    await world.vipps.webhooks.idle();
    expect(names()).toEqual(['CREATED', 'CAPTURED', 'AUTHORIZED']);
    expect(await world.facts(providerId)).toMatchObject({ captured: 12_500 });
  });

  test('pitfall 2: a webhook that beats the answer names our own reference', async () => {
    world.vipps.answerFaults.push({ match: 'POST /epayment', action: 'early-webhook' });
    const context = world.context({ idempotencyKey: 'pay_01:create:1' });
    const before: number[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await context.fetch(input, init);
      before.push(received.length);
      return response;
    };
    valueOf(await payments.create({ ...context, fetch }, ORDER));
    expect(before.at(-1)).toBe(1);
    const [first] = received;
    const given = { method: 'POST', url: URL_OF_CONNECTION, headers: {}, body: Buffer.from(first?.body ?? ''), receivedAt: START };
    expect(await webhook.translate(context, given)).toMatchObject([{ reference: 'pay_01' }]);
  });

  test('pitfall 3: a repeat has the same event id', async () => {
    world.vipps.faults.add({ match: 'webhook epayments.payment.created', action: 'duplicate' });
    await world.create();
    await world.vipps.webhooks.idle();
    expect(received).toHaveLength(2);
    expect(new Set(await Promise.all(received.map(accepted))).size).toBe(1);
  });

  test('pitfall 23: one that is not answered holds up the later ones of its payment and no others, and all come in their order', async () => {
    answer = ({ body }) => (body.includes('kf-pay-01') && world.vipps.clock.now() < START + 3 * 3_600_000 ? 503 : 200);
    await world.captured();
    await world.captured({ reference: 'pay_02' });
    await world.vipps.webhooks.idle();
    expect(new Set(names().slice(1))).toEqual(new Set(['CREATED', 'AUTHORIZED', 'CAPTURED']));
    const blocked = (): VippsDelivery[] => received.filter(({ body }) => body.includes('kf-pay-01'));
    expect(blocked()).toHaveLength(1);
    await world.vipps.clock.advance(5 * MINUTE_MS);
    // 2 s four times, a minute, two minutes: seven tries of the first event, none of the others.
    expect(blocked().map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await world.vipps.clock.advance(4 * 3_600_000);
    expect(
      blocked()
        .slice(-3)
        .map(({ body }) => (JSON.parse(body) as { name: string }).name),
    ).toEqual(['CREATED', 'AUTHORIZED', 'CAPTURED']);
    for (const delivery of received.slice(-3)) await expect(accepted(delivery)).resolves.toContain('kf-pay-01');
  });

  test('an endpoint that is dead for a week loses the event; the fetch still tells', async () => {
    answer = () => 500;
    const providerId = await world.captured();
    await world.vipps.clock.advance(9 * DAY_MS);
    expect(await world.facts(providerId)).toMatchObject({ captured: 12_500 });
  });

  test('pitfall 23: a registration that was dead for two weeks is deleted there, and the next look makes a new one', async () => {
    answer = () => 500;
    await world.vipps.clock.advance(15 * DAY_MS);
    await world.create();
    await world.vipps.webhooks.idle();
    expect(world.vipps.webhooks.list()).toEqual([]);
    answer = () => 200;
    const made = valueOf(await webhook.register!(world.context({ settings }), { url: URL_OF_CONNECTION }));
    expect(made.secrets).toMatchObject({ webhookId: made.providerId, webhookSecretBefore: settings.webhookSecret });
    settings = { ...made.secrets };
    await world.create({ reference: 'pay_02' });
    await world.vipps.webhooks.idle();
    await expect(accepted(received.at(-1) ?? { url: '', headers: {}, body: '', attempt: 0 })).resolves.toContain('kf-pay-02');
  });

  test('an event that claims money is only a signal; the facts say that there is none', async () => {
    const { providerId } = await world.create();
    const forged = signed(
      JSON.stringify({
        msn: '123456',
        reference: providerId,
        name: 'CAPTURED',
        pspReference: 'p',
        amount: { currency: 'DKK', value: 12_500 },
        success: true,
      }),
      settings.webhookSecret,
    );
    expect(await webhook.verify(world.context({ settings }), forged)).toMatchObject({ ok: true });
    const [signal] = await webhook.translate(world.context({ settings }), forged);
    expect(Object.keys(signal ?? {}).toSorted()).toEqual(['kind', 'providerId', 'reference', 'type']);
    expect(await world.facts(providerId)).toMatchObject({ captured: 0 });
  });

  test('those of agreements and charges verify too', async () => {
    const customer = { reference: 'cus_1' };
    const { facts } = valueOf(
      await mandates.create(world.write(), {
        reference: 'man_01',
        kind: 'agreement',
        description: 'Phone',
        returnUrl: ORDER.returnUrl,
        webhookUrl: ORDER.webhookUrl,
        customer,
        pricing: { most: dkk('500.00'), every: 'month' },
      }),
    );
    world.vipps.recurring.accept(facts.providerId);
    valueOf(
      await payments.charge!(world.write(), {
        reference: 'pay_07',
        mandate: facts.providerId,
        amount: dkk('99.00'),
        description: 'x',
        returnUrl: ORDER.returnUrl,
        webhookUrl: ORDER.webhookUrl,
        dueOn: '2026-11-25',
      }),
    );
    await world.vipps.clock.advance(6 * DAY_MS);
    await world.vipps.webhooks.idle();
    const types = received.map(({ body }) => (JSON.parse(body) as { eventType: string }).eventType);
    expect(types).toEqual(['recurring.agreement-activated.v1', 'recurring.charge-captured.v1']);
    await expect(Promise.all(received.map(accepted))).resolves.toHaveLength(2);
  });
});

describe('registering', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });
  afterEach(() => world.close());

  const register = async (settings: Partial<Settings> = {}) =>
    valueOf(await webhook.register!(world.context({ settings }), { url: URL_OF_CONNECTION }));

  test('makes a registration for every event and keeps the secret that is told once', async () => {
    const made = await register();
    expect(made).toEqual({
      providerId: expect.any(String),
      secrets: { webhookId: made.providerId, webhookSecret: world.vipps.webhooks.secretOf(made.providerId) },
    });
    expect(world.vipps.webhooks.list()).toEqual([
      { id: made.providerId, url: URL_OF_CONNECTION, events: eventsOf(world.context().settings) },
    ]);
  });

  test('finds its registration again and changes nothing', async () => {
    const made = await register();
    expect(await register(made.secrets)).toEqual({ providerId: made.providerId });
    expect(world.vipps.webhooks.list()).toHaveLength(1);
  });

  test('taken back, all that stands at the address goes, and again nothing changes; a provider that is away is asked again', async () => {
    await register();
    await register();
    const other = valueOf(await webhook.register!(world.context({ settings: {} }), { url: `${URL_OF_CONNECTION}-2` }));
    const takeBack = () => webhook.unregister!(world.context({ settings: {} }), { url: URL_OF_CONNECTION });
    world.vipps.faults.add({ match: 'DELETE /webhooks', action: '500-before' });
    expect(await takeBack()).not.toMatchObject({ kind: 'ok' });
    for (const _ of [1, 2]) valueOf(await takeBack());
    expect(world.vipps.webhooks.list()).toMatchObject([{ id: other.providerId }]);
  });

  test('one that the provider has deleted, or whose secret nobody holds, is made anew; the earlier secret still counts', async () => {
    const first = await register();
    world.vipps.webhooks.remove(first.providerId);
    const second = await register(first.secrets);
    expect(second.secrets).toMatchObject({ webhookSecretBefore: first.secrets?.['webhookSecret'] });
    const third = await register({ webhookId: second.providerId });
    expect(third.providerId).not.toBe(second.providerId);
    expect(world.vipps.webhooks.list()).toHaveLength(2);
    // Only once the new one is known to be kept does the old one go.
    expect(await register(third.secrets)).toEqual({ providerId: third.providerId });
    expect(world.vipps.webhooks.list().map(({ id }) => id)).toEqual([third.providerId]);
  });

  test('a sales unit that gets agreements gets their events too, in a registration of its own', async () => {
    const first = await register();
    const second = await register({ ...first.secrets, features: ['recurring'] });
    expect(second.providerId).not.toBe(first.providerId);
    expect(await register({ ...second.secrets, features: ['recurring'] })).toEqual({ providerId: second.providerId });
    expect(world.vipps.webhooks.list()).toMatchObject([{ id: second.providerId }]);
    expect(world.vipps.webhooks.list()[0]?.['events']).toHaveLength(18);
  });

  test('one with fewer events is replaced, and addresses of others are left alone', async () => {
    const other = world.vipps.webhooks.register({ url: 'https://other.example/hook', events: ['epayments.payment.created.v1'] });
    const old = world.vipps.webhooks.register({ url: URL_OF_CONNECTION, events: ['epayments.payment.created.v1'] });
    const made = await register({ webhookId: old.id, webhookSecret: old.secret });
    expect(made.secrets).toMatchObject({ webhookSecretBefore: old.secret });
    await register(made.secrets);
    expect(new Set(world.vipps.webhooks.list().map(({ id }) => id))).toEqual(new Set([other.id, made.providerId]));
  });

  test('an address without https, and a sales unit that has too many, are said', async () => {
    expect(await webhook.register!(world.context(), { url: 'http://localhost:3000/x' })).toMatchObject({
      kind: 'failed',
      reason: 'input',
      field: 'url',
    });
    for (let n = 0; n < 25; n += 1)
      world.vipps.webhooks.register({ url: `https://other.example/${n}`, events: ['epayments.payment.created.v1'] });
    expect(await webhook.register!(world.context(), { url: URL_OF_CONNECTION })).toMatchObject({ kind: 'failed', reason: 'permanent' });
  });
});
