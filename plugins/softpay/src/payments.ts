import {
  failed,
  ok,
  unknown,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type Outcome,
  type PaymentProvider,
} from '@kassaflow/plugin-sdk';
import { callSoftpay } from './client.ts';
import { factsOf, nameOf, readName, toSoftpay, type Named } from './facts.ts';
import { KEPT_MS, requestFor, type Request } from './requests.ts';
import type { Settings } from './settings.ts';
import { APP_ID, LONGEST_REFERENCE, REQUEST_MS, STATES, type MadeRequest, type Transaction } from './wire.ts';

/** Payments by a card tapped on a phone. `providerId` is the request's id with the amount: see `Named`. */
export const payments: PaymentProvider<Settings> = {
  keyTtlMs: KEPT_MS,
  traits: { refundsAtTerminal: true },

  create,

  fetch: async (context, { providerId }) => {
    const named = readName(providerId);
    if (!named) return failed('permanent', 'That is no payment of Softpay’s.', { code: 'NO_SUCH_ID' });
    const fetchStartedAt = context.now().getTime();
    const found = await look(context, named.requestId);
    return found.kind === 'ok' ? ok(factsOf(context, named, found.value, fetchStartedAt), named.requestId) : found;
  },

  cancel: async (context, { providerId }) => {
    const before = await payments.fetch(context, { providerId });
    if (before.kind !== 'ok' || before.value.ended !== undefined) return before;
    if (before.value.captured > 0)
      return failed('permanent', 'The money was taken already; undo it by a refund.', { code: 'ALREADY_COMPLETED' });
    const asked = await undo(context, providerId);
    if (asked.kind !== 'ok') return asked;
    // Undoing takes its time at the phone; until then the facts say that it still runs.
    const after = await payments.fetch(context, { providerId });
    return after.kind === 'failed' ? unknown(`Cancelling was asked for, and looking at it failed: ${after.message}`) : after;
  },

  /** A refund needs the card again and is not linked to the sale; what can be undone without it is a whole sale of minutes ago. */
  refund: async (context, { providerId, amount }) => {
    const named = readName(providerId);
    const before = await payments.fetch(context, { providerId });
    if (before.kind !== 'ok') return before;
    const { captured, refunded, currency } = before.value;
    const cancellation = { providerId: `${named?.requestId ?? providerId}-cancellation` };
    if (refunded > 0) return ok({ ...cancellation, state: 'done' }, cancellation.providerId);
    if (captured === 0) return failed('permanent', 'Nothing was paid yet.', { code: 'NOT_PAID' });
    if (toSoftpay(amount) !== captured || amount.currency !== currency)
      return failed('permanent', 'Softpay undoes a sale as a whole or not at all; give back a part at the phone, with the card.', {
        code: 'WHOLE_ONLY',
      });
    const asked = await undo(context, providerId);
    return asked.kind === 'ok' ? ok({ ...cancellation, state: 'pending' }, cancellation.providerId) : asked;
  },

  methods: async (context, { amount }) => {
    const isPossible = toSoftpay(amount) !== undefined;
    const { appId } = context.settings;
    return ok(
      isPossible ? [{ id: 'card', title: appId === undefined ? 'Card on a phone' : `Card on phone ${appId}`, flows: ['tap'] }] : [],
    );
  },
};

async function create(context: Context<Settings>, payment: CreatePayment): Promise<Outcome<CreatedPayment>> {
  const amount = toSoftpay(payment.amount);
  const appId = payment.device ?? context.settings.appId;
  if (amount === undefined)
    return failed('input', `Softpay does not take ${payment.amount.amount} ${payment.amount.currency}.`, { field: 'amount' });
  if (payment.flow !== 'tap') return failed('input', 'Softpay takes cards that are tapped: ask for the flow "tap".', { field: 'flow' });
  if (payment.capture === 'manual') return failed('input', 'Softpay takes the money at once.', { field: 'capture' });
  if (appId === undefined || !new RegExp(APP_ID).test(appId))
    return failed('input', 'Name the phone by its app id, such as ABC1234567890.', { field: 'device' });
  if (payment.reference.length > LONGEST_REFERENCE)
    return failed('input', `Softpay takes references of up to ${LONGEST_REFERENCE} characters.`, { field: 'reference' });

  const request = await requestFor(context, () => askRequest(context));
  if (request.kind !== 'ok') return request;
  const named: Named = { requestId: request.value.requestId, amount, currency: payment.amount.currency };
  const fetchStartedAt = context.now().getTime();
  const body = { appId, amount, currencyCode: payment.amount.currency, posReferenceNumber: payment.reference };
  const begun = await callSoftpay<Transaction>(context, 'write', { method: 'PUT', path: pathOf(named.requestId), body });
  // A request can be used once: refused or unanswered, how it stands tells whether it was.
  const state = begun.kind === 'ok' ? begun : await afterDoubt(context, named.requestId, begun);
  if (state.kind !== 'ok') return state;
  const facts = factsOf(context, named, state.value, fetchStartedAt);
  return ok({ providerId: nameOf(named), facts, next: { kind: 'push', expiresAt: request.value.expiresAt } }, named.requestId);
}

/** Asks for a request id. By itself it does nothing, on no phone. */
async function askRequest(context: Context<Settings>): Promise<Outcome<Request>> {
  const made = await callSoftpay<MadeRequest>(context, 'write', { method: 'POST', path: '/transactions', body: { action: 'PAYMENT' } });
  if (made.kind !== 'ok') return made;
  const { requestId, expiresAt } = made.value ?? {};
  if (requestId === undefined || !/^[A-Za-z0-9-]{1,100}$/.test(requestId)) return unknown('Softpay made a request and did not say which.');
  const ends = Date.parse(expiresAt ?? '');
  return ok({ requestId, expiresAt: Number.isNaN(ends) ? context.now().getTime() + REQUEST_MS : ends });
}

async function afterDoubt(
  context: Context<Settings>,
  requestId: string,
  begun: Exclude<Outcome<Transaction>, { kind: 'ok' }>,
): Promise<Outcome<Transaction>> {
  if (begun.kind === 'failed' && begun.reason !== 'permanent') return begun;
  const found = await look(context, requestId);
  if (found.kind === 'ok' && found.value.state !== undefined && found.value.state !== STATES.notStarted) return found;
  if (begun.kind === 'failed') return begun;
  return unknown(`${begun.kind === 'unknown' ? begun.message : 'Softpay did not begin it.'} The request is ${requestId}.`);
}

function look(context: Context<Settings>, requestId: string): Promise<Outcome<Transaction>> {
  return callSoftpay<Transaction>(context, 'read', { method: 'GET', path: pathOf(requestId) });
}

/** Begins to undo a payment; the end of it shows in the payment's state. */
async function undo(context: Context<Settings>, providerId: string): Promise<Outcome<unknown>> {
  return callSoftpay(context, 'write', { method: 'DELETE', path: pathOf(readName(providerId)?.requestId ?? '') });
}

function pathOf(requestId: string): string {
  return `/transactions/${encodeURIComponent(requestId)}`;
}
