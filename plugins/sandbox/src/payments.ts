import {
  minorOf,
  ok,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type Money,
  type Outcome,
  type PaymentFacts,
  type PaymentProvider,
  type RefundResult,
} from '@kassaflow/plugin-sdk';
import { read, write } from './client.ts';
import type { Settings } from './settings.ts';

/** A payment as the sandbox's API shows it. */
interface SandboxPayment {
  readonly id: string;
  readonly state: 'open' | 'authorized' | 'paid' | 'failed' | 'cancelled' | 'expired';
  readonly amount: Money;
  readonly authorized: Money;
  readonly voided: Money;
  readonly captured: Money;
  readonly refunded: Money;
  readonly charged_back: Money;
  readonly method: string | null;
  readonly failure: string | null;
  readonly pay_url: string;
}

const DAY_MS = 86_400_000;
/** The sandbox takes no longer description. */
const DESCRIPTION_LENGTH = 500;
const STATES: readonly string[] = ['open', 'authorized', 'paid', 'failed', 'cancelled', 'expired'];

export const payments: PaymentProvider<Settings> = {
  // The sandbox never forgets a key; thirty days is longer than any retry policy waits.
  keyTtlMs: 30 * DAY_MS,

  async create(context, payment) {
    const startedAt = context.now().getTime();
    return created(context, await write<SandboxPayment>(context, '/v1/payments', creation(context, payment)), startedAt);
  },

  async fetch(context, { providerId }) {
    const startedAt = context.now().getTime();
    return facts(context, await read<SandboxPayment>(context, `/v1/payments/${encodeURIComponent(providerId)}`), startedAt);
  },

  async find(context, { reference }) {
    const startedAt = context.now().getTime();
    const list = await read<{ readonly data: readonly SandboxPayment[] }>(
      context,
      `/v1/payments?reference=${encodeURIComponent(reference)}`,
    );
    if (list.kind !== 'ok') return list;
    const found = list.value.data[0];
    return found ? created(context, ok(found), startedAt) : ok(undefined);
  },

  async capture(context, { providerId, amount }) {
    const startedAt = context.now().getTime();
    return facts(
      context,
      await write<SandboxPayment>(context, `/v1/payments/${encodeURIComponent(providerId)}/capture`, { amount }),
      startedAt,
    );
  },

  async cancel(context, { providerId }) {
    const startedAt = context.now().getTime();
    return facts(context, await write<SandboxPayment>(context, `/v1/payments/${encodeURIComponent(providerId)}/cancel`, {}), startedAt);
  },

  async refund(context, { providerId, reference, amount }) {
    const refund = await write<{ readonly id: string; readonly state: RefundResult['state'] }>(
      context,
      `/v1/payments/${encodeURIComponent(providerId)}/refunds`,
      { reference, amount },
    );
    return refund.kind === 'ok' ? ok({ providerId: refund.value.id, state: refund.value.state }, refund.value.id) : refund;
  },
};

/** The same for every attempt: the sandbox refuses a repeated key with another body. */
function creation(context: Context<Settings>, payment: CreatePayment): Readonly<Record<string, unknown>> {
  return {
    reference: payment.reference,
    amount: payment.amount,
    description: shortened(payment.description) || payment.reference,
    return_url: payment.returnUrl,
    ...(payment.cancelUrl === undefined ? {} : { cancel_url: payment.cancelUrl }),
    webhook: { url: payment.webhookUrl, secrets: context.settings.webhookSecrets },
    ...(payment.methods === undefined ? {} : { methods: payment.methods }),
    capture: payment.capture,
    ...(payment.expiresAt === undefined ? {} : { expires_at: payment.expiresAt }),
  };
}

/** Never cut in the middle of a character that takes two places. */
function shortened(description: string): string {
  return description.slice(0, DESCRIPTION_LENGTH).replace(/[\uD800-\uDBFF]$/, '');
}

function created(context: Context<Settings>, outcome: Outcome<SandboxPayment>, startedAt: number): Outcome<CreatedPayment> {
  if (outcome.kind !== 'ok') return outcome;
  const { id, state, pay_url: url } = outcome.value;
  return ok(
    {
      providerId: id,
      facts: factsOf(context, outcome.value, startedAt),
      next: state === 'open' ? { kind: 'redirect', url } : { kind: 'none' },
    },
    id,
  );
}

function facts(context: Context<Settings>, outcome: Outcome<SandboxPayment>, startedAt: number): Outcome<PaymentFacts> {
  return outcome.kind === 'ok' ? ok(factsOf(context, outcome.value, startedAt), outcome.value.id) : outcome;
}

function factsOf(context: Context<Settings>, payment: SandboxPayment, fetchStartedAt: number): PaymentFacts {
  const { state } = payment;
  if (!STATES.includes(state)) context.log.warn('The sandbox uses a word for a payment’s state that is not known here', { state });
  return {
    providerState: state,
    currency: payment.amount.currency,
    started: state === 'authorized' || state === 'paid',
    ...(state === 'failed' || state === 'cancelled' || state === 'expired' ? { ended: state } : {}),
    authorized: minorOf(payment.authorized),
    voided: minorOf(payment.voided),
    captured: minorOf(payment.captured),
    refunded: minorOf(payment.refunded),
    refundPending: 0,
    chargedBack: minorOf(payment.charged_back),
    fetchStartedAt,
    ...(payment.method === null ? {} : { method: payment.method }),
    ...(payment.failure === null ? {} : { failure: { reason: 'card-declined', providerCode: payment.failure, retryable: true } }),
  };
}
