import {
  declined,
  failed,
  ok,
  unknown,
  type ChargeMandate,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type Declined,
  type Failed,
  type NextStep,
  type Outcome,
  type PaymentFacts,
} from '@kassaflow/plugin-sdk';
import { draft, openPricing, readAgreement, type Agreement } from './agreements.ts';
import { toVipps } from './amounts.ts';
import { factsOfCharge, factsOfUnmadeCharge } from './charge-facts.ts';
import { KEY_LENGTH, send, type Answer } from './client.ts';
import { noMoneyYet } from './no-money.ts';
import { chargeIdOf, isAgreementId, toVippsReference } from './references.ts';
import type { Settings } from './settings.ts';
import { lineOf } from './texts.ts';
import { EASTERNMOST_MARKET } from './unverified.ts';
import { textAt, wholeAt } from './wire-values.ts';

type Ctx = Context<Settings>;
type Amount = { readonly currency: string; readonly value: number };

/** A charge and the agreement without which it is not found. */
export interface ChargeId {
  readonly agreement: string;
  readonly charge: string;
}

const DAY_MS = 86_400_000;
const RETRY_DAYS = 2;

/**
 * Charges an agreement. It is looked at right before, because a customer may have stopped it in the app a moment ago. A refusal is
 * believed only when there is no such charge: the charge's id is ours and made once, so an earlier call whose answer was lost shows.
 */
export async function chargeAgreement(context: Ctx, charge: ChargeMandate): Promise<Outcome<CreatedPayment>> {
  const reference = toVippsReference(charge.reference);
  if (reference === undefined)
    return failed('input', 'A reference at Vipps MobilePay is letters, digits and single dashes.', { field: 'reference' });
  if (!isAgreementId(charge.mandate)) return failed('input', 'This is not the id of an agreement.', { field: 'mandate' });
  const amount = toVipps(charge.amount);
  const id = { agreement: charge.mandate, charge: reference };

  const agreement = await readAgreement(context, charge.mandate);
  if (agreement.kind !== 'ok') return agreement;
  const fetchStartedAt = context.now().getTime();
  const sent = refusalOf(agreement.value, amount) ?? (await request(context, id, charge, amount));
  if (isRefusal(sent)) return madeBefore(context, reference, amount, sent);
  if (sent.kind !== 'ok') return sent;
  // The answer is the charge's id: it is pending until its day.
  const facts = noMoneyYet('PENDING', amount.currency, { fetchStartedAt, started: true });
  const providerId = chargeIdOf(id.agreement, id.charge);
  return ok({ providerId, facts, next: { kind: 'none' } }, providerId);
}

/** Asks for a payment and for the permission to charge again in one approval: an agreement with a first charge. */
export async function createWithAgreement(context: Ctx, payment: CreatePayment): Promise<Outcome<CreatedPayment>> {
  const reference = toVippsReference(payment.reference);
  if (reference === undefined)
    return failed('input', 'A reference at Vipps MobilePay is letters, digits and single dashes.', { field: 'reference' });
  if ((payment.flow ?? 'redirect') !== 'redirect')
    return failed('input', 'An agreement is approved on a page or in the app that it opens.', { field: 'flow' });
  const amount = toVipps(payment.amount);
  const fetchStartedAt = context.now().getTime();
  const initialCharge = {
    amount: amount.value,
    description: chargeText(payment.description, reference),
    transactionType: payment.capture === 'manual' ? 'RESERVE_CAPTURE' : 'DIRECT_CAPTURE',
    orderId: reference,
  };
  const sent = await draft(
    context,
    { ...payment, externalId: externalIdOf(payment.reference) },
    openPricing(amount.currency),
    initialCharge,
  );
  if (isRefusal(sent)) return madeBefore(context, reference, amount, sent);
  if (sent.kind !== 'ok') return sent;
  const { agreement, url } = sent.value;
  const facts = factsOfUnmadeCharge({ providerId: agreement, kind: 'agreement', state: 'pending' }, amount.currency, fetchStartedAt);
  const providerId = chargeIdOf(agreement, sent.value.charge ?? reference);
  return ok({ providerId, facts, next: { kind: 'redirect', url } }, providerId);
}

/** The first charge of a payment that also asks for permission carries our payment id on the agreement, marked as a payment's. */
const PAYMENT_MARK = 'payment:';

function externalIdOf(reference: string): string {
  return `${PAYMENT_MARK}${reference}`;
}

/** Our payment id, when an agreement was made with a payment; `undefined` for an agreement of its own. */
export function paymentOfAgreement(externalId: string): string | undefined {
  return externalId.startsWith(PAYMENT_MARK) ? externalId.slice(PAYMENT_MARK.length) : undefined;
}

/** An agreement's first charge is read with the agreement: what the customer decides about one decides about both. */
export async function fetchCharge(context: Ctx, id: ChargeId): Promise<Outcome<PaymentFacts>> {
  const fetchStartedAt = context.now().getTime();
  const read = await send(context, { manner: 'read', method: 'GET', path: pathOf(id) });
  const isMissing = read.kind === 'failed' && read.code === 'http-404';
  if (read.kind !== 'ok' && !isMissing) return read;
  if (read.kind === 'ok' && textAt(read.value.body, 'type') !== 'INITIAL')
    return factsOr(context, { charge: read.value.body, fetchStartedAt });

  const agreement = await readAgreement(context, id.agreement);
  if (agreement.kind !== 'ok') return agreement;
  const { facts: mandate, currency } = agreement.value;
  if (read.kind === 'ok') return factsOr(context, { charge: read.value.body, mandate, fetchStartedAt });
  // An agreement in force whose charge is missing is no answer yet; nobody may call that an end.
  return mandate.state === 'active' ? read : ok(factsOfUnmadeCharge(mandate, currency, fetchStartedAt));
}

