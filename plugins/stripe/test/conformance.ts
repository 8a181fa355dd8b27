/** Stripe for the conformance kit, with the wire-level server that the plugin's own tests use. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RawWebhook } from '@kassaflow/plugin-sdk';
import type { LocalProvider, SettledDay, Subject, WebhookVector } from '@kassaflow/plugin-sdk/testing';
import { startStripeServer, type StripeServer } from '../../../test/providers/stripe-server.ts';
import { stripeSignature } from '../../../test/providers/stripe-webhooks.ts';
import { HOST } from '../src/client.ts';
import plugin from '../src/plugin.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SECRETS = ['whsec_conformance_number_one', 'whsec_conformance_number_two'] as const;
const WEBHOOK_URL = 'https://kassaflow.example/webhooks/stripe/con_1';
const DAY_MS = 86_400_000;
/** More than a page of 100. */
const SETTLED = 150;

export const subject: Subject = {
  plugin,
  folder: path.join(HERE, '..'),
  start: async () => localProvider(await startStripeServer()),
  startLive: async () => localProvider(await startStripeServer({ apiKey: 'sk_live_localserver' })),
};

function localProvider(stripe: StripeServer): LocalProvider {
  const { clock, publishableKey } = stripe;
  const settings = { secretKey: stripe.apiKey, publishableKey, webhookSecrets: [...SECRETS] };
  return {
    origins: { [`https://${HOST}`]: stripe.url },
    settings,
    now: () => clock.now(),
    advance: (ms) => stripe.advance(ms),
    wrongKey: { settings: { ...settings, secretKey: 'sk_test_wrongwrong' }, field: 'secretKey' },
    liveKey: { ...settings, secretKey: 'sk_live_12345678' },
    problem: (status) => ({
      body: JSON.stringify({
        error: { type: 'api_error', message: 'A scripted fault.', ...(status === 429 ? { code: 'rate_limit' } : {}) },
      }),
    }),
    payments: {
      webhookUrl: WEBHOOK_URL,
      made: (reference) => madeOf(stripe, reference),
      approve: (id) => void stripe.pay(id, 'card'),
      decline: (id, code) => void stripe.decline(id, code),
      declines: {
        insufficient_funds: 'insufficient-funds',
        expired_card: 'card-expired',
        do_not_honor: 'card-declined',
        lost_card: 'fraud',
        card_velocity_exceeded: 'limit',
        debit_not_authorized: 'mandate-revoked',
        account_closed: 'account-closed',
        processing_error: 'technical',
        stop_payment_order: 'mandate-revoked',
        payment_method_provider_decline: 'other',
        payment_method_customer_decline: 'cancelled-by-customer',
        authentication_required: 'authentication-failed',
      },
      expire: (id) => void stripe.expireSession(id),
      strange: (id, word) => {
        stripe.pay(id, 'sepa_debit');
        Object.assign(stripe.intent(intentOf(stripe, id)), { status: word });
      },
      refunds: (id) => stripe.refundsOf(intentOf(stripe, id)).length,
      refundAtDesk: (id, minor) => void stripe.refund(intentOf(stripe, id), minor),
      dispute: (id) => void stripe.dispute(intentOf(stripe, id)),
      winDispute: (id) => void stripe.dispute(intentOf(stripe, id), 'won'),
      loseDispute: (id) => void stripe.dispute(intentOf(stripe, id), 'lost'),
    },
    mandates: { give: () => giveMandate(stripe), revoke: (mandate) => stripe.vault.endMandate(mandate) },
    settlements: {
      settle: () => settle(stripe),
      emptyDay: { from: '2020-02-28', to: '2020-02-29' },
      notReady: async () => {
        payMany(stripe, 1);
        const day = dayOf(stripe.ledger.payOut().arrival_date);
        await stripe.advance(2 * DAY_MS);
        return { from: day, to: day };
      },
    },
    webhooks: {
      secrets: SECRETS,
      settings: (secrets) => ({ ...settings, webhookSecrets: [...secrets] }),
      sign: (body, { secrets, at }) => delivery(body, stripeSignature(Buffer.from(body).toString('utf8'), secrets, at), at),
      header: 'stripe-signature',
      windowMs: 300_000,
      body: () => event('payment_intent.succeeded', { id: 'pi_1', object: 'payment_intent', metadata: { payment_id: 'pay_1' } }),
      unknownBody: () => event('climate.order.created', { id: 'x' }),
      sent: () =>
        stripe.webhooks.events.map((body) => delivery(Buffer.from(body), stripeSignature(body, [SECRETS[0]], clock.now()), clock.now())),
      lie: (id) => {
        const body = event('checkout.session.completed', {
          id,
          object: 'checkout.session',
          status: 'complete',
          payment_status: 'paid',
          metadata: {},
        });
        return delivery(Buffer.from(body), stripeSignature(body, [SECRETS[0]], clock.now()), clock.now());
      },
      vectors: vectors(stripe.apiKey),
    },
    close: () => stripe.close(),
  };
}

