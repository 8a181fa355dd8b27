/** Orders at PayPal: what we ask for, and how one is looked at. */
import {
  ok,
  type ChargeMandate,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type NextStep,
  type Outcome,
  type PaymentFacts,
  type PaymentFailure,
} from '@kassaflow/plugin-sdk';
import { toPaypal, type WireMoney } from './amounts.ts';
import { MERCHANT_INITIATED } from './assumptions.ts';
import { callPaypal, withAmounts } from './client.ts';
import { disputesOf } from './disputes.ts';
import { factsOf, type Seen } from './facts.ts';
import { isTaken, partsOf } from './order-parts.ts';
import { approvalEnds } from './holds.ts';
import type { Settings } from './settings.ts';
import { approvalLink, type Order } from './wire.ts';

/** `description` of a purchase unit. */
const LONGEST_DESCRIPTION = 127;
/** The locale's form at PayPal: `nl-NL`. */
const LOCALE = /^[a-z]{2}(-[A-Z]{2})?$/;

/** The body of an order that the payer approves. Depends on nothing but the payment: the same key must never travel with another body. */
export function orderOf(payment: CreatePayment): object {
  const { reference, amount, description, returnUrl, cancelUrl, customer, save } = payment;
  const locale = localeOf(customer?.locale);
  return {
    intent: payment.capture === 'manual' ? 'AUTHORIZE' : 'CAPTURE',
    purchase_units: [unitOf(reference, description, toPaypal(amount))],
    payment_source: {
      paypal: {
        ...(customer?.email === undefined ? {} : { email_address: customer.email }),
        experience_context: {
          return_url: returnUrl,
          cancel_url: cancelUrl ?? returnUrl,
          user_action: 'PAY_NOW',
          // Without it a payer may choose an eCheck, which takes days and can bounce.
          payment_method_preference: 'IMMEDIATE_PAYMENT_REQUIRED',
          shipping_preference: 'NO_SHIPPING',
          ...(locale === undefined ? {} : { locale }),
        },
        ...(save === true ? { attributes: savingOf(customer?.providerId) } : {}),
      },
    },
  };
}

/** The body of an order that a saved wallet pays at once, without the payer. */
export function chargeOf({ reference, mandate, amount, description, returnUrl }: ChargeMandate): object {
  return {
    intent: 'CAPTURE',
    purchase_units: [unitOf(reference, description, toPaypal(amount))],
    payment_source: {
      paypal: {
        vault_id: mandate,
        stored_credential: MERCHANT_INITIATED,
        experience_context: { return_url: returnUrl, cancel_url: returnUrl, shipping_preference: 'NO_SHIPPING' },
      },
    },
  };
}

/** Reads an order as it is. An approved order that is to be held is held first: see {@link hold}. */
export async function see(context: Context<Settings>, orderId: string): Promise<Outcome<Seen>> {
  const fetchStartedAt = context.now().getTime();
  const read = await callPaypal<Order>(context, 'read', { method: 'GET', path: orderPath(orderId) });
  if (read.kind !== 'ok') return read;
  const held = await hold(context, read.value);
  if (held.kind !== 'ok') return held;
  return completed(context, held.value.order, fetchStartedAt, held.value.failure);
}

/** Adds to an order what PayPal keeps elsewhere: its disputes. */
export async function completed(
  context: Context<Settings>,
  order: Order,
  fetchStartedAt: number,
  failure?: PaymentFailure,
): Promise<Outcome<Seen>> {
  const disputes = await disputesOf(context, partsOf(order).captures.filter(isTaken));
  if (disputes.kind !== 'ok') return disputes;
  return ok({ order, disputes: disputes.value, fetchStartedAt, ...(failure === undefined ? {} : { failure }) });
}

/** The facts of an order, by its id. */
export function fetchFacts(context: Context<Settings>, orderId: string): Promise<Outcome<PaymentFacts>> {
  return withAmounts('read', async () => {
    const seen = await see(context, orderId);
    return seen.kind === 'ok' ? ok(factsOf(context, seen.value), orderId) : seen;
  });
}

