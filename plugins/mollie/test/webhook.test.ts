import { createServer } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { mollieSignature } from '../../../test/providers/mollie-webhooks.ts';
import { pluginContext } from '../../../test/providers/plugin-context.ts';
import { MONEY_BACK_EVENTS, PAYMENT_EVENTS } from '../src/events.ts';
import type { Settings } from '../src/settings.ts';
import { webhook } from '../src/webhook.ts';
import { CUSTOMER, Fixture, ORDER, valueOf } from './fixture.ts';

const SECRET = 'mollie_whsec_kassaflow_test';
const AT = Date.parse('2026-11-20T10:00:01Z');
/** The provider page's vector: these bytes and this secret give this signature. */
const VECTOR =
  '{"resource":"event","id":"event_GvJ8WHrp5isUdRub9CJyH","type":"payment.paid","entityId":"tr_5B8cwPMGnU6qLbRvo7qEZo","createdAt":"2026-11-20T10:00:00.0Z","_embedded":{"entity":{"resource":"payment","id":"tr_5B8cwPMGnU6qLbRvo7qEZo","mode":"test","status":"paid","amount":{"currency":"EUR","value":"12.50"}}},"_links":{"self":{"href":"https://api.mollie.com/v2/events/event_GvJ8WHrp5isUdRub9CJyH","type":"application/hal+json"}}}';
const VECTOR_HEADER = 'sha256=3ec7089dcb69e8050d252a695bf7c2b549d4bb28ed83061171fe97d3064a6069';
/** Two signatures while a secret is rolled, as Node joins them; only the second is by the secret above. */
const ROTATION_HEADER = `sha256=f88c668a5a00651dc09279d71a6543d43cf9582ca31c18855bab4a87191d08c7, ${VECTOR_HEADER}`;

function context(settings: Partial<Settings> = { webhookSecret: SECRET }, mode: 'test' | 'live' = 'test') {
  return pluginContext<Settings>({ settings: { apiKey: `${mode}_localserver1`, ...settings }, mode });
}

function delivery(header: string | readonly string[] | undefined, body: string | Uint8Array = VECTOR, receivedAt = AT): RawWebhook {
  return {
    method: 'POST',
    url: ORDER.webhookUrl,
    headers: { 'content-type': 'application/json', ...(header === undefined ? {} : { 'x-mollie-signature': header }) },
    body: typeof body === 'string' ? Buffer.from(body) : body,
    receivedAt,
  };
}

const classic = (id: string, receivedAt = AT): RawWebhook => ({
  ...delivery(undefined, `id=${id}`, receivedAt),
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
});

