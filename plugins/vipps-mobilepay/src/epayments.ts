import {
  failed,
  ok,
  unknown,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type Failed,
  type NextStep,
  type Outcome,
  type PaymentFacts,
  type RefundResult,
} from '@kassaflow/plugin-sdk';
import { KEY_LENGTH, keyOf, send, type Answer } from './client.ts';
import { creationOf } from './creation.ts';
import { noMoneyYet } from './no-money.ts';
import { mayBeDone, once } from './once.ts';
import { createdAt, eventOfKey, factsOfPayment, needsEvents } from './payment-facts.ts';
import { isApproved, type Settings } from './settings.ts';
import { listAt, momentAt, textAt, wholeAt } from './wire-values.ts';

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
  if (mayBeDone(context, sent)) return madeBefore(context, reference, { payment, expiresAt, refusal: sent });
  if (sent.kind !== 'ok') return sent;
  const next = nextOf(payment.flow, textAt(sent.value.body, 'redirectUrl'), expiresAt);
  if (!next) return unknown('Vipps MobilePay’s answer does not say where the customer goes.');
  const facts = noMoneyYet('CREATED', payment.amount.currency, { fetchStartedAt, started: true });
  return ok({ providerId: reference, facts, next }, reference);
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
  const changed = await once(
    context,
    () => modify(context, reference, 'capture', amount),
    () => isDoneUnderOurKey(context, reference, 'CAPTURED', amount),
  );
  return changed === 'done' ? afterwards(await fetchPayment(context, reference)) : changed;
}

/** Ends a payment that is not approved, and releases what is reserved of one that is. Nothing brings it back. */
export async function cancelPayment(context: Ctx, reference: string): Promise<Outcome<PaymentFacts>> {
  const changed = await modify(context, reference, 'cancel');
  if (changed.kind !== 'failed' || changed.reason !== 'permanent') return changed;
  const found = await fetchPayment(context, reference);
  // What was wanted is so when no money can come of it any more.
  if (found.kind === 'ok' && isOver(found.value)) return found;
  return changed.code === 'http-409' ? unknown('An earlier cancellation with this key may still be under way.') : changed;
}

export async function refundPayment(context: Ctx, reference: string, amount: Amount): Promise<Outcome<RefundResult>> {
  const changed = await once(
    context,
    () => modify(context, reference, 'refund', amount),
    () => isDoneUnderOurKey(context, reference, 'REFUNDED', amount),
  );
  if (changed !== 'done' && changed.kind !== 'ok') return changed;
  return ok({ providerId: keyOf(context.idempotencyKey, keyLength), state: 'done' }, changed === 'done' ? reference : changed.reference);
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
  // An event log that cannot be had leaves the totals.
  const facts = factsOfPayment({ payment, fetchStartedAt, ...(events?.kind === 'ok' ? { events: events.value } : {}) }, context.log);
  return facts ? ok({ payment, facts }) : failed('temporary', 'Vipps MobilePay’s answer about the payment has no amounts.');
}

async function eventsOf(context: Ctx, reference: string): Promise<Outcome<readonly unknown[]>> {
  const read = await get(context, `/epayment/v1/payments/${reference}/events`);
  return read.kind === 'ok' ? ok(listAt(read.value.body)) : read;
}

/** The event log keeps the key of each change. */
async function isDoneUnderOurKey(context: Ctx, reference: string, name: string, amount: Amount): Promise<Outcome<boolean>> {
  const events = await eventsOf(context, reference);
  if (events.kind !== 'ok') return events;
  const event = eventOfKey(events.value, name, keyOf(context.idempotencyKey, keyLength));
  return ok(wholeAt(event, 'amount', 'value') === amount.value && textAt(event, 'amount', 'currency') === amount.currency);
}

/** It was done: only the look at it failed, and saying "nothing happened" would be wrong. */
function afterwards(look: Outcome<PaymentFacts>): Outcome<PaymentFacts> {
  return look.kind === 'failed' ? unknown('The change was made, and looking at it failed.') : look;
}

function get(context: Ctx, path: string): Promise<Outcome<Answer>> {
  return send(context, { manner: 'read', method: 'GET', path });
}

async function madeBefore(
  context: Ctx,
  reference: string,
  { payment, expiresAt, refusal }: { readonly payment: CreatePayment; readonly expiresAt: number; readonly refusal: Failed },
): Promise<Outcome<CreatedPayment>> {
  const seen = await see(context, reference);
  // Refused, and not there: then the refusal is all there is, unless it says itself that the reference is taken.
  const isAbsent = seen.kind === 'failed' && seen.code === '5090';
  if (isAbsent && refusal.code !== '4150' && refusal.code !== 'http-409') return refusal;
  if (seen.kind !== 'ok') return unknown('A payment with this reference may exist already and could not be looked at.');
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
  const events = await eventsOf(context, reference);
  const madeAt = events.kind === 'ok' ? createdAt(events.value) : undefined;
  return madeAt === undefined ? { kind: 'none' } : { kind: 'push', expiresAt: momentAt(payment, 'expiresAt') ?? madeAt + LIFE_MS };
}

function isOpen({ ended, authorized }: PaymentFacts): boolean {
  return ended === undefined && authorized === 0;
}

function isOver({ ended, authorized, voided, captured }: PaymentFacts): boolean {
  return captured === 0 && (ended !== undefined || (authorized > 0 && voided >= authorized));
}
