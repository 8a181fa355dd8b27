import { minorOf, type Context, type Money, type PaymentFacts, type PaymentFailure } from '@kassaflow/plugin-sdk';
import { RESPONSE_CODES } from './declines.ts';
import type { Settings } from './settings.ts';
import { APPROVED_CODES, CURRENCIES, STATES, type Transaction } from './wire.ts';

/** What a payment's id tells: Softpay does not surely repeat the amount when it is asked, so the id carries it: `<request id>.12500DKK`. */
export interface Named {
  readonly requestId: string;
  readonly amount: number;
  readonly currency: string;
}

const NAME = /^([A-Za-z0-9-]{1,100})\.(\d{1,15})([A-Z]{3})$/;
const WORDS: ReadonlySet<string> = new Set(Object.values(STATES));

export function nameOf({ requestId, amount, currency }: Named): string {
  return `${requestId}.${amount}${currency}`;
}

/** `undefined` for an id that this plugin has not made. */
export function readName(providerId: string): Named | undefined {
  const [, requestId, amount, currency] = NAME.exec(providerId) ?? [];
  return requestId === undefined || currency === undefined ? undefined : { requestId, amount: Number(amount), currency };
}

/** Whole minor units, or `undefined` for what Softpay does not take. */
export function toSoftpay(money: Money): number | undefined {
  const minor = minorOf(money);
  return minor > 0 && CURRENCIES.has(money.currency) ? minor : undefined;
}

/** Turns what Softpay tells of one transaction into amounts. */
export function factsOf({ log }: Context<Settings>, named: Named, transaction: Transaction, fetchStartedAt: number): PaymentFacts {
  const { state = 'unknown', responseCode } = transaction;
  if (!WORDS.has(state)) log.warn('Softpay used a word that this plugin does not know', { request: named.requestId, state });
  // What Softpay repeats counts more than what we asked for.
  const amount = Number.isSafeInteger(transaction.amount) ? (transaction.amount ?? 0) : named.amount;
  // One that was undone after the bank had approved it was money, and went back as a whole.
  const wasUndone = state === STATES.undone && APPROVED_CODES.has(responseCode ?? '');
  const captured = state === STATES.done || wasUndone ? amount : 0;
  const failure = failureOf(state, responseCode);
  return {
    providerState: state,
    currency: transaction.currencyCode ?? named.currency,
    started: state !== STATES.notStarted,
    ...(failure ? { ended: 'failed' as const, failure } : {}),
    ...(state === STATES.undone && !wasUndone ? { ended: 'cancelled' as const } : {}),
    authorized: 0,
    voided: 0,
    captured,
    refunded: wasUndone ? amount : 0,
    refundPending: 0,
    chargedBack: 0,
    fetchStartedAt,
    method: 'card',
  };
}

function failureOf(state: string, responseCode: string | undefined): PaymentFailure | undefined {
  if (state !== STATES.refused && state !== STATES.broken) return undefined;
  const fallback = state === STATES.refused ? (['card-declined', true] as const) : (['technical', true] as const);
  const [reason, retryable] = RESPONSE_CODES[responseCode ?? ''] ?? fallback;
  return { reason, retryable, providerCode: responseCode ?? state };
}