describe('verifying a signed event', () => {
  test('accepts the known vector and gives the event’s id, as often as it comes', async () => {
    const verdict = { ok: true, eventId: 'event_GvJ8WHrp5isUdRub9CJyH', occurredAt: Date.parse('2026-11-20T10:00:00Z') };
    expect(await webhook.verify(context(), delivery(VECTOR_HEADER))).toEqual(verdict);
    expect(await webhook.verify(context(), delivery(VECTOR_HEADER, VECTOR, AT + 60_000))).toEqual(verdict);
  });

  test.each<[row: string, what: string, given: RawWebhook, reason: string, settings?: Partial<Settings>]>([
    ['B01', 'no signature header', delivery(undefined), 'signature-missing'],
    ['B02', 'an empty header', delivery(''), 'signature-format'],
    ['B02', 'a header that is no signature', delivery('hello'), 'signature-format'],
    ['B02', 'a signature that is too short', delivery('sha256=3ec7'), 'signature-format'],
    ['B03', 'one byte of the body changed', delivery(VECTOR_HEADER, VECTOR.replace('12.50', '12.51')), 'signature-mismatch'],
    ['B04', 'a space behind the body', delivery(VECTOR_HEADER, `${VECTOR} `), 'signature-mismatch'],
    [
      'B04',
      'pitfall 19: the JSON re-serialised',
      delivery(VECTOR_HEADER, JSON.stringify(JSON.parse(VECTOR), null, 2)),
      'signature-mismatch',
    ],
    ['B04', 'pitfall 19: a byte order mark put before the body', delivery(VECTOR_HEADER, `\uFEFF${VECTOR}`), 'signature-mismatch'],
    ['B09', 'signed with a retired secret', delivery(mollieSignature(VECTOR, 'retired_secret')), 'signature-mismatch'],
    [
      'B10',
      'signed with the secret of another endpoint',
      delivery(VECTOR_HEADER),
      'signature-mismatch',
      { webhookSecret: 'another_secret' },
    ],
    ['B10', 'no secret set up yet', delivery(VECTOR_HEADER), 'signature-mismatch', {}],
    ['B22', 'another scheme', delivery('sha512=00'), 'signature-scheme'],
  ])('%s: %s is refused', async (_row, _what, given, reason, settings = { webhookSecret: SECRET }) => {
    expect(await webhook.verify(context(settings), given)).toMatchObject({ ok: false, reason });
  });

  test.each<[what: string, header: string | readonly string[], settings: Partial<Settings>]>([
    ['two signatures that a proxy joined', ROTATION_HEADER, { webhookSecret: SECRET }],
    ['two headers', ROTATION_HEADER.split(', '), { webhookSecret: SECRET }],
    ['the previous secret', VECTOR_HEADER, { webhookSecret: 'the_new_secret', previousWebhookSecret: SECRET }],
    ['the first of two signatures by the new secret', ROTATION_HEADER, { webhookSecret: 'the_new_secret', previousWebhookSecret: SECRET }],
  ])('B08, pitfall 21: %s: any that fits counts', async (_what, header, settings) => {
    expect(await webhook.verify(context(settings), delivery(header))).toMatchObject({ ok: true });
  });

  test('pitfall 18: no time is signed, so neither age nor a wrong clock refuses an event', async () => {
    for (const receivedAt of [AT - 86_400_000, AT + 30 * 86_400_000]) {
      expect(await webhook.verify(context(), delivery(VECTOR_HEADER, VECTOR, receivedAt))).toMatchObject({ ok: true });
    }
  });

  test('B23, pitfall 25: a test event at a live connection is refused', async () => {
    expect(await webhook.verify(context({ webhookSecret: SECRET }, 'live'), delivery(VECTOR_HEADER))).toEqual({
      ok: false,
      reason: 'mode-mismatch',
    });
  });

  test('B12: what is signed but not JSON is kept under its hash and translated to nothing', async () => {
    const given = delivery(mollieSignature('not json', SECRET), 'not json');
    expect(await webhook.verify(context(), given)).toMatchObject({ ok: true, eventId: expect.stringMatching(/^unreadable-[0-9a-f]{64}$/) });
    expect(await webhook.translate(context(), given)).toEqual([]);
  });
});

describe('the classic post', () => {
  test('says only which payment to look at', async () => {
    expect(await webhook.translate(context(), classic('tr_d0b0E3EA3v'))).toEqual([
      { kind: 'payment', type: 'classic', providerId: 'tr_d0b0E3EA3v' },
    ]);
  });

  test('the same post tells of a payment and of its chargeback: two posts are two events', async () => {
    const [first, later] = [
      await webhook.verify(context(), classic('tr_d0b0E3EA3v')),
      await webhook.verify(context(), classic('tr_d0b0E3EA3v', AT + 5_000)),
    ];
    expect([first, later]).toEqual([
      { ok: true, eventId: `tr_d0b0E3EA3v@${AT}` },
      { ok: true, eventId: `tr_d0b0E3EA3v@${AT + 5_000}` },
    ]);
    expect(await webhook.verify(context(), classic('tr_d0b0E3EA3v'))).toEqual(first);
  });

  test.each([
    'id=tr_d0b0E3EA3v&amount=1',
    'id=tr_',
    'id=../../x',
    `id=tr_${'a'.repeat(65)}`,
    'tr_d0b0E3EA3v',
    'ID=tr_d0b0E3EA3v',
    ' id=tr_d0b0E3EA3v',
    '',
  ])('anything else without a signature is refused: %s', async (body) => {
    expect(await webhook.verify(context(), delivery(undefined, body))).toMatchObject({ ok: false, reason: 'signature-missing' });
  });

  test.each(['ord_abcdef123', 'pl_abcdef123', 'sub_abcdef123', 're_abcdef123'])('%s is accepted and tells nothing', async (id) => {
    expect(await webhook.verify(context(), classic(id))).toMatchObject({ ok: true });
    expect(await webhook.translate(context(), classic(id))).toEqual([]);
  });
});

