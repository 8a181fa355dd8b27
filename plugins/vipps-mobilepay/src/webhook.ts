import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Context, ProviderSignal, RawWebhook, Verdict, Webhook } from '@kassaflow/plugin-sdk';
import { paymentOfAgreement } from './charges.ts';
import { chargeIdOf, fromVippsReference, isAgreementId, toVippsReference } from './references.ts';
import type { Settings } from './settings.ts';
import { EARLIEST_DELIVERY_MS, OLDEST_DELIVERY_MS } from './unverified.ts';
import { momentAt, textAt } from './wire-values.ts';
import { register, unregister } from './webhook-registration.ts';

/** Everything before the signature is fixed: which headers are signed is no choice of the sender. */
const SCHEME = 'HMAC-SHA256 ';
const SIGNED = 'HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=';

/** Names of ePayment events → what they are about. */
const PAYMENT_EVENTS: Readonly<Record<string, ProviderSignal['kind']>> = {
  CREATED: 'payment',
  AUTHORIZED: 'payment',
  CAPTURED: 'payment',
  CANCELLED: 'payment',
  REFUNDED: 'refund',
  ABORTED: 'payment',
  EXPIRED: 'payment',
  TERMINATED: 'payment',
};
const CHARGE_EVENT = /^recurring\.charge-(reserved|captured|canceled|refunded|failed|creation-failed)\.v1$/;
const AGREEMENT_EVENT = /^recurring\.agreement-(activated|rejected|stopped|expired)\.v1$/;

/**
 * The signature covers method, path with query, date, host and the hash of the body
 * (https://developer.vippsmobilepay.com/docs/APIs/webhooks-api/request-authentication/). Path and host are those of the address that was registered,
 * whatever a proxy made of them. The secret is used as the text it is: some look like base64 and are not.
 */
export const webhook: Webhook<Settings> = {
  verify({ settings }, delivery): Verdict {
    const [signature, date, contentHash] = ['authorization', 'x-ms-date', 'x-ms-content-sha256'].map((name) => delivery.headers[name]);
    if (signature === undefined || signature === '') return refused('signature-missing', 'There is no Authorization header.');
    if (typeof signature !== 'string' || typeof date !== 'string' || typeof contentHash !== 'string')
      return refused('signature-format', 'A signed header is missing or was sent twice.');
    if (!signature.startsWith(SCHEME)) return refused('signature-scheme', 'The scheme is not HMAC-SHA256.');
    if (!signature.startsWith(SIGNED)) return refused('signature-format', 'Other headers are signed than date, host and hash.');
    const sentAt = Date.parse(date);
    if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(date) || Number.isNaN(sentAt))
      return refused('timestamp-format');

    const secrets = [settings.webhookSecret, settings.webhookSecretBefore].flatMap((secret) => secret || []);
    const hash = createHash('sha256').update(delivery.body).digest('base64');
    const isBody = isSame(hash, contentHash);
    // Each secret is tried, also when the body is another one: the time it takes tells nothing.
    const isSigned = secrets.map((secret) => isSame(SIGNED + sign(secret, delivery, date, hash), signature)).includes(true);
    if (!isBody || !isSigned)
      return refused(
        'signature-mismatch',
        secrets.length === 0
          ? 'The connection’s webhook has not been registered yet.'
          : 'Another secret or address, or a proxy that rewrote the body.',
      );
    if (delivery.receivedAt - sentAt > OLDEST_DELIVERY_MS) return refused('timestamp-old');
    if (sentAt - delivery.receivedAt > EARLIEST_DELIVERY_MS) return refused('timestamp-future');

    const event = read(delivery);
    if (!event) return { ok: true, eventId: `unreadable-${hashOf(delivery.body)}` };
    // A test event at a live sales unit has another number, and so has an event of another shop under the same roof.
    if (event.msn !== undefined && event.msn !== settings.merchantSerialNumber)
      return refused('mode-mismatch', 'The event is of another sales unit.');
    return { ok: true, eventId: event.id, ...(event.occurredAt === undefined ? {} : { occurredAt: event.occurredAt }) };
  },

  translate(context, delivery): readonly ProviderSignal[] {
    const event = read(delivery);
    if (!event) return [];
    const signals = [...signalsOf(event)];
    if (signals.length === 0) context.log.warn('a webhook has a type that this plugin does not know', { type: event.type.slice(0, 100) });
    return signals;
  },

  register: (context: Context<Settings>, request) => register(context, request),
  unregister: (context: Context<Settings>, request) => unregister(context, request),
};

