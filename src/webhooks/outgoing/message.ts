/**
 * One event as a portal gets it: a CloudEvent, signed as Standard Webhooks 1.0 says (github.com/standard-webhooks/standard-webhooks).
 *
 * `webhook-id` is our id of the event: the same for every repeat and replay, so a portal that remembers it takes each event once.
 * The signature is HMAC-SHA256 over `id.timestamp.body`; while a secret is being changed there is one for each of the two.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { toCloudEvent, type CloudEvent } from '../../events/cloud-event.ts';
import type { DomainEvent } from '../../events/event.ts';

/** What is sent, byte for byte. */
export interface Message {
  readonly body: string;
  /** Name, value, name, value. */
  readonly headers: string[];
}

/** Payloads stay below 20 kB, says the specification. */
const MOST_BYTES = 20_000;
const SECRET_PREFIX = 'whsec_';
/** The specification asks for 24 to 64. */
const SECRET_BYTES = 32;

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** The body for `event`. One that is too large goes without its data and says where to read them (CloudEvents extension `dataref`). */
export function bodyOf(event: DomainEvent, publicUrl: string): string {
  const whole = toCloudEvent(event);
  const body = JSON.stringify(whole);
  if (Buffer.byteLength(body) < MOST_BYTES) return body;
  const { data: _data, ...thin } = whole;
  return JSON.stringify({ ...thin, dataref: `${publicUrl}/v1/events/${whole.eventid}` } satisfies Omit<CloudEvent, 'data'> & {
    dataref: string;
  });
}

/** @param secrets one, or two while they are changed */
export function messageOf(id: string, body: string, secrets: readonly string[], now: Date): Message {
  const timestamp = Math.floor(now.getTime() / 1_000);
  const signatures = secrets.map((secret) => `v1,${signatureOf(secret, `${id}.${timestamp}.${body}`)}`);
  return {
    body,
    headers: [
      'content-type',
      'application/cloudevents+json; charset=utf-8',
      'user-agent',
      'Kassaflow-Webhooks/1.0',
      'webhook-id',
      id,
      'webhook-timestamp',
      String(timestamp),
      'webhook-signature',
      signatures.join(' '),
    ],
  };
}

function signatureOf(secret: string, text: string): string {
  return createHmac('sha256', Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64'))
    .update(text)
    .digest('base64');
}