/** Looks for a charge by its id alone: the way for a lost answer, and not for daily use (https://developer.vippsmobilepay.com/api/recurring/). */
export async function findCharge(context: Ctx, charge: string): Promise<Outcome<CreatedPayment | undefined>> {
  const fetchStartedAt = context.now().getTime();
  const read = await send(context, { manner: 'read', method: 'GET', path: `/recurring/v3/charges/${charge}` });
  if (read.kind === 'failed' && read.code === 'http-404') return ok(undefined);
  if (read.kind !== 'ok') return read;
  const { body } = read.value;
  const agreementId = textAt(body, 'agreementId');
  if (agreementId === undefined) return failed('temporary', 'Vipps MobilePay’s answer does not say to which agreement the charge belongs.');
  const agreement = textAt(body, 'type') === 'INITIAL' ? await readAgreement(context, agreementId) : undefined;
  if (agreement && agreement.kind !== 'ok') return agreement;
  const facts = factsOr(context, { charge: body, fetchStartedAt, ...(agreement ? { mandate: agreement.value.facts } : {}) });
  if (facts.kind !== 'ok') return facts;
  const providerId = chargeIdOf(agreementId, charge);
  return ok({ providerId, facts: facts.value, next: nextOf(agreement?.value) }, providerId);
}

function request(context: Ctx, id: ChargeId, { dueOn, description }: ChargeMandate, amount: Amount): Promise<Outcome<Answer>> {
  return send(context, {
    manner: 'write',
    method: 'POST',
    path: `/recurring/v3/agreements/${id.agreement}/charges`,
    body: {
      amount: amount.value,
      transactionType: 'DIRECT_CAPTURE',
      type: 'RECURRING',
      description: chargeText(description, id.charge),
      due: dueOn ?? tomorrow(context.now()),
      retryDays: context.settings.chargeRetryDays ?? RETRY_DAYS,
      orderId: id.charge,
    },
    keyLength: KEY_LENGTH.recurring,
  });
}

/** A charge is due tomorrow at the earliest. A repeat on another day has another body; the charge's id keeps it from being a second one. */
function tomorrow(now: Date): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: EASTERNMOST_MARKET, dateStyle: 'short' }).format(new Date(now.getTime() + DAY_MS));
}

function refusalOf({ facts, currency }: Agreement, amount: Amount): Outcome<never> | undefined {
  if (facts.state === 'pending')
    return failed('permanent', 'The customer has not approved the agreement yet.', { code: 'agreement-pending' });
  if (facts.state !== 'active') return declined('mandate-revoked', `The agreement is ${facts.state}.`);
  if (currency !== amount.currency)
    return failed('input', `The agreement is in ${currency}.`, { field: 'amount', code: 'agreement-currency' });
  return undefined;
}

/** A no that an earlier call of ours may have caused. */
function isRefusal(outcome: Outcome<unknown>): outcome is Declined | Failed {
  return outcome.kind === 'declined' || (outcome.kind === 'failed' && (outcome.reason === 'permanent' || outcome.reason === 'input'));
}

/** A charge's id is ours and unique, so one that is there was made by us; it is the answer when the amount is the same. */
async function madeBefore(context: Ctx, reference: string, amount: Amount, refusal: Declined | Failed): Promise<Outcome<CreatedPayment>> {
  const read = await send(context, { manner: 'read', method: 'GET', path: `/recurring/v3/charges/${reference}` });
  const isConflict = refusal.kind === 'failed' && refusal.code === 'http-409';
  if (read.kind === 'failed' && read.code === 'http-404')
    return isConflict ? unknown('An earlier call with this key may still be under way.') : refusal;
  if (read.kind !== 'ok') return unknown('The charge was refused, and whether an earlier call had made it could not be seen.');
  if (wholeAt(read.value.body, 'amount') !== amount.value) return refusal;
  const found = await findCharge(context, reference);
  return found.kind === 'ok' && found.value ? ok(found.value, found.reference) : unknown('The charge exists and could not be read.');
}

function factsOr(context: Ctx, seen: Parameters<typeof factsOfCharge>[0]): Outcome<PaymentFacts> {
  const facts = factsOfCharge(seen, context.log);
  return facts ? ok(facts) : failed('temporary', 'Vipps MobilePay’s answer about the charge has no amounts.');
}

function nextOf(agreement: Agreement | undefined): NextStep {
  return agreement?.facts.state === 'pending' && agreement.url !== undefined ? { kind: 'redirect', url: agreement.url } : { kind: 'none' };
}

/** What the customer reads in the app: at most 45 characters. */
export function chargeText(text: string, otherwise: string): string {
  return lineOf(text, { least: 1, most: 45, otherwise });
}

export function pathOf({ agreement, charge }: ChargeId): string {
  return `/recurring/v3/agreements/${agreement}/charges/${charge}`;
}
