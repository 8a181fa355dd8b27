import {
  failed,
  ok,
  unknown,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type NextStep,
  type Outcome,
  type PaymentFacts,
  type RefundResult,
} from '@kassaflow/plugin-sdk';
import { KEY_LENGTH, keyOf, send, type Answer } from './client.ts';
import { OVER_BEFORE, USED_BEFORE } from './codes.ts';
import { creationOf } from './creation.ts';
import { createdAt, eventOfKey, factsOfPayment, needsEvents } from './payment-facts.ts';
import { isApproved, type Settings } from './settings.ts';
import { listAt, textAt, wholeAt } from './wire-values.ts';

type Ctx = Context<Settings>;
type Amount = { readonly currency: string; readonly value: number };

/** How long a payment waits for its customer when nothing else was asked for. */
const LIFE_MS = 10 * 60_000;
const keyLength = KEY_LENGTH.epayment;

/**
 * Makes an ePayment. When the reference is taken, an earlier call of ours has made it: it is looked at, and is the answer if the
 * amount is the same.
 */
export async function createPayment(context: Ctx, payment: CreatePayment): Promise<Outcome<CreatedPayment>> {
  const creation = creationOf(payment, context.settings, context.mode);
  if ('kind' in creation) return creation;
  const { reference, body } = creation;
  const fetchStartedAt = context.now().getTime();
  const expiresAt =
    payment.expiresAt !== undefined && isApproved(context.settings, 'long-living') ? payment.expiresAt : fetchStartedAt + LIFE_MS;

  const sent = await send(context, { manner: 'write', method: 'POST', path: '/epayment/v1/payments', body, keyLength });
  if (sent.kind === 'failed' && USED_BEFORE.has(sent.code ?? ''))
    return madeBefore(context, reference, { payment, expiresAt, refusal: sent });
  if (sent.kind !== 'ok') return sent;
  const next = nextOf(payment.flow, textAt(sent.value.body, 'redirectUrl'), expiresAt);
  if (!next) return unknown('Vipps MobilePay’s answer does not say where the customer goes.');
  const { currency } = payment.amount;
  const facts = factsOfPayment({ payment: blank(currency), fetchStartedAt }, context.log);
  return facts
    ? ok({ providerId: reference, facts, next }, reference)
    : unknown('The payment was made and its facts could not be written down.');
}

/** Reads a payment, with its event log where that adds something. An event log that cannot be had leaves the totals. */
export async function fetchPayment(context: Ctx, reference: string): Promise<Outcome<PaymentFacts>> {
  const seen = await see(context, reference);
  return seen.kind === 'ok' ? ok(seen.value.facts, reference) : seen;
}

/** `undefined` only when the sales unit has no such payment (5090). */
export async function findPayment(context: Ctx, reference: string): Promise<Outcome<CreatedPayment | undefined>> {
  const seen = await see(context, reference);
  if (seen.kind === 'failed' && (seen.code === '5090' || seen.code === 'http-404')) return ok(undefined);
  if (seen.kind !== 'ok') return seen;
  const { payment, facts } = seen.value;
  return ok({ providerId: reference, facts, next: await nextOfFound(context, reference, payment) }, reference);
}

export async function capturePayment(context: Ctx, reference: string, amount: Amount): Promise<Outcome<PaymentFacts>> {
  const changed = await modify(context, reference, 'capture', amount);
  if (changed.kind !== 'failed' || !USED_BEFORE.has(changed.code ?? '')) return changed;
  // Done already: by this very call, whose answer was lost, or by somebody else. The event log keeps our key.
  const isOurs = await isDoneUnderOurKey(context, reference, 'CAPTURED', amount);
  return isOurs ? fetchPayment(context, reference) : changed;
}

/** Ends a payment that is not approved, and releases what is reserved of one that is. Nothing brings it back. */
export async function cancelPayment(context: Ctx, reference: string): Promise<Outcome<PaymentFacts>> {
  const changed = await modify(context, reference, 'cancel');
  if (changed.kind !== 'failed' || !OVER_BEFORE.has(changed.code ?? '')) return changed;
  const found = await fetchPayment(context, reference);
  // What was wanted is so when no money can come of it any more.
  return found.kind === 'ok' && isOver(found.value) ? found : changed;
}

export async function refundPayment(context: Ctx, reference: string, amount: Amount): Promise<Outcome<RefundResult>> {
  const changed = await modify(context, reference, 'refund', amount);
  const result: RefundResult = { providerId: keyOf(context.idempotencyKey, keyLength), state: 'done' };
  if (changed.kind === 'ok') return ok(result, changed.reference);
  if (changed.kind !== 'failed' || !USED_BEFORE.has(changed.code ?? '')) return changed;
  return (await isDoneUnderOurKey(context, reference, 'REFUNDED', amount)) ? ok(result, reference) : changed;
}