describe('translating a signed event', () => {
  const event = (type: string, entityId: string, entity?: object) =>
    delivery(
      '',
      JSON.stringify({
        resource: 'event',
        id: 'event_1',
        type,
        entityId,
        createdAt: '2026-11-20T10:00:00.0Z',
        ...(entity ? { _embedded: { entity } } : {}),
      }),
    );
  const occurredAt = Date.parse('2026-11-20T10:00:00Z');

  test.each([
    [
      'payment.paid',
      'tr_1234567',
      { id: 'tr_1234567', metadata: { payment_id: 'pay_01' } },
      { kind: 'payment', providerId: 'tr_1234567', reference: 'pay_01' },
    ],
    [
      'payment.paid',
      'tr_1234567',
      { id: 'tr_1234567', metadata: { mandate_id: 'man_01' } },
      { kind: 'mandate', providerId: 'tr_1234567', reference: 'man_01' },
    ],
    ['payment.failed', 'tr_1234567', undefined, { kind: 'payment', providerId: 'tr_1234567' }],
    ['capture.succeeded', 'cpt_1234567', { id: 'cpt_1234567', paymentId: 'tr_1234567' }, { kind: 'payment', providerId: 'tr_1234567' }],
    ['refund.failed', 're_1234567', { id: 're_1234567', paymentId: 'tr_1234567' }, { kind: 'refund', providerId: 'tr_1234567' }],
    [
      'chargeback.received',
      'chb_1234567',
      { id: 'chb_1234567', paymentId: 'tr_1234567' },
      { kind: 'chargeback', providerId: 'tr_1234567' },
    ],
    ['payout.completed', 'payout_1234567', undefined, { kind: 'settlement', providerId: 'payout_1234567' }],
  ])('%s of %s', async (type, entityId, entity, signal) => {
    expect(await webhook.translate(context(), event(type, entityId, entity))).toEqual([{ ...signal, type, occurredAt }]);
  });

  test('B11: what an event says of states and amounts goes nowhere', async () => {
    const signals = await webhook.translate(
      context(),
      event('payment.paid', 'tr_1234567', { id: 'tr_1234567', status: 'paid', amount: { value: '9999.00', currency: 'EUR' } }),
    );
    expect(Object.keys(signals[0] ?? {}).sort()).toEqual(['kind', 'occurredAt', 'providerId', 'type']);
  });

  test('B13: an unknown type tells nothing', async () => {
    expect(await webhook.translate(context(), event('sales-invoice.paid', 'invoice_1', { id: 'invoice_1' }))).toEqual([]);
  });

  test('the bare entity that one page shows is read too', async () => {
    const bare = JSON.stringify({ resource: 'refund', id: 're_1234567', paymentId: 'tr_1234567', status: 'failed', mode: 'test' });
    const given = delivery(mollieSignature(bare, SECRET), bare);
    expect(await webhook.verify(context(), given)).toMatchObject({ ok: true, eventId: expect.stringMatching(/^re_1234567-[0-9a-f]{64}$/) });
    expect(await webhook.translate(context(), given)).toEqual([{ kind: 'refund', type: 'refund.failed', providerId: 'tr_1234567' }]);
  });
});

