import {
  ok,
  type Context,
  type CreatedPayment,
  type MandateFacts,
  type NextStep,
  type Outcome,
  type PaymentFacts,
} from '@kassaflow/plugin-sdk';
import type { MollieClient } from '@mollie/api-client';
import { factsOf } from './facts.ts';
import { checkedId } from './ids.ts';
import { mandateOf } from './mandate-facts.ts';
import type { Settings } from './settings.ts';
import { instantOf, type SeenPayment } from './seen.ts';
import { SHORTEST_LIFE_MS } from './unverified.ts';
import type { Wire } from './wire.ts';

/** A payment as it stands, with when the question was sent. */
export interface Look {
  readonly payment: SeenPayment;
  readonly mandate?: MandateFacts | undefined;
  readonly fetchStartedAt: number;
}

/** One payment with its refunds and chargebacks: two lists that Mollie embeds whole. */
export async function look(context: Context<Settings>, mollie: MollieClient, id: string): Promise<Look> {
  const fetchStartedAt = context.now().getTime();
  // the library's type wants members of its enum where the wire has plain words
  const parts = { embed: ['refunds', 'chargebacks'] } as unknown as Parameters<typeof mollie.payments.get>[1];
  const payment: SeenPayment = await mollie.payments.get(checkedId('payment', id), parts);
  return { payment, mandate: await mandateOf(context, mollie, payment), fetchStartedAt };
}

export function factsFrom({ log }: Context<Settings>, { payment, mandate, fetchStartedAt }: Look): PaymentFacts {
  const strange = (word: string): void => log.warn('Mollie told a word that this plugin does not know', { word, payment: payment.id });
  return factsOf(payment, { fetchStartedAt, mandate, strange });
}

/** A payment that was just made, or found again: its facts and what the customer has to do. */
export function createdFrom(context: Context<Settings>, seen: Look, qr = false): Outcome<CreatedPayment> {
  const { payment } = seen;
  return ok({ providerId: payment.id, facts: factsFrom(context, seen), next: nextStep(payment, qr) }, payment.id);
}

/**
 * A payment that was just asked for. An answer out of Mollie's memory of keys is as old as the first attempt, and must not look newer
 * than what was fetched since: then the payment is looked at again.
 */
export async function createdNow(
  context: Context<Settings>,
  mollie: MollieClient,
  wire: Pick<Wire, 'isReplay'>,
  post: () => Promise<SeenPayment>,
  qr = false,
): Promise<Outcome<CreatedPayment>> {
  const fetchStartedAt = context.now().getTime();
  const payment = await post();
  return createdFrom(context, wire.isReplay ? await look(context, mollie, payment.id) : { payment, fetchStartedAt }, qr);
}

/** The link is opened with GET and may be opened again; it is gone once the payment is. */
function nextStep(payment: SeenPayment, qr: boolean): NextStep {
  const url = payment._links?.checkout?.href;
  if (url === undefined || payment.status !== 'open') return { kind: 'none' };
  if (!qr) return { kind: 'redirect', url };
  const expiresAt = instantOf(payment.expiresAt) ?? (instantOf(payment.createdAt) ?? 0) + SHORTEST_LIFE_MS;
  return { kind: 'qr', payload: url, expiresAt };
}
