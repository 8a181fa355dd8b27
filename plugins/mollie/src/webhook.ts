import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Context, ProviderSignal, RawWebhook, Verdict, Webhook } from '@kassaflow/plugin-sdk';
import { readEvent, signalOf } from './events.ts';
import { register, unregister } from './registration.ts';
import type { Settings } from './settings.ts';

/** What a classic post may name. Longer or stranger ids are nobody's. */
const CLASSIC = /^id=((?:tr|re|ord|pl|sub)_[A-Za-z0-9]{6,64})$/;
const SIGNATURE = /^sha256=([0-9a-f]{64})$/i;

/**
 * Mollie has two kinds of webhook, and both may come to one address.
 *
 * - Classic: `id=tr_…`, unsigned, for every change of a payment, its refunds and chargebacks. Anybody can send one. It is let in
 *   because it says nothing but "look at this payment": its only effect is a fetch with our own key.
 * - Next-gen: a JSON event, `X-Mollie-Signature: sha256=<hex of HMAC-SHA256 over the raw body>`; two of them in the 24 hours after a
 *   secret was rolled, as two headers or joined by a comma. No timestamp is signed, so there is no window: an old one is known by its id.
 */
export const webhook: Webhook<Settings> = {
  verify({ settings, mode }, delivery): Verdict {
    const header = delivery.headers['x-mollie-signature'];
    if (header === undefined) return verifyClassic(delivery);
    const parts = [header].flat().flatMap((one) => one.split(',').map((part) => part.trim()));
    const signatures = parts.flatMap((part) => SIGNATURE.exec(part)?.[1] ?? []);
    if (signatures.length === 0)
      return { ok: false, reason: parts.some((part) => /^(?!sha256=)\w+=/.test(part)) ? 'signature-scheme' : 'signature-format' };
    const secrets = [settings.webhookSecret, settings.previousWebhookSecret].filter((secret) => secret !== undefined);
    if (!isSigned(delivery.body, signatures, secrets)) {
      const hint = secrets.length === 0 ? 'The connection has no webhook secret yet.' : 'Another secret, or a proxy that rewrote the body.';
      return { ok: false, reason: 'signature-mismatch', hint };
    }
    const event = readEvent(delivery);
    if (event?.mode !== undefined && event.mode !== mode) return { ok: false, reason: 'mode-mismatch' };
    return {
      ok: true,
      eventId: event?.id ?? `unreadable-${createHash('sha256').update(delivery.body).digest('hex')}`,
      ...(event?.occurredAt === undefined ? {} : { occurredAt: event.occurredAt }),
    };
  },

  async translate(context: Context<Settings>, delivery): Promise<readonly ProviderSignal[]> {
    const classic = classicId(delivery);
    // Orders, links and subscriptions tell of their payments by a post of their own.
    if (classic !== undefined) return classic.startsWith('tr_') ? [{ kind: 'payment', type: 'classic', providerId: classic }] : [];
    const event = readEvent(delivery);
    return event ? signalOf(context, event) : [];
  },

  register,
  unregister,
};

/**
 * The same post tells of a payment, its refund and its chargeback weeks later, so the id alone must not make it a duplicate. Posts of
 * one millisecond are one: the fetch that they cause begins after both.
 */
function verifyClassic(delivery: RawWebhook): Verdict {
  const id = classicId(delivery);
  if (id === undefined)
    return { ok: false, reason: 'signature-missing', hint: 'Neither signed nor a classic webhook, whose body is id=tr_….' };
  return { ok: true, eventId: `${id}@${delivery.receivedAt}` };
}

function classicId({ body }: RawWebhook): string | undefined {
  return body.length > 80 ? undefined : CLASSIC.exec(Buffer.from(body).toString('latin1'))?.[1];
}

/** Every signature against every secret, all of them, in constant time. */
function isSigned(body: Uint8Array, signatures: readonly string[], secrets: readonly string[]): boolean {
  const expected = secrets.map((secret) => createHmac('sha256', secret).update(body).digest());
  let found = false;
  for (const signature of signatures) {
    const given = Buffer.from(signature, 'hex');
    for (const one of expected) found = timingSafeEqual(given, one) || found;
  }
  return found;
}