describe('with a server', () => {
  const at = new Fixture({ sendWebhooks: true });
  const token = () => ({ apiKey: at.mollie.apiKey, organizationToken: at.mollie.organizationToken });

  /** Our door, as far as it is needed: it answers as it is told and keeps what came. */
  async function door(answers: (count: number) => number = () => 200) {
    const came: RawWebhook[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const headers = request.headers as Record<string, string>;
        came.push({ method: 'POST', url: ORDER.webhookUrl, headers, body: Buffer.concat(chunks), receivedAt: at.mollie.clock.now() });
        response.writeHead(answers(came.length)).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    at.mollie.webhooks.deliverTo = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    return { came, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
  }

  test('the classic post comes at each change, and again for 26 hours until it is answered 200', async () => {
    await using listening = await door((count) => (count < 4 ? 500 : 200));
    await at.paid();
    await at.mollie.advance(26 * 3_600_000);
    const minutes = at.mollie.webhooks.attempts.map((attempt) => Math.round((attempt.at - at.mollie.clock.now()) / 60_000) + 26 * 60);
    expect(minutes).toEqual([0, 1, 3, 7]);
    expect(listening.came.map(({ body }) => Buffer.from(body).toString())).toEqual(
      Array.from({ length: 4 }, () => expect.stringMatching(/^id=tr_/)),
    );
    expect(await webhook.verify(context(), listening.came[0] as RawWebhook)).toMatchObject({ ok: true });
  });

  test('pitfall 23: after ten attempts a registration is blocked, and is made anew with both secrets kept', async () => {
    await using _listening = await door(() => 500);
    const url = ORDER.webhookUrl;
    const first = valueOf(await webhook.register!(at.context({ settings: token(), idempotencyKey: '' }), { url }));
    const { webhookSecret = '' } = first.secrets ?? {};
    expect(at.mollie.webhooks.hook(first.providerId).eventTypes).toEqual([...PAYMENT_EVENTS, ...MONEY_BACK_EVENTS]);
    const known = at.context({ settings: { ...token(), webhookId: first.providerId, webhookSecret }, idempotencyKey: '' });
    expect(valueOf(await webhook.register!(known, { url }))).toEqual({ providerId: first.providerId });
    await at.paid();
    await at.mollie.advance(27 * 3_600_000);
    expect(at.mollie.webhooks.attempts.filter(({ headers }) => 'x-mollie-signature' in headers)).toHaveLength(10);
    expect(at.mollie.webhooks.hook(first.providerId).status).toBe('blocked');
    const second = valueOf(await webhook.register!(known, { url }));
    expect(second.providerId).not.toBe(first.providerId);
    expect(second.secrets).toEqual({
      webhookId: second.providerId,
      webhookSecret: at.mollie.webhooks.hook(second.providerId).secret,
      previousWebhookSecret: webhookSecret,
    });
  });

  test('pitfall 23: a registration whose answer was lost is replaced, also when there is a secret of an earlier one', async () => {
    const url = ORDER.webhookUrl;
    const first = valueOf(await webhook.register!(at.context({ settings: token(), idempotencyKey: '' }), { url }));
    const stored = { ...token(), ...first.secrets };
    at.mollie.webhooks.hook(first.providerId).status = 'blocked';
    const lost = valueOf(await webhook.register!(at.context({ settings: stored, idempotencyKey: '' }), { url }));
    const third = valueOf(await webhook.register!(at.context({ settings: stored, idempotencyKey: '' }), { url }));
    const enabled = at.mollie.webhooks.hooks.filter(({ status }) => status === 'enabled');
    expect(enabled.map(({ id, secret }) => [id, secret])).toEqual([[third.providerId, third.secrets?.['webhookSecret']]]);
    expect(third.providerId).not.toBe(lost.providerId);
  });

  test('taken back, what stands at the address goes, also what is blocked; again, and without a token, changes nothing', async () => {
    const url = ORDER.webhookUrl;
    const settings = at.context({ settings: token(), idempotencyKey: '' });
    const first = valueOf(await webhook.register!(settings, { url }));
    const elsewhere = valueOf(await webhook.register!(settings, { url: `${url}-2` }));
    at.mollie.webhooks.hook(first.providerId).status = 'blocked';
    valueOf(await webhook.unregister!(at.context(), { url }));
    expect(at.mollie.webhooks.hook(first.providerId).status).toBe('blocked');
    for (const _ of [1, 2]) valueOf(await webhook.unregister!(settings, { url }));
    expect(at.mollie.webhooks.hooks.filter(({ status }) => status !== 'deleted').map(({ id }) => id)).toEqual([elsewhere.providerId]);
  });

  test('a registration is replaced when that is asked for', async () => {
    const url = ORDER.webhookUrl;
    const first = valueOf(await webhook.register!(at.context({ settings: token(), idempotencyKey: '' }), { url }));
    const stored = at.context({ settings: { ...token(), ...first.secrets }, idempotencyKey: '' });
    expect(valueOf(await webhook.register!(stored, { url, renew: true })).providerId).not.toBe(first.providerId);
  });

  test('without an organisation token nothing is to be registered: each payment names its own address', async () => {
    expect(valueOf(await webhook.register!(at.context(), { url: ORDER.webhookUrl }))).toEqual({ providerId: 'per-payment' });
  });

  test('an account without the beta events gets those of payments', async () => {
    at.mollie.webhooks.unknownTypes = ['refund.queued'];
    const context = at.context({ settings: token(), idempotencyKey: 'con_1:register' });
    const { providerId } = valueOf(await webhook.register!(context, { url: ORDER.webhookUrl }));
    expect(at.mollie.webhooks.hook(providerId).eventTypes).toEqual(PAYMENT_EVENTS);
    const keys = at.mollie.log.all().filter(({ operation }) => operation === 'POST /v2/webhooks');
    expect(new Set(keys.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
  });

  test('a refused organisation token does not pause payments', async () => {
    const settings = { apiKey: at.mollie.apiKey, organizationToken: 'access_wrongwrong' };
    const outcome = await webhook.register!(at.context({ settings }), { url: ORDER.webhookUrl });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'permanent', field: 'organizationToken' });
  });

  test('a signed event of the server is verified, in the day of a rolled secret by either', async () => {
    await using listening = await door();
    const { providerId, secrets } = valueOf(await webhook.register!(at.context({ settings: token() }), { url: ORDER.webhookUrl }));
    const old = secrets?.['webhookSecret'] ?? '';
    const fresh = at.mollie.webhooks.rollSecret(providerId);
    await at.paid();
    await at.mollie.webhooks.settled();
    const signed = listening.came.find(({ headers }) => 'x-mollie-signature' in headers) as RawWebhook;
    expect(signed.headers['x-mollie-signature']).toMatch(/^sha256=\w+, sha256=\w+$/);
    for (const webhookSecret of [old, fresh]) expect(await webhook.verify(context({ webhookSecret }), signed)).toMatchObject({ ok: true });
    await at.mollie.advance(25 * 3_600_000);
    await at.paid({ reference: 'pay_02' });
    await at.mollie.webhooks.settled();
    const later = listening.came.findLast(({ headers }) => 'x-mollie-signature' in headers) as RawWebhook;
    expect(await webhook.verify(context({ webhookSecret: old }), later)).toMatchObject({ ok: false, reason: 'signature-mismatch' });
    expect(await webhook.verify(context({ webhookSecret: fresh }), later)).toMatchObject({ ok: true });
  });

  test('a simple event of a refund is asked for its payment; when that fails it is left to be read again', async () => {
    await webhook.register!(at.context({ settings: token() }), { url: ORDER.webhookUrl });
    const providerId = await at.paid();
    const { id } = at.mollie.book.refundInDashboard(providerId, '1.00');
    at.mollie.book.finishRefund(id, 'failed');
    const [eventId = ''] = [...at.mollie.webhooks.events].findLast(([, one]) => 'type' in one && one.type === 'refund.failed') ?? [];
    const simple = delivery('', JSON.stringify({ resource: 'event', id: eventId, type: 'refund.failed', entityId: id }));
    expect(await webhook.translate(at.context({ settings: token() }), simple)).toEqual([
      { kind: 'refund', type: 'refund.failed', providerId },
    ]);
    at.mollie.faults.add({ match: 'GET', action: '500-before' });
    await expect(async () => webhook.translate(at.context({ settings: token() }), simple)).rejects.toThrow('could not be looked up');
    expect(await webhook.translate(at.context(), simple)).toEqual([]);
  });

  test('pitfall 2: the webhook may come before the answer to our own request, and the fetch already tells all', async () => {
    await using listening = await door();
    at.mollie.quirks.add({ match: 'POST /v2/payments', action: 'early-webhook' });
    const created = await at.create();
    expect(listening.came).toHaveLength(1);
    expect(created.facts.captured).toBe(0);
    const [signal] = await webhook.translate(context(), listening.came[0] as RawWebhook);
    expect(signal?.providerId).toBe(created.providerId);
    expect(await at.fetched(created.providerId)).toMatchObject({ captured: 1250 });
  });

  test('pitfalls 1 and 3: whatever order and number the posts come in, the last fetch is the truth', async () => {
    await using listening = await door();
    at.mollie.faults.add({ match: 'webhook classic', action: 'reorder' }, { match: 'webhook classic', action: 'duplicate' });
    const providerId = await at.paid();
    at.mollie.book.chargeBack(providerId);
    await at.mollie.webhooks.settled();
    expect(listening.came).toHaveLength(3);
    for (const post of listening.came)
      expect(await webhook.translate(context(), post)).toEqual([{ kind: 'payment', type: 'classic', providerId }]);
    expect(await at.fetched(providerId)).toMatchObject({ captured: 1250, chargedBack: 1250 });
  });

  test('pitfall 24: a payment of a subscription that nobody told us of is accepted, and can be fetched', async () => {
    await using listening = await door();
    const customer = at.mollie.book.createCustomer({ name: CUSTOMER.name });
    const { id } = at.mollie.book.subscriptionPayment(customer.id, ORDER.webhookUrl);
    await at.mollie.webhooks.settled();
    const [post] = listening.came;
    expect(await webhook.verify(context(), post as RawWebhook)).toMatchObject({ ok: true });
    expect(await at.fetched(id)).toMatchObject({ captured: 995, method: 'sepa-debit' });
  });
});