interface VippsEvent {
  readonly id: string;
  readonly type: string;
  readonly msn: string | undefined;
  readonly occurredAt: number | undefined;
  readonly body: unknown;
}

/** Only says that something may have changed: what `success: false` or an amount in it claims is never used. */
function* signalsOf({ type, occurredAt, body }: VippsEvent): Generator<ProviderSignal> {
  const common = { type: type.slice(0, 200), ...(occurredAt === undefined ? {} : { occurredAt }) };
  const reference = textAt(body, 'reference');
  const kind = Object.hasOwn(PAYMENT_EVENTS, type) ? PAYMENT_EVENTS[type] : undefined;
  if (kind !== undefined && reference !== undefined) yield { kind, providerId: reference.slice(0, 255), ...oursOf(reference), ...common };

  const agreement = textAt(body, 'agreementId');
  if (agreement === undefined || !isAgreementId(agreement)) return;
  const charge = textAt(body, 'chargeId');
  if (CHARGE_EVENT.test(type) && charge !== undefined)
    yield {
      kind: type.includes('refunded') ? 'refund' : 'payment',
      providerId: chargeIdOf(agreement, charge).slice(0, 255),
      ...oursOf(charge),
      ...common,
    };
  if (!AGREEMENT_EVENT.test(type)) return;
  const externalId = textAt(body, 'agreementExternalId') ?? '';
  const payment = paymentOfAgreement(externalId);
  yield {
    kind: 'mandate',
    providerId: agreement,
    ...(payment === undefined && externalId !== '' ? { reference: externalId } : {}),
    ...common,
  };
  // A customer who says no to an agreement says no to its first charge, and no event of the charge follows.
  const theirs = payment === undefined ? undefined : toVippsReference(payment);
  if (payment !== undefined && theirs !== undefined)
    yield { kind: 'payment', providerId: chargeIdOf(agreement, theirs), reference: payment, ...common };
}

function oursOf(theirs: string): { readonly reference?: string } {
  const ours = fromVippsReference(theirs);
  return ours === undefined ? {} : { reference: ours };
}

/** ePayment events have a name and a reference, recurring ones a type and an agreement. A repeat is the same event, byte for byte. */
function read(delivery: RawWebhook): VippsEvent | undefined {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(delivery.body));
  } catch {
    return undefined;
  }
  const type = textAt(body, 'eventType') ?? textAt(body, 'name');
  if (type === undefined) return undefined;
  const subject = [textAt(body, 'reference'), textAt(body, 'pspReference'), textAt(body, 'agreementId'), textAt(body, 'chargeId')];
  const occurred = textAt(body, 'timestamp') ?? textAt(body, 'occurred');
  // The reference of the event makes it single; a recurring event has none, so there the moment does.
  const parts = [type, ...subject, ...(subject[1] === undefined ? [occurred] : [])].filter((part) => part !== undefined);
  const id = parts.join(':');
  const isUsable = subject.some((part) => part !== undefined) && id.length <= 255;
  return {
    id: isUsable ? id : `event-${hashOf(delivery.body)}`,
    type,
    msn: textAt(body, 'msn'),
    occurredAt: momentAt(body, 'timestamp') ?? momentAt(body, 'occurred'),
    body,
  };
}

function sign(secret: string, { method, url }: RawWebhook, date: string, hash: string): string {
  const { pathname, search, host } = new URL(url);
  const text = `${method.toUpperCase()}\n${pathname}${search}\n${date};${host};${hash}`;
  return createHmac('sha256', Buffer.from(secret, 'utf8')).update(text).digest('base64');
}

function isSame(ours: string, theirs: string): boolean {
  const [a, b] = [Buffer.from(ours), Buffer.from(theirs)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refused(reason: Extract<Verdict, { ok: false }>['reason'], hint?: string): Verdict {
  return { ok: false, reason, ...(hint === undefined ? {} : { hint }) };
}

function hashOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
