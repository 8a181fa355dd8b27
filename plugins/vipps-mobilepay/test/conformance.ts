/** Vipps MobilePay for the conformance kit, with the wire-level servers of its two environments. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { LocalProvider, SettledDay, Subject, WebhookVector } from '@kassaflow/plugin-sdk/testing';
import { startVippsServer, type VippsServer } from '../../../test/providers/vipps-server.ts';
import { signedHeaders } from '../../../test/providers/vipps-webhooks.ts';
import plugin from '../src/plugin.ts';
import { toVippsReference } from '../src/references.ts';
import { HOSTS } from '../src/tokens.ts';
import { OLDEST_DELIVERY_MS } from '../src/unverified.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SECRETS = ['090a478d-37ff-4e77-970e-d457aeb26a3a', '1f0c5a6e-37ff-4e77-970e-d457aeb26a3b'] as const;
const WEBHOOK_URL = 'https://kassaflow.example/webhooks/vipps-mobilepay/con_1';
const LIVE_KEYS = { clientId: 'live-client-id-of-a-shop', clientSecret: 'live-client-secret-of-a-shop' };
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** More entries than one answer of the ledger holds, and more than the plugin gives at once. */
const ENTRIES = 1_200;

export const subject: Subject = {
  plugin,
  folder: path.join(HERE, '..'),
  start: async () => {
    const [test, live] = await startBoth();
    return localProvider(test, live, test);
  },
  startLive: async () => {
    const [test, live] = await startBoth();
    return localProvider(test, live, live);
  },
};

async function startBoth(): Promise<readonly [test: VippsServer, live: VippsServer]> {
  return Promise.all([startVippsServer({ frozen: true }), startVippsServer({ frozen: true, mode: 'live', keys: LIVE_KEYS })]);
}

/** @param vipps the one that is meant; the other is there because keys are tried at both */
function localProvider(test: VippsServer, live: VippsServer, vipps: VippsServer): LocalProvider {
  const settings = { ...vipps.settings, features: ['push', 'recurring'], webhookSecret: SECRETS[0] };
  const at = () => vipps.clock.now();
  const { payments, recurring } = vipps;
  return {
    origins: { [`https://${HOSTS.test}`]: test.url, [`https://${HOSTS.live}`]: live.url },
    settings,
    now: at,
    advance: (ms) => vipps.clock.advance(ms),
    tokenPath: /^\/(accesstoken\/get|miami\/v1\/token)$/,
    wrongKey: { settings: { ...settings, clientSecret: 'a-secret-of-nobody' }, field: 'clientSecret' },
    liveKey: { ...settings, ...LIVE_KEYS },
    payments: {
      webhookUrl: WEBHOOK_URL,
      order: { amount: { amount: '125.00', currency: 'DKK' } },
      made: (reference) => made(vipps, toVippsReference(reference) ?? ''),
      approve: (id) => payments.approve(id),
      decline: async (id, code) => {
        if (code === 'ABORTED') return payments.abort(id);
        // A customer whose bank refused may try another card; it counts when none of them came to anything.
        payments.refuse(id);
        await vipps.clock.advance(11 * MINUTE_MS);
      },
      declines: { AUTHORIZED: 'card-declined', ABORTED: 'cancelled-by-customer' },
      expire: () => vipps.clock.advance(11 * MINUTE_MS),
      strange: (id, word) => void Object.assign(payments.get(id), { state: word }),
      refunds: (id) => payments.get(id).events.filter(({ name }) => name === 'REFUNDED').length,
      refundAtDesk: (id, minor) => payments.byPortal(id, 'refund', minor),
    },
    mandates: {
      give: () => {
        const { agreementId } = recurring.draft(AGREEMENT, randomUUID());
        recurring.accept(String(agreementId));
        return { mandate: String(agreementId) };
      },
      revoke: (mandate) => recurring.stop(mandate, 'USER'),
    },
    webhooks: {
      secrets: SECRETS,
      settings: ([webhookSecret, webhookSecretBefore]) => ({
        ...vipps.settings,
        ...(webhookSecret === undefined ? {} : { webhookSecret }),
        ...(webhookSecretBefore === undefined ? {} : { webhookSecretBefore }),
      }),
      sign: (body, { secrets, at: receivedAt }) => signed(body, secrets[0] ?? '', receivedAt),
      header: 'authorization',
      windowMs: OLDEST_DELIVERY_MS,
      rotation: 'either',
      body: () => event('AUTHORIZED', 'kf-pay-01'),
      unknownBody: () => event('WEATHER_CHANGED', 'kf-pay-01'),
      sent: () => vipps.webhooks.events.map(({ body }) => signed(Buffer.from(body), SECRETS[0], at())),
      lie: (id) => signed(Buffer.from(event('CAPTURED', id)), SECRETS[0], at()),
      vectors: vectors(vipps),
    },
    settlements: {
      settle: () => settle(vipps),
      emptyDay: { from: '2020-02-28', to: '2020-02-29' },
      notReady: () => {
        book(vipps, 1);
        return { from: dayOf(at()), to: dayOf(at()) };
      },
    },
    close: async () => {
      await Promise.all([test.close(), live.close()]);
    },
  };
}

