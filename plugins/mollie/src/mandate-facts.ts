import { createHash } from 'node:crypto';
import { ok, type Context, type MandateFacts, type Outcome } from '@kassaflow/plugin-sdk';
import type { MollieClient } from '@mollie/api-client';
import { checkedId } from './ids.ts';
import { refusalOf } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { instantOf, textIn, type SeenMandate, type SeenPayment } from './seen.ts';

const KINDS: Readonly<Record<string, MandateFacts['kind']>> = { creditcard: 'card', directdebit: 'sepa-debit', paypal: 'account' };
const STATES: Readonly<Record<string, MandateFacts['state']>> = { valid: 'active', pending: 'pending', invalid: 'revoked' };

/** Turns a mandate of Mollie's into ours. An unknown word is `pending`: it is not charged, and nothing is thought revoked. */
export function mandateFacts(context: Context<Settings>, customer: string, mandate: SeenMandate): MandateFacts {
  const { id, status, method, details } = mandate;
  if (STATES[status] === undefined)
    context.log.warn('Mollie told a word that this plugin does not know', { word: `mandate status ${status}`, mandate: id });
  const validUntil = endOf(textIn(details, 'cardExpiryDate'));
  const state = validUntil !== undefined && validUntil < context.now().getTime() ? 'expired' : (STATES[status] ?? 'pending');
  const label = labelOf(details);
  const fingerprint = fingerprintOf(details);
  return {
    providerId: id,
    kind: KINDS[method] ?? 'account',
    state,
    customer,
    ...(label === undefined ? {} : { label }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(validUntil === undefined ? {} : { validUntil }),
  };
}

/** The mandate that a payment made or was made under; `undefined` while there is none. */
export async function mandateOf(context: Context<Settings>, mollie: MollieClient, payment: SeenPayment): Promise<MandateFacts | undefined> {
  const { customerId, sequenceType, status } = payment;
  if (!customerId) return undefined;
  // A charge is asked about its mandate only when it did not go well: that is when the mandate may be gone.
  const isAsked = sequenceType === 'first' ? ['paid', 'authorized'].includes(status) : sequenceType === 'recurring' && isInTrouble(payment);
  if (!isAsked) return undefined;
  const mandateId = payment.mandateId ?? (await newestMandate(mollie, customerId, payment.createdAt));
  return mandateId === undefined ? undefined : fetchMandate(context, mollie, customerId, mandateId);
}

/** One mandate; one that Mollie does not know any more is revoked. */
export async function fetchMandate(
  context: Context<Settings>,
  mollie: MollieClient,
  customerId: string,
  id: string,
): Promise<MandateFacts> {
  try {
    return mandateFacts(
      context,
      customerId,
      await mollie.customerMandates.get(checkedId('mandate', id), { customerId: checkedId('customer', customerId) }),
    );
  } catch (error) {
    if (!isGone(error)) throw error;
    return { providerId: id, kind: 'sepa-debit', state: 'revoked', customer: customerId };
  }
}

export async function revokeMandate(mollie: MollieClient, customerId: string, id: string, idempotencyKey: string): Promise<Outcome<true>> {
  try {
    await mollie.customerMandates.revoke(checkedId('mandate', id), { customerId: checkedId('customer', customerId), idempotencyKey });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return ok(true);
}

/** 404 and 410: it was revoked before, by us or by the customer. */
function isGone(error: unknown): boolean {
  const status = refusalOf(error)?.status;
  return status === 404 || status === 410;
}

function isInTrouble({ status, _embedded }: SeenPayment): boolean {
  return status === 'failed' || (_embedded?.chargebacks?.length ?? 0) > 0;
}

/** A first payment usually names its mandate; where it does not yet, the customer's newest since then is the one. */
async function newestMandate(mollie: MollieClient, customerId: string, since: string): Promise<string | undefined> {
  const from = instantOf(since) ?? 0;
  const mandates = await mollie.customerMandates.page({ customerId, limit: 50 });
  return mandates.find(({ createdAt }) => (instantOf(createdAt) ?? 0) >= from)?.id;
}

/** `Visa •••• 4242`, `NL•• INGB •••• 6789`. Mollie gives an IBAN whole, which never goes further. */
function labelOf(details: object | null | undefined): string | undefined {
  const card = textIn(details, 'cardNumber');
  if (card !== undefined) return `${textIn(details, 'cardLabel') ?? 'Card'} •••• ${card.slice(-4)}`;
  const account = textIn(details, 'consumerAccount')?.replaceAll(/\s/g, '');
  if (account === undefined) return undefined;
  return /^[A-Z]{2}\d{2}[A-Z]{4}\d{6,}$/.test(account)
    ? `${account.slice(0, 2)}•• ${account.slice(4, 8)} •••• ${account.slice(-4)}`
    : `•••• ${account.slice(-4)}`;
}

function fingerprintOf(details: object | null | undefined): string | undefined {
  const card = textIn(details, 'cardFingerprint');
  if (card !== undefined) return `card:${card}`;
  const account = textIn(details, 'consumerAccount')?.replaceAll(/\s/g, '');
  return account === undefined ? undefined : `account:${createHash('sha256').update(`kassaflow:${account}`).digest('hex')}`;
}

/** A card may be used on the last day of its month; Mollie names that day (`2028-03-31`). */
function endOf(day: string | undefined): number | undefined {
  const start = instantOf(day);
  return start === undefined ? undefined : start + 86_400_000 - 1;
}
