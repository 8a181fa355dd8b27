import {
  declined,
  failed,
  ok,
  unknown,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type NextStep,
  type Outcome,
  type PaymentFacts,
  type PaymentMethod,
  type PaymentProvider,
  type RefundResult,
} from '@kassaflow/plugin-sdk';
import { read, write } from './client.ts';
import { factsOf, type SandboxPayment } from './facts.ts';
import type { Settings } from './settings.ts';
import { settlements } from './settlements.ts';
import { descriptionOf } from './text.ts';

const DAY_MS = 86_400_000;

export const payments: PaymentProvider<Settings> = {
  // The sandbox never forgets a key; thirty days is longer than any retry policy waits.
  keyTtlMs: 30 * DAY_MS,

  async create(context, payment) {
    if (payment.flow === 'hosted-fields' || payment.flow === 'tap')
      return failed('input', 'The sandbox has a page, a phone and codes; it has no fields and no terminal.', { field: 'flow' });
    const startedAt = context.now().getTime();
    return made(context, await write<SandboxPayment>(context, '/v1/payments', creation(context, payment)), startedAt);
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

  async methods(context, { amount, locale, recurring = false }) {
    const query = new URLSearchParams({ ...amount, ...(locale === undefined ? {} : { locale }) });
    const list = await read<{ readonly data: readonly SandboxMethod[] }>(context, `/v1/methods?${query.toString()}`);
    if (list.kind !== 'ok') return list;
    return ok(list.value.data.filter(({ saves }) => saves || !recurring).map(methodOf));
  },

  /** A refused charge is a payment too, with an id: `ok`, and its facts say `failed`. `declined` means that none was made. */
  async charge(context, { reference, mandate, amount, description, returnUrl, webhookUrl }) {
    const startedAt = context.now().getTime();
    const outcome = await write<SandboxPayment>(context, '/v1/charges', {
      reference,
      mandate,
      amount,
      description: descriptionOf(description, reference),
      return_url: returnUrl,
      webhook: { url: webhookUrl, secrets: context.settings.webhookSecrets },
    });
    if (outcome.kind !== 'failed') return made(context, outcome, startedAt);
    if (outcome.code === 'mandate_revoked') return declined('mandate-revoked', 'The customer has taken this mandate back.');
    if (outcome.code === 'mandate_expired') return declined('card-expired', 'The card of this mandate has expired.');
    const isWaiting = outcome.code === 'mandate_pending';
    return isWaiting ? failed('temporary', 'The customer has not approved this mandate yet.', { code: outcome.code }) : outcome;
  },

  settlements,
};

interface SandboxMethod {
  readonly id: string;
  readonly title: string;
  readonly flows: PaymentMethod['flows'];
  readonly most: number | null;
  readonly saves: boolean;
}

function methodOf({ id, title, flows, most, saves }: SandboxMethod): PaymentMethod {
  return {
    id: id === 'wallet' ? 'mobilepay' : id,
    title,
    flows,
    least: 1,
    ...(most === null ? {} : { most }),
    ...(saves ? { saves } : {}),
  };
}

/** The same for every attempt: the sandbox refuses a repeated key with another body. */
function creation(context: Context<Settings>, payment: CreatePayment): Readonly<Record<string, unknown>> {
  const { flow = 'redirect', customer, methods } = payment;
  return {
    reference: payment.reference,
    amount: payment.amount,
    description: descriptionOf(payment.description, payment.reference),
    return_url: payment.returnUrl,
    ...(payment.cancelUrl === undefined ? {} : { cancel_url: payment.cancelUrl }),
    webhook: { url: payment.webhookUrl, secrets: context.settings.webhookSecrets },
    ...(methods === undefined ? {} : { methods: methods.map((method) => (method === 'mobilepay' ? 'wallet' : method)) }),
    capture: payment.capture,
    ...(flow === 'redirect' ? {} : { flow }),
    ...(customer === undefined ? {} : { customer: customer.providerId ?? customer.reference }),
    ...(payment.save ? { save: true } : {}),
    ...(payment.expiresAt === undefined ? {} : { expires_at: payment.expiresAt }),
  };
}

/** A payment that was just asked for. To a repeated attempt the answer may be as old as the first one: then it is looked at again. */
async function made(context: Context<Settings>, outcome: Outcome<SandboxPayment>, startedAt: number): Promise<Outcome<CreatedPayment>> {
  if (outcome.kind !== 'ok' || context.attempt === 1) return created(context, outcome, startedAt);
  const lookedAt = context.now().getTime();
  const again = await read<SandboxPayment>(context, `/v1/payments/${encodeURIComponent(outcome.value.id)}`);
  return again.kind === 'ok' ? created(context, again, lookedAt) : unknown(`It was made, and looking at it failed: ${again.message}`);
}

function created(context: Context<Settings>, outcome: Outcome<SandboxPayment>, startedAt: number): Outcome<CreatedPayment> {
  if (outcome.kind !== 'ok') return outcome;
  const { id } = outcome.value;
  return ok({ providerId: id, facts: factsOf(context, outcome.value, startedAt), next: nextStep(outcome.value) }, id);
}

function nextStep({ state, flow, pay_url: url, expires_at: expires }: SandboxPayment): NextStep {
  if (state !== 'open') return { kind: 'none' };
  const expiresAt = Date.parse(expires);
  if (flow === 'push') return { kind: 'push', expiresAt };
  return flow === 'qr' ? { kind: 'qr', payload: url, expiresAt } : { kind: 'redirect', url };
}

function facts(context: Context<Settings>, outcome: Outcome<SandboxPayment>, startedAt: number): Outcome<PaymentFacts> {
  return outcome.kind === 'ok' ? ok(factsOf(context, outcome.value, startedAt), outcome.value.id) : outcome;
}