/** What `create`, `charge` and `find` answer. */
export async function createdOf(context: Context<Settings>, seen: Seen): Promise<Outcome<CreatedPayment>> {
  const { id = '' } = seen.order;
  return ok({ providerId: id, facts: factsOf(context, seen), next: nextOf(seen.order) }, id);
}

export function orderPath(orderId: string, verb?: 'capture' | 'authorize'): string {
  return `/v2/checkout/orders/${encodeURIComponent(orderId)}${verb === undefined ? '' : `/${verb}`}`;
}

/**
 * Holds the money of an approved order that was made for a later capture. PayPal does not do it by itself, and lets the payer's approval lapse
 * after three hours, so looking at such an order holds it: no money moves, the payer has agreed to it, and the key makes it happen once
 * however often it is looked at. What PayPal says no to is told as the payment's failure.
 */
async function hold(context: Context<Settings>, order: Order): Promise<Outcome<{ order: Order; failure?: PaymentFailure }>> {
  const { authorizations, isCancelled } = partsOf(order);
  const isWaiting = order.intent === 'AUTHORIZE' && order.status === 'APPROVED' && authorizations.length === 0 && !isCancelled;
  const ends = approvalEnds(context.settings, order);
  if (!isWaiting || (ends !== undefined && context.now().getTime() > ends)) return ok({ order });
  const { id = '' } = order;
  const key = `${id}:authorize`;
  const held = await callPaypal<Order>(context, 'read', {
    method: 'POST',
    path: orderPath(id, 'authorize'),
    body: {},
    key,
    operation: 'authorize',
  });
  if (held.kind === 'ok') return ok({ order: { ...order, ...held.value } });
  if (held.kind === 'declined') return ok({ order, failure: failureOf(held.code, held.message) });
  // Two looks at once: the other one holds it, and the next look will see it.
  if (held.kind === 'failed' && held.reason === 'permanent') {
    context.log.warn('An approved order could not be held', { order: id, code: held.code });
    return ok({ order });
  }
  return held;
}

function failureOf(code: string, message: string): PaymentFailure {
  const issue = /\(([A-Z_]+)\)/.exec(message)?.[1];
  // `declined` carries our word as its code.
  return { reason: code as PaymentFailure['reason'], retryable: true, ...(issue === undefined ? {} : { providerCode: issue }) };
}

/** `invoice_id` is what PayPal refuses a second time (`DUPLICATE_INVOICE_ID`): no two orders of one payment can both take money. */
function unitOf(reference: string, description: string, amount: WireMoney): object {
  return {
    reference_id: 'default',
    custom_id: reference,
    invoice_id: reference,
    description: shortened(description, LONGEST_DESCRIPTION) || reference,
    amount,
  };
}

function savingOf(customerId: string | undefined): object {
  return {
    ...(customerId === undefined ? {} : { customer: { id: customerId } }),
    vault: { store_in_vault: 'ON_SUCCESS', usage_type: 'MERCHANT', usage_pattern: 'THRESHOLD_POSTPAID' },
  };
}

function nextOf({ status, links }: Order): NextStep {
  const url = approvalLink(links);
  const isOpen = status === 'CREATED' || status === 'PAYER_ACTION_REQUIRED';
  return isOpen && url !== undefined ? { kind: 'redirect', url } : { kind: 'none' };
}

/** PayPal calls Norwegian `no`, whichever it is. */
export function localeOf(locale: string | undefined): string | undefined {
  const ours = locale?.replace('_', '-').replace(/^(nb|nn)(-NO)?$/, 'no-NO');
  return ours !== undefined && LOCALE.test(ours) ? ours : undefined;
}

/** One line, cut between characters and not within one. */
export function shortened(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  let kept = '';
  for (const character of line) {
    if (kept.length + character.length > most) break;
    kept += character;
  }
  return kept;
}
