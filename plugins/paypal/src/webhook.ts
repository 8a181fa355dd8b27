/**
 * PayPal's webhooks (https://developer.paypal.com/api/rest/webhooks/rest/). The signature is RSA over
 * `<transmission id>|<time>|<webhook id>|<CRC32 of the body>`; the webhook id is ours alone and ties a delivery to this connection.
 * There is no window for the time: PayPal resends for three days and on demand for longer, and nobody knows whether a resend carries
 * a new time. The event's id keeps a repeat from counting.
 */
import { createHash, createVerify } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { RawWebhook, Verdict, Webhook } from '@kassaflow/plugin-sdk';
import { certificateAddress, certificatesFor, want } from './certificates.ts';
import { readEvent } from './events.ts';
import { register, unregister } from './registration.ts';
import type { Settings } from './settings.ts';
import { signalsOf } from './signals.ts';
import { momentOf } from './wire.ts';

const HEADERS = ['id', 'time', 'sig'].map((name) => `paypal-transmission-${name}`).concat('paypal-cert-url', 'paypal-auth-algo');
const ALGORITHM = 'SHA256withRSA';
/** `2026-11-20T10:00:00Z`, with or without fractions and offset. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$/;
const BASE64 = /^[A-Za-z0-9+/]{100,1000}={0,2}$/;

export const webhook: Webhook<Settings> = {
  verify(context, delivery): Verdict {
    const values = HEADERS.map((name) => delivery.headers[name]);
    if (values[2] === undefined) return { ok: false, reason: 'signature-missing' };
    if (!values.every((value) => typeof value === 'string' && value !== ''))
      return { ok: false, reason: 'signature-format', hint: 'A header of PayPal’s is missing, empty or was sent twice.' };
    const [id = '', time = '', signature = '', certificateUrl = '', algorithm = ''] = values as readonly string[]; // just checked
    if (algorithm !== ALGORITHM) return { ok: false, reason: 'signature-scheme', hint: `PayPal signs with ${ALGORITHM}.` };
    if (!TIME.test(time) || momentOf(time) === undefined) return { ok: false, reason: 'timestamp-format' };
    if (!BASE64.test(signature)) return { ok: false, reason: 'signature-format' };
    const address = certificateAddress(certificateUrl, context.mode);
    if (address === 'other-mode') return { ok: false, reason: 'mode-mismatch' };
    if (address === 'foreign') return { ok: false, reason: 'signature-scheme', hint: 'The certificate’s address is not PayPal’s.' };

    const webhookIds = context.settings.webhookId?.split(' ') ?? [];
    if (webhookIds.length === 0) return mismatch('The connection has no webhook ID yet.');
    const certificates = certificatesFor(context.settings, address.url, delivery.receivedAt);
    const messages = webhookIds.map((webhookId) => `${id}|${time}|${webhookId}|${crc32(delivery.body)}`);
    const bytes = Buffer.from(signature, 'base64');
    // Public keys and a public signature: nothing here has a time that could tell a secret.
    const isSigned = certificates.some(({ publicKey }) =>
      messages.some((message) => createVerify('RSA-SHA256').update(message).verify(publicKey, bytes)),
    );
    if (isSigned) return verdictOf(delivery);
    want(context.connection.id, address.url);
    return mismatch(
      certificates.length === 0
        ? 'The certificate is not known yet; it is fetched with the next call, and PayPal delivers again.'
        : 'Another webhook ID or certificate, or a proxy that rewrote the body.',
    );
  },

  async translate(context, delivery) {
    const event = readEvent(delivery.body);
    return event ? signalsOf(context, event) : [];
  },

  register,
  unregister,
};

function verdictOf(delivery: RawWebhook): Verdict {
  const event = readEvent(delivery.body);
  if (!event) return { ok: true, eventId: `unreadable-${createHash('sha256').update(delivery.body).digest('hex')}` };
  return { ok: true, eventId: event.id, ...(event.occurredAt === undefined ? {} : { occurredAt: event.occurredAt }) };
}

function mismatch(hint: string): Verdict {
  return { ok: false, reason: 'signature-mismatch', hint };
}