async function modify(
  context: Ctx,
  reference: string,
  change: 'capture' | 'cancel' | 'refund',
  amount?: Amount,
): Promise<Outcome<PaymentFacts>> {
  const fetchStartedAt = context.now().getTime();
  const sent = await send(context, {
    manner: 'write',
    method: 'POST',
    path: `/epayment/v1/payments/${reference}/${change}`,
    ...(amount === undefined ? {} : { body: { modificationAmount: amount } }),
    keyLength,
  });
  if (sent.kind !== 'ok') return sent;
  const facts = factsOfPayment({ payment: sent.value.body, fetchStartedAt }, context.log);
  // The answer to a change has no deadline and no refunds one by one; the totals are what the core believes.
  return facts ? ok(facts, textAt(sent.value.body, 'pspReference') ?? reference) : unknown('The change was answered without amounts.');
}

async function see(context: Ctx, reference: string): Promise<Outcome<{ readonly payment: unknown; readonly facts: PaymentFacts }>> {
  const fetchStartedAt = context.now().getTime();
  const read = await get(context, `/epayment/v1/payments/${reference}`);
  if (read.kind !== 'ok') return read;
  const payment = read.value.body;
  const events = needsEvents(payment) ? await eventsOf(context, reference) : undefined;
  const facts = factsOfPayment({ payment, fetchStartedAt, ...(events === undefined ? {} : { events }) }, context.log);
  return facts ? ok({ payment, facts }) : failed('temporary', 'Vipps MobilePay’s answer about the payment has no amounts.');
}

async function eventsOf(context: Ctx, reference: string): Promise<readonly unknown[] | undefined> {
  const read = await get(context, `/epayment/v1/payments/${reference}/events`);
  return read.kind === 'ok' ? listAt(read.value.body) : undefined;
}

async function isDoneUnderOurKey(context: Ctx, reference: string, name: string, amount: Amount): Promise<boolean> {
  const event = eventOfKey((await eventsOf(context, reference)) ?? [], name, keyOf(context.idempotencyKey, keyLength));
  return wholeAt(event, 'amount', 'value') === amount.value && textAt(event, 'amount', 'currency') === amount.currency;
}

function get(context: Ctx, path: string): Promise<Outcome<Answer>> {
  return send(context, { manner: 'read', method: 'GET', path });
}

async function madeBefore(
  context: Ctx,
  reference: string,
  { payment, expiresAt, refusal }: { readonly payment: CreatePayment; readonly expiresAt: number; readonly refusal: Outcome<never> },
): Promise<Outcome<CreatedPayment>> {
  const seen = await see(context, reference);
  // That it is taken is sure; what it is could not be seen. Nobody may call that a failure.
  if (seen.kind !== 'ok') return unknown('A payment with this reference exists already and could not be looked at.');
  const { payment: found, facts } = seen.value;
  const { currency, amount } = payment.amount;
  const isSame = textAt(found, 'amount', 'currency') === currency && wholeAt(found, 'amount', 'value') === Number(amount.replace('.', ''));
  if (!isSame) return refusal;
  const next = isOpen(facts) ? nextOf(payment.flow, textAt(found, 'redirectUrl'), expiresAt) : undefined;
  return ok({ providerId: reference, facts, next: next ?? { kind: 'none' } }, reference);
}

function nextOf(flow: CreatePayment['flow'], url: string | undefined, expiresAt: number): NextStep | undefined {
  if (flow === 'push') return { kind: 'push', expiresAt };
  if (url === undefined) return undefined;
  return flow === 'qr' ? { kind: 'qr', payload: url, expiresAt } : { kind: 'redirect', url };
}

/** A payment that waits and has no address was pushed to a phone. */
async function nextOfFound(context: Ctx, reference: string, payment: unknown): Promise<NextStep> {
  if (textAt(payment, 'state') !== 'CREATED') return { kind: 'none' };
  const url = textAt(payment, 'redirectUrl');
  if (url !== undefined) return { kind: 'redirect', url };
  const madeAt = createdAt((await eventsOf(context, reference)) ?? []);
  return madeAt === undefined ? { kind: 'none' } : { kind: 'push', expiresAt: momentOfEnd(payment) ?? madeAt + LIFE_MS };
}

function momentOfEnd(payment: unknown): number | undefined {
  const moment = Date.parse(textAt(payment, 'expiresAt') ?? '');
  return Number.isFinite(moment) ? moment : undefined;
}

function isOpen({ ended, authorized }: PaymentFacts): boolean {
  return ended === undefined && authorized === 0;
}

function isOver({ ended, authorized, voided, captured }: PaymentFacts): boolean {
  return captured === 0 && (ended !== undefined || (authorized > 0 && voided >= authorized));
}

/** A payment that was made this moment. */
function blank(currency: string): object {
  const nothing = { currency, value: 0 };
  return {
    state: 'CREATED',
    amount: nothing,
    aggregate: { authorizedAmount: nothing, cancelledAmount: nothing, capturedAmount: nothing, refundedAmount: nothing },
  };
}
