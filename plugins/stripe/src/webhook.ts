import { createHash } from 'node:crypto';
import { ok, type Context, type ProviderSignal, type RawWebhook, type Verdict, type Webhook } from '@kassaflow/plugin-sdk';
import { callStripe, stripeLibrary } from './client.ts';
import { kindOf, providerIdOf, readEvent, referenceOf } from './events.ts';
import { markIn, PAYMENT_MARK } from './marks.ts';
import { register, unregister } from './registration.ts';
import type { Settings } from './settings.ts';

const WINDOW_SECONDS = 300;

/** `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]`; several `v1` while a secret is rolled, any that fits counts. */
export const webhook: Webhook<Settings> = {
  async verify({ settings, mode }, delivery): Promise<Verdict> {
    const header = delivery.headers['stripe-signature'];
    if (header === undefined) return { ok: false, reason: 'signature-missing' };
    if (typeof header !== 'string') return { ok: false, reason: 'signature-format', hint: 'The signature header was sent twice.' };
    const parts = header.split(',').map((part) => part.split('=', 2));
    const timestamp = parts.find(([name]) => name === 't')?.[1];
    if (timestamp === undefined) return { ok: false, reason: 'signature-format', hint: 'The header has no "t=".' };
    if (!/^\d{1,10}$/.test(timestamp)) return { ok: false, reason: 'timestamp-format' };
    if (!parts.some(([name]) => name === 'v1'))
      return { ok: false, reason: parts.some(([name]) => /^v\d/.test(name ?? '')) ? 'signature-scheme' : 'signature-format' };

    const { webhookSecret, previousWebhookSecret, webhookSecrets = [] } = settings;
    const secrets = [webhookSecret, previousWebhookSecret, ...webhookSecrets].filter((secret) => secret !== undefined);
    if (!(await isSigned(delivery, header, secrets))) {
      return {
        ok: false,
        reason: 'signature-mismatch',
        hint:
          secrets.length === 0 ? 'The connection has no webhook signing secret yet.' : 'Another secret, or a proxy that rewrote the body.',
      };
    }
    // The library looks at the past only: it accepts a timestamp from next year.
    const age = Math.floor(delivery.receivedAt / 1000) - Number(timestamp);
    if (age > WINDOW_SECONDS) return { ok: false, reason: 'timestamp-old' };
    if (age < -WINDOW_SECONDS) return { ok: false, reason: 'timestamp-future' };

    const event = readEvent(delivery);
    if (!event) return { ok: true, eventId: `unreadable-${createHash('sha256').update(delivery.body).digest('hex')}` };
    if (event.livemode !== (mode === 'live')) return { ok: false, reason: 'mode-mismatch' };
    return { ok: true, eventId: event.id, occurredAt: event.created * 1000 };
  },

  async translate(context, delivery): Promise<readonly ProviderSignal[]> {
    const event = readEvent(delivery);
    const kind = event && kindOf(event);
    if (!event || !kind) return [];
    const providerId = providerIdOf(event);
    const reference = referenceOf(event) ?? (await lookUpReference(context, kind, providerId));
    return [
      {
        kind,
        type: event.type,
        ...(providerId === undefined ? {} : { providerId }),
        ...(reference === undefined ? {} : { reference }),
        occurredAt: event.created * 1000,
      },
    ];
  },

  register,
  unregister,
};

async function isSigned(delivery: RawWebhook, header: string, secrets: readonly string[]): Promise<boolean> {
  const { webhooks } = await stripeLibrary();
  let text: string;
  try {
    // Strict, and with the byte order mark kept: two different bodies must never verify as the same text.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(delivery.body);
  } catch {
    return false;
  }
  return secrets.some((secret) => {
    try {
      return webhooks.signature?.verifyHeader(text, header, secret, 0) === true;
    } catch {
      return false;
    }
  });
}

/** Disputes, and refunds made in Stripe's dashboard, do not carry our payment's id; their payment intent does. */
async function lookUpReference(
  context: Context<Settings>,
  kind: ProviderSignal['kind'],
  intent: string | undefined,
): Promise<string | undefined> {
  if (intent === undefined || !intent.startsWith('pi_') || (kind !== 'chargeback' && kind !== 'refund')) return undefined;
  const found = await callStripe(context, 'read', async (stripe) => ok(await stripe.paymentIntents.retrieve(intent)));
  // Not one of this account: nobody's, and asking again would not change that.
  if (found.kind === 'failed' && found.code === 'resource_missing') return undefined;
  // Throwing keeps the delivery in the inbox to be read again, where a missing reference would make it an orphan.
  if (found.kind !== 'ok') throw new Error(`The payment of this ${kind} could not be looked up: ${found.message}`);
  return markIn(found.value.metadata, PAYMENT_MARK);
}
