import type { ProviderSignal, RawWebhook } from '@kassaflow/plugin-sdk';
import { MANDATE_MARK, markIn, PAYMENT_MARK } from './marks.ts';
import { permissionId } from './mandate-facts.ts';

/** The version of Stripe's API that the library speaks; a registered webhook speaks it too. */
export const API_VERSION = '2026-10-28.endive';

/** The beginning of an event's type → what it is about. Types that are not listed tell nothing that we use. */
const KINDS: readonly (readonly [prefix: string, kind: ProviderSignal['kind']])[] = [
  ['checkout.session.', 'payment'],
  ['payment_intent.', 'payment'],
  ['charge.dispute.', 'chargeback'],
  ['charge.refund', 'refund'],
  ['charge.', 'payment'],
  ['refund.', 'refund'],
  ['setup_intent.', 'mandate'],
  ['mandate.', 'mandate'],
  ['payment_method.', 'mandate'],
  ['payout.', 'settlement'],
];

/** Events that we ask Stripe to send when a webhook is registered. */
export const EVENTS = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'payment_intent.amount_capturable_updated',
  'payment_intent.canceled',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.requires_action',
  'payment_intent.succeeded',
  'charge.captured',
  'charge.expired',
  'charge.failed',
  'charge.refunded',
  'charge.succeeded',
  'charge.updated',
  'charge.dispute.closed',
  'charge.dispute.created',
  'charge.dispute.funds_reinstated',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.updated',
  'refund.created',
  'refund.failed',
  'refund.updated',
  'setup_intent.canceled',
  'setup_intent.setup_failed',
  'setup_intent.succeeded',
  'mandate.updated',
  'payment_method.automatically_updated',
  'payment_method.detached',
  'payout.failed',
  'payout.paid',
  'payout.reconciliation_completed',
] as const;

/** The fields of an event that no API version of Stripe has ever renamed; nothing else is read. */
export interface StripeEvent {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  readonly livemode: boolean;
  readonly object: Readonly<Record<string, unknown>>;
}

export function readEvent(delivery: RawWebhook): StripeEvent | undefined {
  try {
    const { id, type, created, livemode, data } = JSON.parse(Buffer.from(delivery.body).toString('utf8')) as Record<string, unknown>;
    const object = typeof data === 'object' && data !== null && 'object' in data ? data.object : undefined;
    if (
      typeof id === 'string' &&
      typeof type === 'string' &&
      typeof created === 'number' &&
      typeof livemode === 'boolean' &&
      typeof object === 'object' &&
      object !== null
    ) {
      return { id, type, created, livemode, object: { ...object } };
    }
  } catch {
    // Signed but unreadable: kept as evidence under its hash, and translated to nothing.
  }
  return undefined;
}

/** What an event is about; a session that sets up a permission is no payment. */
export function kindOf({ type, object }: StripeEvent): ProviderSignal['kind'] | undefined {
  const kind = KINDS.find(([prefix]) => type.startsWith(prefix))?.[1];
  return kind === 'payment' && object['mode'] === 'setup' ? 'mandate' : kind;
}

/**
 * Sessions, intents and payouts are named by themselves; charges, refunds and disputes by the payment intent to which they belong, because
 * `fetch` takes both; a change of a mandate by the id under which that permission is kept.
 */
export function providerIdOf({ type, object }: StripeEvent): string | undefined {
  if (type.startsWith('charge.') || type.startsWith('refund.')) return textOf(object['payment_intent']);
  const id = textOf(object['id']);
  if (!type.startsWith('mandate.')) return id;
  const details = object['payment_method_details'];
  const way = typeof details === 'object' && details !== null && 'type' in details ? textOf(details.type) : undefined;
  return way === undefined ? id : permissionId(way, id, textOf(object['payment_method']));
}

export function referenceOf({ object }: StripeEvent): string | undefined {
  const { metadata } = object;
  return markIn(metadata, PAYMENT_MARK) ?? markIn(metadata, MANDATE_MARK) ?? textOf(object['client_reference_id']);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
