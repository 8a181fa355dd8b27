import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ProviderSignal, RawWebhook, Verdict, Webhook } from '@kassaflow/plugin-sdk';
import type { Settings } from './settings.ts';

const HEADER = 'sandbox-signature';
const WINDOW_SECONDS = 300;

/** The beginning of an event's type → what it is about. */
const KINDS: readonly (readonly [prefix: string, kind: ProviderSignal['kind']])[] = [
  ['payment.', 'payment'],
  ['refund.', 'refund'],
  ['chargeback.', 'chargeback'],
  ['mandate.', 'mandate'],
];

/** `Sandbox-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>">`, with one `v1` for each secret in use. */
export const webhook: Webhook<Settings> = {
  verify({ settings }, delivery): Verdict {
    const header = delivery.headers[HEADER];
    if (header === undefined) return { ok: false, reason: 'signature-missing' };
    if (typeof header !== 'string') return { ok: false, reason: 'signature-format', hint: 'The signature header was sent twice.' };
    const parts = header.split(',').map((part) => part.split('=', 2));
    const seconds = parts.find(([name]) => name === 't')?.[1];
    const signatures = parts.filter(([name]) => name === 'v1').map(([, value]) => value ?? '');
    if (seconds === undefined) return { ok: false, reason: 'signature-format' };
    if (!/^\d{1,10}$/.test(seconds)) return { ok: false, reason: 'timestamp-format' };
    if (signatures.length === 0)
      return { ok: false, reason: parts.some(([name]) => /^v\d/.test(name ?? '')) ? 'signature-scheme' : 'signature-format' };
    if (!settings.webhookSecrets.some((secret) => matches(secret, seconds, delivery.body, signatures)))
      return { ok: false, reason: 'signature-mismatch' };

    const age = Math.floor(delivery.receivedAt / 1000) - Number(seconds);
    if (age > WINDOW_SECONDS) return { ok: false, reason: 'timestamp-old' };
    if (age < -WINDOW_SECONDS) return { ok: false, reason: 'timestamp-future' };
    return {
      ok: true,
      eventId: readEvent(delivery)?.id ?? `unreadable-${createHash('sha256').update(delivery.body).digest('hex')}`,
      occurredAt: Number(seconds) * 1000,
    };
  },

  translate(_context, delivery): readonly ProviderSignal[] {
    const event = readEvent(delivery);
    const kind = KINDS.find(([prefix]) => event?.type.startsWith(prefix))?.[1];
    if (event === undefined || kind === undefined) return [];
    const { type, subject: providerId, reference, createdAt: occurredAt } = event;
    return [{ kind, type, providerId, reference, occurredAt }];
  },
};

function matches(secret: string, seconds: string, body: Uint8Array, signatures: readonly string[]): boolean {
  const expected = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();
  // Every signature is compared, so that the time taken does not tell which one was near.
  return (
    signatures
      .map((signature) => Buffer.from(signature, 'hex'))
      .filter((given) => given.length === expected.length && timingSafeEqual(given, expected)).length > 0
  );
}

/** What the provider tells, once the signature was found to be right. */
export interface SandboxEvent {
  readonly id: string;
  readonly type: string;
  /** The payment's id, or the mandate's. */
  readonly subject: string;
  readonly reference: string;
  readonly createdAt: number;
}

export function readEvent(delivery: RawWebhook): SandboxEvent | undefined {
  try {
    const { id, type, created_at: at, data } = JSON.parse(Buffer.from(delivery.body).toString('utf8')) as Record<string, unknown>;
    const { payment, mandate, reference } = (data ?? {}) as Record<string, unknown>;
    const subject = payment ?? mandate;
    if (
      typeof id === 'string' &&
      typeof type === 'string' &&
      typeof at === 'string' &&
      typeof subject === 'string' &&
      typeof reference === 'string'
    )
      return { id, type, subject, reference, createdAt: Date.parse(at) };
  } catch {
    // Signed but unreadable: kept as evidence under its hash, and translated to nothing.
  }
  return undefined;
}