function intentOf(stripe: StripeServer, session: string): string {
  return stripe.session(session).payment_intent ?? 'none';
}

/** Sessions, and payments that never had one: the intent of a session repeats its reference. */
function madeOf(stripe: StripeServer, reference: string): number {
  const sessions = stripe.sessions().filter((session) => session.client_reference_id === reference);
  const own = stripe
    .intents()
    .filter(({ id, metadata }) => metadata['payment_id'] === reference && !sessions.some((one) => one.payment_intent === id));
  return sessions.length + own.length;
}

/** A direct debit that came of a payment by iDEAL. */
function giveMandate({ vault }: StripeServer): { readonly mandate: string; readonly customer: string } {
  const { id: customer } = vault.createCustomer({ name: 'T. Tester', email: 't@example.com' });
  return { mandate: vault.allowDebits(vault.save('sepa_debit', customer)).id, customer };
}

function payMany({ book }: StripeServer, count: number): void {
  for (let made = 0; made < count; made += 1)
    book.payInFields(
      book.create({ amount: 995, currency: 'eur', capture_method: 'automatic', metadata: { payment_id: `many_${made}` } }).id,
    );
}

async function settle(stripe: StripeServer): Promise<SettledDay> {
  payMany(stripe, SETTLED);
  const payout = stripe.ledger.payOut();
  stripe.ledger.arrive(payout.id);
  const day = dayOf(payout.arrival_date);
  await stripe.advance(DAY_MS);
  // Besides the payments: the payout.
  return { from: day, to: day, lines: SETTLED + 1 };
}

function dayOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}

function event(type: string, object: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    id: `evt_${randomUUID()}`,
    object: 'event',
    created: Math.floor(Date.now() / 1_000),
    livemode: false,
    type,
    data: { object },
  });
}

function delivery(body: Uint8Array, signature: string, receivedAt: number): RawWebhook {
  return { method: 'POST', url: WEBHOOK_URL, headers: { 'stripe-signature': signature }, body, receivedAt };
}

/** What the documentation's scheme gives for bytes, second and secret that are written down. */
function vectors(secretKey: string): readonly WebhookVector[] {
  const known = JSON.parse(readFileSync(path.join(HERE, 'signature-vectors.json'), 'utf8')) as {
    readonly secret: string;
    readonly t: number;
    readonly payload: string;
    readonly header: string;
  };
  const settings = { secretKey, webhookSecrets: [known.secret] };
  const at = known.t * 1_000;
  const given = (body: string, receivedAt: number): RawWebhook => delivery(Buffer.from(body), known.header, receivedAt);
  return [
    { name: 'the signature of the page', settings, delivery: given(known.payload, at + 10_000), right: true },
    { name: '301 s late', settings, delivery: given(known.payload, at + 301_000), right: false },
    { name: '301 s early', settings, delivery: given(known.payload, at - 301_000), right: false },
    { name: 're-serialised', settings, delivery: given(JSON.stringify(JSON.parse(known.payload)), at), right: false },
  ];
}
