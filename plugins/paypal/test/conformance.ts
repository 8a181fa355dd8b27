/** PayPal for the conformance kit, with the wire-level server that the plugin's own tests use. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { LocalProvider, Subject, WebhookVector } from '@kassaflow/plugin-sdk/testing';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import plugin from '../src/plugin.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const WEBHOOK_URL = 'https://kassaflow.example/webhooks/paypal/con_1';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const subject: Subject = {
  plugin,
  folder: path.join(HERE, '..'),
  start: async () => localProvider(await startPaypalServer()),
};

function localProvider(paypal: PaypalServer): LocalProvider {
  paypal.webhooks.posts = false;
  const [current, before] = ['', '/old'].map((end) =>
    idOf(paypal.webhooks.create({ url: `${WEBHOOK_URL}${end}`, event_types: [{ name: '*' }] })),
  );
  const ids = [current ?? '', before ?? ''] as const;
  const { clientId, clientSecret } = paypal;
  const credentials = { clientId, clientSecret, webhookCertificates: paypal.webhooks.certificate() };
  const settings = { ...credentials, webhookId: ids.join(' ') };
  const sign = (body: Uint8Array, webhookId: string, at: number): RawWebhook => ({
    method: 'POST',
    url: WEBHOOK_URL,
    headers: paypal.webhooks.headersFor(body, webhookId, at),
    body,
    receivedAt: at,
  });
  const captureOf = (providerId: string): string => paypal.orders.order(providerId).captures[0]?.id ?? 'none';
  const disputeOf = new Map<string, string>();
  const resolve = (providerId: string, outcome: string): void => paypal.disputes.resolve(disputeOf.get(providerId) ?? 'none', outcome);
  return {
    origins: Object.fromEntries(plugin.hosts.map((host) => [`https://${host}`, paypal.url])),
    settings,
    now: () => paypal.clock.now(),
    wrongKey: { settings: { ...settings, clientSecret: 'wrong-wrong-wrong' }, field: 'clientSecret' },
    tokenPath: /^\/v1\/oauth2\/token$/,
    payments: {
      webhookUrl: WEBHOOK_URL,
      made: (reference) => paypal.orders.all().filter(({ invoiceId }) => invoiceId === reference).length,
      approve: (id) => void paypal.orders.approve(id),
      decline: (id, reason) => {
        paypal.orders.approve(id);
        paypal.orders.next({ status: 'DECLINED', reason });
        paypal.orders.capture(id);
      },
      declines: { ECHECK: 'insufficient-funds', BUYER_COMPLAINT: 'fraud', PENDING_REVIEW: 'fraud', UNILATERAL: 'other' },
      expire: () => paypal.clock.advance(6.1 * HOUR_MS),
      strange: (id, word) => void Object.assign(paypal.orders.order(id), { status: word }),
      refunds: (id) => paypal.orders.order(id).refunds.length,
      refundAtDesk: (id, minor) => void paypal.orders.dashboardRefund(captureOf(id), (minor / 100).toFixed(2)),
      dispute: (id) => void disputeOf.set(id, paypal.disputes.open(captureOf(id)).dispute_id),
      winDispute: (id) => resolve(id, 'RESOLVED_SELLER_FAVOUR'),
      loseDispute: (id) => resolve(id, 'RESOLVED_BUYER_FAVOUR'),
    },
    mandates: {
      give: () => {
        const { id, customer } = paypal.vault.saveFromOrder('none');
        return { mandate: id, customer };
      },
      revoke: (mandate) => paypal.vault.remove(mandate),
    },
    webhooks: {
      secrets: ids,
      settings: (secrets) => ({ ...credentials, ...(secrets.length === 0 ? {} : { webhookId: secrets.join(' ') }) }),
      sign: (body, { secrets, at }) => sign(body, secrets[0] ?? '', at),
      header: 'paypal-transmission-sig',
      rotation: 'either',
      body: () => event('CHECKOUT.ORDER.APPROVED', { id: '5O190127TN364715T', purchase_units: [{ custom_id: 'pay_1' }] }),
      unknownBody: () => event('BILLING.PLAN.CREATED', { id: 'P-1' }),
      sent: () =>
        paypal.webhooks.sent.map(({ headers, body }) => ({
          method: 'POST',
          url: WEBHOOK_URL,
          headers,
          body: Buffer.from(body),
          receivedAt: paypal.clock.now(),
        })),
      lie: (id) => {
        const body = event('PAYMENT.CAPTURE.COMPLETED', {
          id: 'C-1',
          status: 'COMPLETED',
          amount: { currency_code: 'EUR', value: '12.50' },
          supplementary_data: { related_ids: { order_id: id } },
        });
        return sign(Buffer.from(body), ids[0], paypal.clock.now());
      },
      vectors: vectors({ clientId, clientSecret }),
    },
    settlements: {
      settle: () => {
        const from = noon(paypal);
        for (let index = 0; index < LINES; index += 1)
          paypal.ledger.add({
            id: `TX${index}`,
            code: 'T0006',
            amount: money('12.50'),
            fee: money('-0.70'),
            order: `O${index}`,
            customId: `pay_${index}`,
          });
        paypal.withdraw(paypal.ledger.balance('EUR'));
        paypal.clock.advance(DAY_MS);
        return { from, to: from, lines: LINES + 1 };
      },
      emptyDay: { from: '2026-01-01', to: '2026-01-01' },
      notReady: () => {
        const from = noon(paypal);
        return { from, to: from };
      },
    },
    close: () => paypal.close(),
  };
}

/** More than the plugin asks for at a time. */
const LINES = 130;

