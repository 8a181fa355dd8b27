import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import { makeCertificate } from '../../../test/providers/paypal-certificate.ts';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { RETRY_AFTER_MS, type PaypalDelivery } from '../../../test/providers/paypal-webhooks.ts';
import { pluginContext, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { certificateAddress } from '../src/certificates.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';
import { EVENT_TYPES } from '../src/signals.ts';
import { webhook } from '../src/webhook.ts';
import { contextOf, create, fetched, paid, valueOf } from './local-paypal.ts';

const URL_OF_OURS = 'https://kassaflow.example/webhooks/paypal/con_1';
const DAY_MS = 86_400_000;

/** The provider page's vector: these bytes, this id, time, webhook id and certificate give this signature. */
const VECTOR = JSON.parse(readFileSync(new URL('signature-vector.json', import.meta.url), 'utf8')) as {
  readonly transmission_id: string;
  readonly transmission_time: string;
  readonly webhook_id: string;
  readonly body: string;
  readonly signature_base64: string;
  readonly cert_pem: string;
};
/** A day after the transmission: the vector's certificate was made some hours after its own time. */
const RECEIVED_AT = Date.parse(VECTOR.transmission_time) + DAY_MS;
const CERTIFICATE_URL = 'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77';

let connections = 0;
function vectorContext(settings: Partial<Settings> = {}, mode: 'test' | 'live' = 'test'): PluginContext<Settings> {
  connections += 1;
  const known = {
    clientId: 'client-client',
    clientSecret: 'secret-secret',
    webhookId: VECTOR.webhook_id,
    webhookCertificates: VECTOR.cert_pem,
  };
  return {
    ...pluginContext<Settings>({ settings: { ...known, ...settings }, mode }),
    connection: { id: `con_${connections}`, name: 'vector' },
  };
}

function vectorDelivery(
  more: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  body = VECTOR.body,
  receivedAt = RECEIVED_AT,
): RawWebhook {
  const headers = {
    'paypal-transmission-id': VECTOR.transmission_id,
    'paypal-transmission-time': VECTOR.transmission_time,
    'paypal-transmission-sig': VECTOR.signature_base64,
    'paypal-cert-url': CERTIFICATE_URL,
    'paypal-auth-algo': 'SHA256withRSA',
    ...more,
  };
  const given = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { method: 'POST', url: URL_OF_OURS, headers: Object.fromEntries(given), body: Buffer.from(body), receivedAt };
}

function arrived({ headers, body }: PaypalDelivery, receivedAt: number): RawWebhook {
  return { method: 'POST', url: URL_OF_OURS, headers, body: Buffer.from(body), receivedAt };
}

describe('the signature of the page', () => {
  test('holds, and gives the event’s id and time', () => {
    expect(webhook.verify(vectorContext(), vectorDelivery())).toEqual({
      ok: true,
      eventId: 'WH-2WR32451HC0233532-67976317FL4543714',
      occurredAt: Date.parse('2026-11-20T09:59:58.000Z'),
    });
  });

  test('pitfall 22: its CRC is above 2³¹, where a signed one would be wrong', () => {
    expect(VECTOR).toMatchObject({ crc32_decimal: 3_045_941_833, crc32_signed_wrong: -1_249_025_463 });
  });

  test.each<[what: string, given: RawWebhook, reason: string, settings?: Partial<Settings>]>([
    ['no signature', vectorDelivery({ 'paypal-transmission-sig': undefined }), 'signature-missing'],
    ['an empty signature', vectorDelivery({ 'paypal-transmission-sig': '' }), 'signature-format'],
    ['a signature of rubbish', vectorDelivery({ 'paypal-transmission-sig': 'ÿ'.repeat(400) }), 'signature-format'],
    [
      'a signature sent twice',
      vectorDelivery({ 'paypal-transmission-sig': [VECTOR.signature_base64, VECTOR.signature_base64] }),
      'signature-format',
    ],
    ['no transmission id', vectorDelivery({ 'paypal-transmission-id': undefined }), 'signature-format'],
    ['another transmission id', vectorDelivery({ 'paypal-transmission-id': 'other' }), 'signature-mismatch'],
    ['a time that is none', vectorDelivery({ 'paypal-transmission-time': 'yesterday' }), 'timestamp-format'],
    ['another time', vectorDelivery({ 'paypal-transmission-time': '2026-11-20T10:00:01Z' }), 'signature-mismatch'],
    ['another algorithm', vectorDelivery({ 'paypal-auth-algo': 'SHA1withRSA' }), 'signature-scheme'],
    ['one byte of the body changed', vectorDelivery({}, VECTOR.body.replace('12.50', '12.51')), 'signature-mismatch'],
    ['pitfall 19: the JSON re-serialised', vectorDelivery({}, JSON.stringify(JSON.parse(VECTOR.body), null, 2)), 'signature-mismatch'],
    ['pitfall 19: a byte order mark put before the body', vectorDelivery({}, `\uFEFF${VECTOR.body}`), 'signature-mismatch'],
    ['no body', vectorDelivery({}, ''), 'signature-mismatch'],
    ['another webhook id', vectorDelivery(), 'signature-mismatch', { webhookId: 'OTHER' }],
    ['no webhook id yet', vectorDelivery(), 'signature-mismatch', { webhookId: '' }],
    ['another certificate', vectorDelivery(), 'signature-mismatch', { webhookCertificates: makeCertificate().pem }],
    ['no certificate yet', vectorDelivery(), 'signature-mismatch', { webhookCertificates: '' }],
    [
      'a certificate that is none',
      vectorDelivery(),
      'signature-mismatch',
      { webhookCertificates: VECTOR.cert_pem.replace('MIID', 'AAAA') },
    ],
    ['before the certificate began', vectorDelivery({}, VECTOR.body, RECEIVED_AT - 2 * DAY_MS), 'signature-mismatch'],
    ['after the certificate has ended', vectorDelivery({}, VECTOR.body, RECEIVED_AT + 25 * 365 * DAY_MS), 'signature-mismatch'],
  ])('%s is refused', (_what, given, reason, settings = {}) => {
    expect(webhook.verify(vectorContext(settings), given)).toMatchObject({ ok: false, reason });
  });

  test('pitfall 18: an old time is no reason to refuse, because PayPal resends for days and may not renew it', () => {
    expect(webhook.verify(vectorContext(), vectorDelivery({}, VECTOR.body, RECEIVED_AT + 30 * DAY_MS))).toMatchObject({ ok: true });
  });

  test('while the webhook moves, both its ids count; while certificates change, all of them', () => {
    const settings = { webhookId: `NEWONE ${VECTOR.webhook_id}`, webhookCertificates: `${makeCertificate().pem}\n${VECTOR.cert_pem}` };
    expect(webhook.verify(vectorContext(settings), vectorDelivery())).toMatchObject({ ok: true });
  });

  test('pitfall 25: a live connection refuses what the sandbox signs', () => {
    expect(webhook.verify(vectorContext({}, 'live'), vectorDelivery())).toEqual({ ok: false, reason: 'mode-mismatch' });
  });
});

describe('pitfall 22: the certificate’s address', () => {
  test.each([
    'http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1',
    'https://api.sandbox.paypal.com.evil.example/v1/notifications/certs/CERT-1',
    'https://evil.example/v1/notifications/certs/CERT-1',
    'https://paypal.com.evil.example/v1/notifications/certs/CERT-1',
    'https://evilpaypal.com/v1/notifications/certs/CERT-1',
    'https://www.paypal.com/v1/notifications/certs/CERT-1',
    'https://api.sandbox.paypal.com@evil.example/v1/notifications/certs/CERT-1',
    'https://user:pass@api.sandbox.paypal.com/v1/notifications/certs/CERT-1',
    'https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1',
    'https://api.sandbox.paypal.com/v1/notifications/certs/../../oauth2/token',
    'https://api.sandbox.paypal.com/v1/notifications/certs/%2e%2e/%2e%2e/x',
    'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1?x=1',
    'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1#x',
    'https://api.sandbox.paypal.com/v1/notifications/certs/',
    'https://127.0.0.1/v1/notifications/certs/CERT-1',
    'https://[::1]/v1/notifications/certs/CERT-1',
    'file:///etc/passwd',
    'CERT-1',
  ])('%s is not PayPal’s', (url) => {
    expect(certificateAddress(url, 'test')).toBe('foreign');
    expect(webhook.verify(vectorContext(), vectorDelivery({ 'paypal-cert-url': url }))).toMatchObject({
      ok: false,
      reason: 'signature-scheme',
    });
  });

  test('is one of PayPal’s own hosts, by the connection’s mode', () => {
    expect(certificateAddress(CERTIFICATE_URL, 'test')).toEqual({ url: CERTIFICATE_URL });
    expect(certificateAddress(CERTIFICATE_URL, 'live')).toBe('other-mode');
    const live = CERTIFICATE_URL.replace('sandbox.', '');
    expect(certificateAddress(live, 'live')).toEqual({ url: live });
  });
});

describe('against the local PayPal', () => {
  let paypal: PaypalServer;
  let webhookId: string;
  beforeEach(async () => {
    paypal = await startPaypalServer();
    paypal.webhooks.posts = false;
    const registered = valueOf(await webhook.register!(context(), { url: URL_OF_OURS }));
    webhookId = registered.secrets?.['webhookId'] ?? '';
  });
  afterEach(() => paypal.close());

  function context(settings: Partial<Settings> = {}, connection = paypal.url): PluginContext<Settings> {
    return { ...contextOf(paypal, { settings }), connection: { id: connection, name: 'local' } };
  }

  function known(): Partial<Settings> {
    return { webhookId, webhookCertificates: paypal.webhooks.certificate() };
  }

  async function signals(): Promise<readonly unknown[]> {
    const all = [];
    for (const delivery of paypal.webhooks.sent) {
      const given = arrived(delivery, paypal.clock.now());
      expect(webhook.verify(context(known()), given)).toMatchObject({ ok: true });
      all.push(...(await webhook.translate(context(known()), given)).map(({ occurredAt: _at, ...signal }) => signal));
    }
    return all;
  }

  test('a certificate that is not known is fetched with the next call, and the delivery that comes again is good', async () => {
    await create(paypal);
    paypal.orders.approve(paypal.orders.all()[0]!.id);
    const [delivery] = paypal.webhooks.sent;
    const given = arrived(delivery!, paypal.clock.now());
    const first = context({ webhookId });
    expect(webhook.verify(first, given)).toMatchObject({
      ok: false,
      reason: 'signature-mismatch',
      hint: expect.stringContaining('not known yet'),
    });
    await payments.fetch(first, { providerId: paypal.orders.all()[0]!.id });
    expect(webhook.verify(first, given)).toMatchObject({ ok: true });
    const registered = valueOf(await webhook.register!(first, { url: URL_OF_OURS }));
    expect(registered.secrets?.['webhookCertificates']).toContain('-----BEGIN CERTIFICATE-----');
  });

  test('a certificate with another name, or one that has ended, is fetched and not believed', async () => {
    for (const certificate of [makeCertificate({ name: 'evil.example' }), makeCertificate({ until: Date.now() - 1_000 })]) {
      paypal.webhooks.rotate(certificate);
      paypal.orders.approve((await create(paypal, { reference: `pay_${Math.random()}` })).providerId);
      const given = arrived(paypal.webhooks.sent.at(-1)!, paypal.clock.now());
      const asking = context({ webhookId }, `con_${Math.random()}`);
      expect(webhook.verify(asking, given)).toMatchObject({ ok: false });
      await payments.fetch(asking, { providerId: paypal.orders.all()[0]!.id });
      expect(webhook.verify(asking, given)).toMatchObject({ ok: false });
      expect(asking.logged.join()).toContain('could not be fetched');
    }
  });

  test('whoever names certificates that do not exist slows nothing down: one round a minute', async () => {
    const asking = context({ webhookId }, 'con_flooded');
    const { providerId } = await create(paypal);
    for (let index = 0; index < 100; index += 1) {
      await webhook.verify(
        asking,
        vectorDelivery({ 'paypal-cert-url': `https://api.sandbox.paypal.com/v1/notifications/certs/CERT-none-${index}` }),
      );
      if (index % 10 === 0) await payments.fetch(asking, { providerId });
    }
    expect(asking.logged).toHaveLength(1);
  });

  test('both ways of checking agree: PayPal’s own answer to the same bytes', async () => {
    paypal.orders.approve((await create(paypal)).providerId);
    const { headers, body } = paypal.webhooks.sent.at(-1)!;
    const ask = async (event: string): Promise<unknown> => {
      const token = await fetch(`${paypal.url}/v1/oauth2/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${paypal.clientId}:${paypal.clientSecret}`).toString('base64')}` },
        body: 'grant_type=client_credentials',
      });
      const { access_token: value } = (await token.json()) as { access_token: string };
      const fields = {
        auth_algo: 'auth-algo',
        cert_url: 'cert-url',
        transmission_id: 'transmission-id',
        transmission_sig: 'transmission-sig',
        transmission_time: 'transmission-time',
      };
      const told = Object.entries(fields).map(([name, header]) => `"${name}":${JSON.stringify(headers[`paypal-${header}`])}`);
      const request = `{${told.join(',')},"webhook_id":"${webhookId}","webhook_event":${event}}`;
      const answer = await fetch(`${paypal.url}/v1/notifications/verify-webhook-signature`, {
        method: 'POST',
        headers: { authorization: `Bearer ${value}` },
        body: request,
      });
      return answer.json();
    };
    expect(await ask(body)).toEqual({ verification_status: 'SUCCESS' });
    expect(await ask(body.replace('12.50', '12.51'))).toEqual({ verification_status: 'FAILURE' });
  });

  test('each event names the payment by order and by our id', async () => {
    const { providerId, captureId } = await paid(paypal);
    const names = { providerId, reference: 'pay_01' };
    paypal.orders.dashboardRefund(captureId, '1.00');
    const dispute = paypal.disputes.open(captureId);
    paypal.disputes.resolve(dispute.dispute_id, 'RESOLVED_SELLER_FAVOUR');
    paypal.orders.reverse(captureId);
    expect(await signals()).toEqual([
      { kind: 'payment', type: 'CHECKOUT.ORDER.APPROVED', ...names },
      { kind: 'payment', type: 'PAYMENT.CAPTURE.COMPLETED', ...names },
      { kind: 'refund', type: 'PAYMENT.CAPTURE.REFUNDED', ...names },
      { kind: 'chargeback', type: 'CUSTOMER.DISPUTE.CREATED', ...names },
      { kind: 'chargeback', type: 'CUSTOMER.DISPUTE.RESOLVED', ...names },
      { kind: 'chargeback', type: 'PAYMENT.CAPTURE.REVERSED', ...names },
    ]);
  });

  test('holds and saved wallets are told too; a cancelled order keeps our id', async () => {
    const { providerId } = await create(paypal, { capture: 'manual', save: true });
    paypal.orders.approve(providerId);
    await fetched(paypal, providerId);
    const open = await create(paypal, { reference: 'pay_02' });
    valueOf(await payments.cancel!(contextOf(paypal), { providerId: open.providerId }));
    paypal.orders.approve(open.providerId);
    const [token] = paypal.vault.tokens();
    expect(await signals()).toEqual([
      { kind: 'payment', type: 'CHECKOUT.ORDER.APPROVED', providerId, reference: 'pay_01' },
      { kind: 'mandate', type: 'VAULT.PAYMENT-TOKEN.CREATED', providerId: token?.id },
      { kind: 'payment', type: 'PAYMENT.AUTHORIZATION.CREATED', providerId, reference: 'pay_01' },
      { kind: 'payment', type: 'CHECKOUT.ORDER.APPROVED', providerId: open.providerId, reference: 'pay_02' },
    ]);
  });

  test('pitfall 1: whatever the order of the news, the facts are the same', async () => {
    const { providerId, captureId } = await paid(paypal);
    paypal.orders.dashboardRefund(captureId, '1.00');
    const { fetchStartedAt: _a, ...before } = await fetched(paypal, providerId);
    paypal.webhooks.sent.reverse();
    expect(await signals()).toHaveLength(3);
    const { fetchStartedAt: _b, ...after } = await fetched(paypal, providerId);
    expect(after).toEqual(before);
  });

  test('pitfall 3: the same event delivered twice has the same id', async () => {
    paypal.faults.add({ match: 'webhook CHECKOUT.ORDER.APPROVED', action: 'duplicate' });
    paypal.orders.approve((await create(paypal)).providerId);
    const verdicts = paypal.webhooks.sent.map((one) => webhook.verify(context(known()), arrived(one, paypal.clock.now())));
    expect(verdicts).toHaveLength(2);
    expect(verdicts[0]).toEqual(verdicts[1]);
  });

  test('a dispute whose capture cannot be looked up is left to be read again; one over foreign money is nothing', async () => {
    const { captureId } = await paid(paypal);
    paypal.disputes.open(captureId);
    const given = arrived(paypal.webhooks.sent.at(-1)!, paypal.clock.now());
    paypal.faults.add({ match: 'GET /v2/payments/captures', action: '500-before' });
    await expect(async () => webhook.translate(context(known()), given)).rejects.toThrow('could not be looked up');
    const foreign = { ...given, body: Buffer.from(given.body.toString().replaceAll(captureId, '00000000000000000')) };
    expect(await webhook.translate(context(known()), foreign)).toEqual([]);
  });

  test('pitfall 30: an unknown type, and what cannot be read, tell nothing and never throw', async () => {
    const bodies = [
      'hello',
      '{}',
      'null',
      '[1]',
      '{"id":7}',
      '{"id":"WH-1","event_type":"BILLING.PLAN.CREATED","resource":{"id":"P-1"}}',
      '{"id":"WH-2","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":7}',
    ];
    for (const body of bodies) {
      const headers = paypal.webhooks.headersFor(Buffer.from(body), webhookId);
      const given: RawWebhook = { method: 'POST', url: URL_OF_OURS, headers, body: Buffer.from(body), receivedAt: paypal.clock.now() };
      expect(webhook.verify(context(known()), given)).toMatchObject({ ok: true });
      expect(await webhook.translate(context(known()), given)).toEqual([]);
    }
  });

  test('registering twice is one webhook; its events are brought up to date; an id from before still counts', async () => {
    const again = valueOf(await webhook.register!(context({ webhookId: 'BEFORE' }), { url: URL_OF_OURS }));
    expect(again).toMatchObject({ providerId: webhookId, secrets: { webhookId: `${webhookId} BEFORE` } });
    paypal.webhooks.patch(webhookId, [{ op: 'replace', path: '/event_types', value: [{ name: 'CHECKOUT.ORDER.APPROVED' }] }]);
    valueOf(await webhook.register!(context(), { url: URL_OF_OURS }));
    expect(JSON.stringify(paypal.webhooks.list()).match(/"name"/g)).toHaveLength(EVENT_TYPES.length);
    expect(paypal.log.executed('POST /v1/notifications/webhooks')).toBe(1);
  });

  test('a lost answer makes no second webhook, and an eleventh is refused with what to do', async () => {
    const url = 'https://kassaflow.example/webhooks/paypal/con_2';
    paypal.faults.add({ match: 'POST /v1/notifications/webhooks', action: 'reset-after' });
    expect((await webhook.register!(context(), { url })).kind).toBe('unknown');
    valueOf(await webhook.register!(context(), { url }));
    expect(paypal.log.executed('POST /v1/notifications/webhooks')).toBe(2);
    for (let index = 3; index <= 10; index += 1) valueOf(await webhook.register!(context(), { url: `${url}-${index}` }));
    expect(await webhook.register!(context(), { url: `${url}-11` })).toMatchObject({
      kind: 'failed',
      reason: 'permanent',
      message: expect.stringContaining('ten webhooks'),
    });
  });

  test('taken back, the webhook of the address goes; again, or after a lost answer, changes nothing', async () => {
    const url = 'https://kassaflow.example/webhooks/paypal/con_2-3';
    valueOf(await webhook.register!(context(), { url }));
    expect(JSON.stringify(paypal.webhooks.list())).toContain(url);
    paypal.faults.add({ match: 'DELETE /v1/notifications/webhooks', action: 'reset-after' });
    expect((await webhook.unregister!(context(), { url })).kind).toBe('unknown');
    for (const _ of [1, 2]) valueOf(await webhook.unregister!(context(), { url }));
    expect(JSON.stringify(paypal.webhooks.list())).not.toContain(`${url}"`);
    expect(JSON.stringify(paypal.webhooks.list())).toContain(URL_OF_OURS);
  });

  test('PayPal tries 25 times over three days', () => {
    expect(RETRY_AFTER_MS).toHaveLength(24);
    expect(RETRY_AFTER_MS.reduce((sum, wait) => sum + wait, 0) / DAY_MS).toBeCloseTo(3, 1);
  });
});