const AGREEMENT = {
  pricing: { type: 'VARIABLE', suggestedMaxAmount: 100_000, currency: 'DKK' },
  interval: { unit: 'MONTH', count: 1 },
  merchantRedirectUrl: 'https://shop.example/return',
  merchantAgreementUrl: 'https://shop.example/agreement',
  productName: 'Membership',
};

function made({ payments, recurring }: VippsServer, reference: string): number {
  const found = payments.all().filter((payment) => payment.reference === reference).length;
  try {
    recurring.chargeById(reference);
    return found + 1;
  } catch {
    return found;
  }
}

function event(name: string, reference: string): string {
  return JSON.stringify({
    msn: '123456',
    reference,
    pspReference: randomUUID(),
    name,
    amount: { currency: 'DKK', value: 12_500 },
    timestamp: '2026-11-20T10:00:00.000Z',
    idempotencyKey: null,
    success: true,
  });
}

function signed(body: Uint8Array, secret: string, at: number): RawWebhook {
  return { method: 'POST', url: WEBHOOK_URL, headers: signedHeaders(WEBHOOK_URL, body, secret, at), body, receivedAt: at };
}

function book({ ledger, unit }: VippsServer, count: number): void {
  for (let made = 0; made < count; made += 1)
    ledger.book('capture', { reference: `kf-pay-${made}`, pspReference: randomUUID(), currency: unit.currency, amount: 995 });
}

async function settle(vipps: VippsServer): Promise<SettledDay> {
  vipps.ledger.pageSize = 400;
  book(vipps, ENTRIES);
  vipps.ledger.payOut(1_234);
  const day = dayOf(vipps.clock.now());
  await vipps.clock.advance(DAY_MS);
  // Besides the captures: the fees that were kept, and the payout.
  return { from: day, to: day, lines: ENTRIES + 2 };
}

function dayOf(at: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Copenhagen', dateStyle: 'short' }).format(at);
}

interface Known {
  readonly secret: string;
  readonly url: string;
  readonly date: string;
  readonly body: string;
  readonly 'x-ms-content-sha256': string;
  readonly authorization: string;
}

/** One that Vipps MobilePay has published, and one of ours with port and query. */
function vectors({ settings }: VippsServer): readonly WebhookVector[] {
  const known = JSON.parse(readFileSync(path.join(HERE, 'signature-vectors.json'), 'utf8')) as {
    readonly vipps_official: Known;
    readonly vipps: Known;
  };
  const given = (vector: Known, url = vector.url): RawWebhook => ({
    method: 'POST',
    url,
    body: Buffer.from(vector.body),
    receivedAt: Date.parse(vector.date) + 1_000,
    headers: { 'x-ms-date': vector.date, 'x-ms-content-sha256': vector['x-ms-content-sha256'], authorization: vector.authorization },
  });
  const knowing = ({ secret: webhookSecret }: Known) => ({ ...settings, webhookSecret });
  const { vipps_official: official, vipps: ours } = known;
  return [
    { name: 'the published one', settings: knowing(official), delivery: given(official), right: true },
    { name: 'with port and query', settings: knowing(ours), delivery: given(ours), right: true },
    {
      name: 'at the address behind a proxy',
      settings: knowing(ours),
      right: false,
      delivery: given(ours, ours.url.replace('pay.example.nl:8443', 'internal:3000')),
    },
  ];
}
