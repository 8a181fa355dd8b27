import type { Context, ProviderSignal } from '@kassaflow/plugin-sdk';
import { asList, asRecord, asText, type PaypalEvent, type Resource } from './events.ts';
import { referenceOf } from './order-parts.ts';
import { orderOfCapture } from './reports.ts';
import type { Settings } from './settings.ts';

/** Where an event's payment is told. */
type Source = 'order' | 'part' | 'refund' | 'dispute' | 'token';

/**
 * The beginning of an event's type → what it is about and where its payment is told; the first that fits counts. Types that are not
 * listed tell nothing that we use. https://developer.paypal.com/api/rest/webhooks/event-names/
 */
const KINDS: readonly (readonly [prefix: string, kind: ProviderSignal['kind'], source: Source])[] = [
  ['CHECKOUT.ORDER.', 'payment', 'order'],
  ['CHECKOUT.PAYMENT-APPROVAL.', 'payment', 'order'],
  // Its resource is the refund and not the capture.
  ['PAYMENT.CAPTURE.REFUNDED', 'refund', 'refund'],
  ['PAYMENT.CAPTURE.REVERSED', 'chargeback', 'refund'],
  ['PAYMENT.CAPTURE.', 'payment', 'part'],
  ['PAYMENT.AUTHORIZATION.', 'payment', 'part'],
  ['PAYMENT.REFUND.', 'refund', 'refund'],
  ['CUSTOMER.DISPUTE.', 'chargeback', 'dispute'],
  ['VAULT.PAYMENT-TOKEN.', 'mandate', 'token'],
];

/** What to listen to at PayPal. */
export const EVENT_TYPES: readonly string[] = [
  'CHECKOUT.ORDER.APPROVED',
  'CHECKOUT.ORDER.COMPLETED',
  'CHECKOUT.PAYMENT-APPROVAL.REVERSED',
  'PAYMENT.AUTHORIZATION.CREATED',
  'PAYMENT.AUTHORIZATION.VOIDED',
  'PAYMENT.CAPTURE.COMPLETED',
  'PAYMENT.CAPTURE.DECLINED',
  'PAYMENT.CAPTURE.DENIED',
  'PAYMENT.CAPTURE.PENDING',
  'PAYMENT.CAPTURE.REFUNDED',
  'PAYMENT.CAPTURE.REVERSED',
  'PAYMENT.REFUND.PENDING',
  'PAYMENT.REFUND.FAILED',
  'CUSTOMER.DISPUTE.CREATED',
  'CUSTOMER.DISPUTE.UPDATED',
  'CUSTOMER.DISPUTE.RESOLVED',
  'VAULT.PAYMENT-TOKEN.CREATED',
  'VAULT.PAYMENT-TOKEN.DELETED',
  'VAULT.PAYMENT-TOKEN.DELETION-INITIATED',
];

interface Named {
  readonly providerId?: string;
  readonly reference?: string;
}

/** What an event says may have changed. @throws when PayPal has to be asked for the payment and does not answer: it is read again later */
export async function signalsOf(context: Context<Settings>, event: PaypalEvent): Promise<readonly ProviderSignal[]> {
  const found = KINDS.find(([prefix]) => event.type.startsWith(prefix));
  if (!found) return [];
  const [, kind, source] = found;
  const named = await namesOf(context, source, event.resource);
  return named.map((names) => ({
    kind,
    type: event.type,
    ...names,
    ...(event.occurredAt === undefined ? {} : { occurredAt: event.occurredAt }),
  }));
}

async function namesOf(context: Context<Settings>, source: Source, resource: Resource): Promise<readonly Named[]> {
  switch (source) {
    case 'order':
      return some(asText(resource.order_id) ?? asText(resource.id), asText(asRecord(asList(resource.purchase_units)[0])['custom_id']));
    case 'part': {
      const orderId = orderIdOf(resource);
      // Older captures do not tell their order; ours always carry our own id.
      return orderId === undefined ? byCapture(context, asText(resource.id)) : some(orderId, asText(resource.custom_id));
    }
    case 'refund':
      return byCapture(context, captureOf(resource) ?? asText(resource.id));
    case 'dispute': {
      const ids = asList(resource.disputed_transactions).map((one) => asText(asRecord(one)['seller_transaction_id']));
      return (await Promise.all(ids.map((id) => byCapture(context, id)))).flat();
    }
    case 'token':
      return some(asText(resource.id), undefined);
  }
}

/** Refunds and disputes name a capture, and a refund's `custom_id` is the refund's own: the capture knows its order and our payment. */
async function byCapture(context: Context<Settings>, captureId: string | undefined): Promise<readonly Named[]> {
  if (captureId === undefined) return [];
  const found = await orderOfCapture(context, captureId);
  if (found.kind !== 'ok') throw new Error(`The payment of this event could not be looked up: ${found.message}`);
  return some(found.value.orderId, found.value.customId);
}

function some(providerId: string | undefined, customId: string | undefined): readonly Named[] {
  const reference = referenceOf(customId);
  if (providerId === undefined && reference === undefined) return [];
  return [{ ...(providerId === undefined ? {} : { providerId }), ...(reference === undefined ? {} : { reference }) }];
}

function orderIdOf({ supplementary_data: more }: Resource): string | undefined {
  return asText(asRecord(asRecord(more)['related_ids'])['order_id']);
}

/** The capture of a refund: in its ids, or in the link `up`. */
function captureOf({ supplementary_data: more, links }: Resource): string | undefined {
  const related = asText(asRecord(asRecord(more)['related_ids'])['capture_id']);
  if (related !== undefined) return related;
  const up = asList(links)
    .map(asRecord)
    .find(({ rel }) => rel === 'up')?.['href'];
  return typeof up === 'string' ? /\/v2\/payments\/captures\/([A-Z0-9]{1,30})$/.exec(up)?.[1] : undefined;
}
