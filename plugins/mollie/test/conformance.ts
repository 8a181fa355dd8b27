/** Mollie for the conformance kit, with the wire-level server that the plugin's own tests use. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { LocalProvider, SettledDay, Subject, WebhookVector } from '@kassaflow/plugin-sdk/testing';
import { startMollieServer, type MollieServer } from '../../../test/providers/mollie-server.ts';
import { mollieSignature } from '../../../test/providers/mollie-webhooks.ts';
import { HOST } from '../src/client.ts';
import plugin from '../src/plugin.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SECRETS = ['mollie_conformance_secret_1', 'mollie_conformance_secret_2'] as const;
const WEBHOOK_URL = 'https://kassaflow.example/webhooks/mollie/con_1';
const DAY_MS = 86_400_000;
/** More than a page of 250; and as many costs come to whole cents, so that no rounding line is needed. */
const SETTLED = 300;

export const subject: Subject = {
  plugin,
  folder: path.join(HERE, '..'),
  start: async () => localProvider(await startMollieServer()),
  startLive: async () => localProvider(await startMollieServer({ apiKey: 'live_localserver1' })),
};

function localProvider(mollie: MollieServer): LocalProvider {
  const { apiKey, organizationToken, book, webhooks } = mollie;
  const settings = { apiKey, organizationToken, webhookSecret: SECRETS[0] };
  const at = () => mollie.clock.now();
  webhooks.create({ name: 'Kassaflow', url: WEBHOOK_URL, eventTypes: ['*'] });
  for (const hook of webhooks.hooks) hook.secret = SECRETS[0];
  return {
    origins: { [`https://${HOST}`]: mollie.url },
    settings,
    now: at,
    advance: (ms) => mollie.advance(ms),
    wrongKey: { settings: { ...settings, apiKey: 'test_wrongwrong1' }, field: 'apiKey' },
    liveKey: { ...settings, apiKey: 'live_wrongwrong1' },
    problem: (status) => ({
      headers: { 'content-type': 'application/hal+json' },
      body: JSON.stringify({ status, title: 'A fault', detail: 'A scripted fault.' }),
    }),
    payments: {
      webhookUrl: WEBHOOK_URL,
      made: (reference) => book.payments.filter(({ metadata }) => markOf(metadata) === reference).length,
      approve: (id) => void book.pay(id, 'creditcard'),
      decline: (id, code) => void book.decline(id, code),
      declines: {
        insufficient_funds: 'insufficient-funds',
        card_expired: 'card-expired',
        possible_fraud: 'fraud',
        authentication_failed: 'authentication-failed',
        refused_by_issuer: 'card-declined',
      },
      expire: (id) => void book.expire(id),
      strange: (id, word) => void Object.assign(book.payment(id), { status: word }),
      refunds: (id) => book.refunds.filter(({ paymentId }) => paymentId === id).length,
      refundAtDesk: (id, minor) => void book.refundInDashboard(id, (minor / 100).toFixed(2)),
      dispute: (id) => void book.chargeBack(id),
      winDispute: (id) => {
        for (const chargeback of book.chargebacks) if (chargeback.paymentId === id) book.reverseChargeback(chargeback.id);
      },
    },
    mandates: { give: () => giveMandate(mollie), revoke: (mandate) => revoke(mollie, mandate) },
    webhooks: {
      secrets: SECRETS,
      settings: ([webhookSecret, previousWebhookSecret]) => ({
        apiKey,
        organizationToken,
        ...(webhookSecret === undefined ? {} : { webhookSecret }),
        ...(previousWebhookSecret === undefined ? {} : { previousWebhookSecret }),
      }),
      sign: (body, { secrets, at: receivedAt }) => signed(body, secrets, receivedAt),
      header: 'x-mollie-signature',
      body: () => event('payment.paid', 'tr_5B8cwPMGnU6qLbRvo7qEZo'),
      unknownBody: () => event('weather.changed', 'wea_5B8cwPMGnU6q'),
      sent: async () => {
        await webhooks.settled();
        return webhooks.attempts.map(({ url, headers, body, at: receivedAt }) => ({
          method: 'POST',
          url,
          headers,
          body: Buffer.from(body),
          receivedAt,
        }));
      },
      lie: (id) => signed(Buffer.from(event('payment.paid', id)), [SECRETS[0]], at()),
      vectors: vectors(apiKey),
    },
    settlements: {
      settle: () => settle(mollie),
      emptyDay: { from: '2020-02-28', to: '2020-02-29' },
      notReady: async () => {
        payMany(mollie, 1);
        const day = amsterdam(at());
        mollie.settlements.close();
        await mollie.advance(DAY_MS);
        return { from: day, to: day };
      },
    },
    close: () => mollie.close(),
  };
}

