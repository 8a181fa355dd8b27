import { createHash } from 'node:crypto';
import type { Context, ProviderSignal, RawWebhook } from '@kassaflow/plugin-sdk';
import { MANDATE_MARK, PAYMENT_MARK } from './facts.ts';
import { isPaymentId } from './ids.ts';
import { askOrganization } from './organization.ts';
import { instantOf, markIn, textIn } from './seen.ts';
import type { Settings } from './settings.ts';

/** The beginning of an event's type → what it is about. Types that are not listed tell nothing that we use. */
const KINDS: readonly (readonly [prefix: string, kind: ProviderSignal['kind']])[] = [
  ['payment.', 'payment'],
  ['capture.', 'payment'],
  ['refund.', 'refund'],
  ['chargeback.', 'chargeback'],
  ['balance-transaction.', 'settlement'],
  ['payout.', 'settlement'],
];

/** Events that we ask Mollie to send when a webhook is registered. */
export const PAYMENT_EVENTS: readonly string[] = ['paid', 'authorized', 'failed', 'canceled', 'expired', 'pending'].map(
  (word) => `payment.${word}`,
);

/** Those that Mollie's pages called a beta: an account without it refuses the whole registration. */
export const MONEY_BACK_EVENTS: readonly string[] = [
  ...['queued', 'pending', 'processing', 'refunded', 'failed', 'canceled'].map((word) => `refund.${word}`),
  'chargeback.received',
  'chargeback.reversed',
  'capture.succeeded',
  'capture.failed',
  'payout.completed',
  'payout.failed',
];

/** A signed event, as far as it is read. What it says of amounts and states is ignored: they are fetched. */
export interface MollieEvent {
  readonly id: string;
  readonly type: string;
  readonly entityId?: string;
  readonly entity?: object;
  readonly mode?: string;
  readonly occurredAt?: number;
}

/** Reads a body: an event, with or without its entity, or the bare entity that one page of Mollie's shows. */
export function readEvent({ body }: RawWebhook): MollieEvent | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof value !== 'object' || value === null) return undefined;
    return textIn(value, 'resource') === 'event' ? eventOf(value) : bareEntity(value, body);
  } catch {
    // Signed but unreadable: kept as evidence under its hash, and translated to nothing.
    return undefined;
  }
}

/** What an event signals. Refunds, chargebacks and captures name their payment in the entity; a simple event is asked for with it. */
export async function signalOf(context: Context<Settings>, event: MollieEvent): Promise<readonly ProviderSignal[]> {
  const kind = KINDS.find(([prefix]) => event.type.startsWith(prefix))?.[1];
  if (kind === undefined) return [];
  const entity =
    event.entity ?? (event.entityId?.startsWith('tr_') || kind === 'settlement' ? undefined : await fetchEntity(context, event));
  const providerId = event.entityId?.startsWith('tr_') || kind === 'settlement' ? event.entityId : textIn(entity, 'paymentId');
  if (providerId === undefined || (kind !== 'settlement' && !isPaymentId(providerId))) {
    context.log.warn('An event of Mollie’s names no payment', { type: event.type, event: event.id });
    return [];
  }
  const metadata = kind === 'payment' ? metadataIn(entity) : undefined;
  // A first payment that was made for its mandate alone, see mandates.ts.
  const mandate = markIn(metadata, MANDATE_MARK);
  const reference = markIn(metadata, PAYMENT_MARK) ?? mandate;
  return [
    {
      kind: mandate === undefined ? kind : 'mandate',
      type: event.type,
      providerId,
      ...(reference === undefined ? {} : { reference }),
      ...(event.occurredAt === undefined ? {} : { occurredAt: event.occurredAt }),
    },
  ];
}

function eventOf(value: object): MollieEvent | undefined {
  const id = textIn(value, 'id');
  const type = textIn(value, 'type');
  if (id === undefined || type === undefined) return undefined;
  const entity = '_embedded' in value && typeof value._embedded === 'object' && value._embedded ? entityIn(value._embedded) : undefined;
  const entityId = textIn(value, 'entityId') ?? textIn(entity, 'id');
  const mode = textIn(entity, 'mode');
  const occurredAt = instantOf(textIn(value, 'createdAt'));
  return {
    id,
    type,
    ...(entityId === undefined ? {} : { entityId }),
    ...(entity === undefined ? {} : { entity }),
    ...(mode === undefined ? {} : { mode }),
    ...(occurredAt === undefined ? {} : { occurredAt }),
  };
}

/** It has no event id: the hash of its bytes tells a second delivery from a second change. */
function bareEntity(value: object, body: Uint8Array): MollieEvent | undefined {
  const resource = textIn(value, 'resource');
  const entityId = textIn(value, 'id');
  if (resource === undefined || entityId === undefined) return undefined;
  const id = `${entityId}-${createHash('sha256').update(body).digest('hex')}`;
  const mode = textIn(value, 'mode');
  return {
    id,
    type: `${resource}.${textIn(value, 'status') ?? 'changed'}`,
    entityId,
    entity: value,
    ...(mode === undefined ? {} : { mode }),
  };
}

function entityIn(embedded: object): object | undefined {
  const entity = 'entity' in embedded ? embedded.entity : undefined;
  return typeof entity === 'object' && entity !== null ? entity : undefined;
}

function metadataIn(entity: object | undefined): unknown {
  return entity && 'metadata' in entity ? entity.metadata : undefined;
}

/** Without an organisation token events cannot be read; the classic post for the same change comes anyway. */
async function fetchEntity(context: Context<Settings>, { id }: MollieEvent): Promise<object | undefined> {
  if (context.settings.organizationToken === undefined) return undefined;
  const found = await askOrganization(context, 'read', { method: 'GET', path: `/events/${encodeURIComponent(id)}` });
  // Throwing keeps the delivery in the inbox to be read again.
  if (found.kind !== 'ok') throw new Error(`The event could not be looked up: ${found.kind === 'failed' ? found.message : found.kind}`);
  return typeof found.value === 'object' &&
    found.value &&
    '_embedded' in found.value &&
    typeof found.value._embedded === 'object' &&
    found.value._embedded
    ? entityIn(found.value._embedded)
    : undefined;
}