/** Puts the clock to the next noon, so that no test runs over midnight, and gives the day. */
function noon({ clock }: PaypalServer): string {
  clock.advance(DAY_MS - ((clock.now() + DAY_MS / 2) % DAY_MS));
  return clock.stamp().slice(0, 10);
}

function money(value: string): { readonly currency_code: string; readonly value: string } {
  return { currency_code: 'EUR', value };
}

function idOf(made: object): string {
  return 'id' in made && typeof made.id === 'string' ? made.id : '';
}

function event(type: string, resource: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    id: `WH-${randomUUID()}`,
    event_version: '1.0',
    create_time: new Date().toISOString(),
    event_type: type,
    resource,
  });
}

/** What the documentation's scheme gives for bytes, id, time, webhook id and certificate that are written down. */
function vectors(credentials: Readonly<Record<string, string>>): readonly WebhookVector[] {
  const known = JSON.parse(readFileSync(path.join(HERE, 'signature-vector.json'), 'utf8')) as Readonly<Record<string, string>>;
  const settings = { ...credentials, webhookId: known['webhook_id'], webhookCertificates: known['cert_pem'] };
  const body = known['body'] ?? '';
  const given = (bytes: string, more: Readonly<Record<string, string>> = {}): RawWebhook => ({
    method: 'POST',
    url: WEBHOOK_URL,
    headers: {
      'paypal-transmission-id': known['transmission_id'] ?? '',
      'paypal-transmission-time': known['transmission_time'] ?? '',
      'paypal-transmission-sig': known['signature_base64'] ?? '',
      'paypal-cert-url': 'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77',
      'paypal-auth-algo': 'SHA256withRSA',
      ...more,
    },
    body: Buffer.from(bytes),
    // The vector's certificate was made some hours after its own time.
    receivedAt: Date.parse(known['transmission_time'] ?? '') + DAY_MS,
  });
  const elsewhere = { 'paypal-cert-url': 'https://api.sandbox.paypal.com.evil.example/v1/notifications/certs/CERT-1' };
  return [
    { name: 'the signature of the page', settings, delivery: given(body), right: true },
    { name: 'another webhook id', settings: { ...settings, webhookId: 'OTHER' }, delivery: given(body), right: false },
    { name: 're-serialised', settings, delivery: given(JSON.stringify(JSON.parse(body), null, 1)), right: false },
    { name: 'a certificate from elsewhere', settings, delivery: given(body, elsewhere), right: false },
  ];
}