function markOf(metadata: unknown): unknown {
  return typeof metadata === 'object' && metadata !== null && 'payment_id' in metadata ? metadata.payment_id : undefined;
}

function giveMandate({ book }: MollieServer): { readonly mandate: string; readonly customer: string } {
  const { id: customer } = book.createCustomer({ name: 'T. Tester', email: 't@example.com' });
  const first = {
    sequenceType: 'first',
    customerId: customer,
    method: 'creditcard',
    redirectUrl: 'https://shop.example/',
    description: 'First',
  };
  book.pay(book.createPayment({ ...first, amount: { currency: 'EUR', value: '0.01' } }).id);
  const mandate = book.mandates.find(({ customerId }) => customerId === customer);
  if (!mandate) throw new TypeError('The first payment left no mandate');
  return { mandate: mandate.id, customer };
}

function revoke({ book }: MollieServer, mandate: string): void {
  const { customerId } = book.mandates.find(({ id }) => id === mandate) ?? { customerId: '' };
  book.revokeMandate(customerId, mandate);
}

function payMany({ book }: MollieServer, count: number): void {
  for (let made = 0; made < count; made += 1)
    book.pay(
      book.createPayment({ amount: { currency: 'EUR', value: '9.95' }, description: 'Many', redirectUrl: 'https://shop.example/' }).id,
    );
}

async function settle(mollie: MollieServer): Promise<SettledDay> {
  payMany(mollie, SETTLED);
  const day = amsterdam(mollie.clock.now());
  mollie.settlements.payOut(mollie.settlements.close().id);
  await mollie.advance(DAY_MS);
  // Besides the payments: one line of costs, and the payout.
  return { from: day, to: day, lines: SETTLED + 2 };
}

function amsterdam(at: number): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Amsterdam' }).format(at);
}

function event(type: string, entityId: string): string {
  const id = `event_${randomUUID().replaceAll('-', '')}`;
  return JSON.stringify({ resource: 'event', id, type, entityId, createdAt: '2026-11-20T10:00:00.0Z' });
}

function signed(body: Uint8Array, secrets: readonly string[], receivedAt: number): RawWebhook {
  return delivery(body, secrets.map((secret) => mollieSignature(body, secret)).join(', '), receivedAt);
}

function delivery(body: Uint8Array, signature: string, receivedAt: number): RawWebhook {
  return {
    method: 'POST',
    url: WEBHOOK_URL,
    headers: { 'content-type': 'application/json', 'x-mollie-signature': signature },
    body,
    receivedAt,
  };
}

function vectors(apiKey: string): readonly WebhookVector[] {
  const known = JSON.parse(readFileSync(path.join(HERE, 'signature-vectors.json'), 'utf8')) as {
    readonly secret: string;
    readonly body: string;
    readonly header: string;
    readonly rotation_header_joined: string;
  };
  const settings = { apiKey, webhookSecret: known.secret };
  const given = (body: string, header: string) => delivery(Buffer.from(body), header, 1_795_000_000_000);
  return [
    { name: 'the signature of the page', settings, delivery: given(known.body, known.header), right: true },
    { name: 'two signatures, joined', settings, delivery: given(known.body, known.rotation_header_joined), right: true },
    { name: 'a space behind the body', settings, delivery: given(`${known.body} `, known.header), right: false },
  ];
}
