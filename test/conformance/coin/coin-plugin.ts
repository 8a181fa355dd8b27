/**
 * A small, correct payment plugin for a small provider, made of parts that a wrong variant replaces one at a time: see `wrong/`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  definePlugin,
  failed,
  minorOf,
  ok,
  unknown,
  type Context,
  type CreatedPayment,
  type CreatePayment,
  type From,
  type Money,
  type Outcome,
  type PaymentFacts,
  type PaymentProvider,
  type ProviderSignal,
  type RawWebhook,
  type Schema,
  type Verdict,
} from '@kassaflow/plugin-sdk';

export const HOST = 'api.coin.test';
const WINDOW_SECONDS = 300;

const settings = {
  type: 'object',
  required: ['apiKey'],
  properties: {
    apiKey: { type: 'string', title: 'API key', 'x-secret': true },
    webhookSecrets: { type: 'array', title: 'Webhook secrets', items: { type: 'string' }, 'x-secret': true },
  },
} as const satisfies Schema;

export type CoinSettings = From<typeof settings>;

/** A payment as the provider shows it. */
export interface Coin {
  readonly id: string;
  readonly state: string;
  readonly reference: string;
  readonly currency: string;
  readonly amount: number;
  readonly captured: number;
  readonly authorized: number;
  readonly voided: number;
  readonly refunded: number;
  readonly charged_back: number;
  readonly decline: string | null;
}

/** What the variants in `wrong/` replace. */
export interface CoinParts {
  readonly settings: Schema;
  keyOf(context: Context<CoinSettings>): string;
  minor(money: Money): number;
  factsOf(context: Context<CoinSettings>, coin: Coin, fetchStartedAt: number): PaymentFacts;
  send<T>(context: Context<CoinSettings>, method: string, path: string, body?: object): Promise<Outcome<T>>;
  /** What to ask for, in minor units; the provider refuses what is too much, and its answer is kept under the key. */
  refundable(context: Context<CoinSettings>, providerId: string, minor: number): Outcome<number> | Promise<Outcome<number>>;
  findable(coin: Coin): boolean;
  sameSignature(expected: string, given: string): boolean;
  isFresh(ageSeconds: number): boolean;
  beforeVerifying(delivery: RawWebhook): void;
  onSignal(delivery: RawWebhook): void;
}

export function coinPlugin(changed: Partial<CoinParts> = {}) {
  const parts: CoinParts = { ...RIGHT, ...changed };
  return definePlugin({
    id: 'coin',
    title: 'Coin',
    about: 'Takes coins.',
    version: '1.0.0',
    api: 1,
    hosts: [HOST],
    connection: {
      settings: parts.settings,
      async check(context: Context) {
        const given = context as Context<CoinSettings>; // the host has checked the settings
        if (given.settings.apiKey.startsWith('live_') !== (given.mode === 'live'))
          return { ok: false, message: 'The key is for the other mode.', field: 'apiKey' };
        const account = await parts.send<{ name: string }>(given, 'GET', '/v1/account');
        if (account.kind === 'ok') return { ok: true, account: account.value.name, mode: given.mode };
        const refused = account.kind === 'failed' && account.reason === 'auth';
        return { ok: false, message: account.message, ...(refused ? { field: 'apiKey' } : {}) };
      },
    },
    payments: paymentsOf(parts) as PaymentProvider, // the host gives the settings that the schema asks for
    webhook: {
      verify: (context: Context, delivery: RawWebhook) => verify(parts, context as Context<CoinSettings>, delivery),
      translate: (_context: Context, delivery: RawWebhook) => {
        parts.onSignal(delivery);
        return signalsOf(delivery);
      },
    },
  });
}

const RIGHT: CoinParts = {
  settings,
  keyOf: ({ idempotencyKey }) => idempotencyKey,
  minor: minorOf,
  factsOf,
  send: (context, method, path, body) => send(context, method, path, body),
  refundable: (_context, _providerId, minor) => ok(minor),
  findable: () => true,
  sameSignature: (expected, given) => given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected)),
  isFresh: (age) => Math.abs(age) <= WINDOW_SECONDS,
  beforeVerifying: () => undefined,
  onSignal: () => undefined,
};

/** One exchange, and what came of it. `key` is the idempotency key; the step's own unless told. */
export async function send<T>(
  context: Context<CoinSettings>,
  method: string,
  path: string,
  body?: object,
  key = context.idempotencyKey,
): Promise<Outcome<T>> {
  if (context.settings.apiKey.startsWith('live_') && context.mode === 'test')
    return failed('auth', 'The key is for the other mode.', { field: 'apiKey' });
  const broken = (message: string): Outcome<T> => (method === 'GET' ? failed('temporary', message) : unknown(message));
  try {
    const answer = await context.fetch(`https://${HOST}${path}`, {
      method,
      headers: { authorization: `Bearer ${context.settings.apiKey}`, 'content-type': 'application/json', 'idempotency-key': key },
      signal: context.signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status === 401) return failed('auth', 'Coin refuses this key.', { field: 'apiKey' });
    if (answer.status === 429)
      return failed('rate-limited', 'Coin asks to slow down.', { retryAfterMs: Number(answer.headers.get('retry-after')) * 1_000 });
    if (answer.status >= 500) return broken(`Coin answered ${answer.status}.`);
    if (!answer.ok) return failed('permanent', `Coin refused (${answer.status}).`);
    return ok((await answer.json()) as T);
  } catch {
    return broken('The line to Coin broke.');
  }
}

export function factsOf(context: Context<CoinSettings>, coin: Coin, fetchStartedAt: number): PaymentFacts {
  const known = ['open', 'authorized', 'paid', 'failed', 'cancelled', 'expired'].includes(coin.state);
  if (!known) context.log.warn('Coin uses a word for a payment’s state that is not known here', { state: coin.state });
  const { state } = coin;
  return {
    providerState: state,
    currency: coin.currency,
    started: state === 'authorized' || state === 'paid',
    ...(state === 'failed' || state === 'cancelled' || state === 'expired' ? { ended: state } : {}),
    authorized: coin.authorized,
    voided: coin.voided,
    captured: coin.captured,
    refunded: coin.refunded,
    refundPending: 0,
    chargedBack: coin.charged_back,
    fetchStartedAt,
    ...(coin.decline === null
      ? {}
      : { failure: { reason: coin.decline === 'no_funds' ? 'insufficient-funds' : 'other', providerCode: coin.decline, retryable: true } }),
  };
}

function paymentsOf(parts: CoinParts): PaymentProvider<CoinSettings> {
  const facts = (context: Context<CoinSettings>, outcome: Outcome<Coin>, at: number): Outcome<PaymentFacts> =>
    outcome.kind === 'ok' ? ok(parts.factsOf(context, outcome.value, at), outcome.value.id) : outcome;
  const created = (context: Context<CoinSettings>, coin: Coin, at: number): CreatedPayment => ({
    providerId: coin.id,
    facts: parts.factsOf(context, coin, at),
    next: { kind: 'redirect', url: `https://pay.coin.test/${coin.id}` },
  });
  const write = <T>(context: Context<CoinSettings>, path: string, body: object) =>
    parts.send<T>({ ...context, idempotencyKey: parts.keyOf(context) }, 'POST', path, body);
  return {
    keyTtlMs: 86_400_000,
    async create(context, payment) {
      const at = context.now().getTime();
      const made = await write<Coin>(context, '/v1/payments', creation(parts, payment));
      return made.kind === 'ok' ? ok(created(context, made.value, at), made.value.id) : made;
    },
    async fetch(context, { providerId }) {
      return facts(context, await parts.send<Coin>(context, 'GET', `/v1/payments/${providerId}`), context.now().getTime());
    },
    async find(context, { reference }) {
      const at = context.now().getTime();
      const list = await parts.send<readonly Coin[]>(context, 'GET', `/v1/payments?reference=${reference}`);
      if (list.kind !== 'ok') return list;
      const found = list.value.find((coin) => parts.findable(coin));
      return ok(found && created(context, found, at));
    },
    async capture(context, { providerId, amount }) {
      const at = context.now().getTime();
      return facts(context, await write(context, `/v1/payments/${providerId}/capture`, { amount: parts.minor(amount) }), at);
    },
    async cancel(context, { providerId }) {
      return facts(context, await write(context, `/v1/payments/${providerId}/cancel`, {}), context.now().getTime());
    },
    async refund(context, { providerId, reference, amount }) {
      const allowed = await parts.refundable(context, providerId, parts.minor(amount));
      if (allowed.kind !== 'ok') return allowed;
      const refund = await write<{ id: string }>(context, `/v1/payments/${providerId}/refunds`, { reference, amount: allowed.value });
      return refund.kind === 'ok' ? ok({ providerId: refund.value.id, state: 'done' }, refund.value.id) : refund;
    },
  };
}

function creation(parts: CoinParts, payment: CreatePayment): object {
  const { reference, amount, description, returnUrl, webhookUrl, capture } = payment;
  return {
    reference,
    amount: parts.minor(amount),
    currency: amount.currency,
    description,
    return_url: returnUrl,
    webhook_url: webhookUrl,
    capture,
  };
}

function verify(parts: CoinParts, { settings: { webhookSecrets = [] } }: Context<CoinSettings>, delivery: RawWebhook): Verdict {
  parts.beforeVerifying(delivery);
  const header = delivery.headers['coin-signature'];
  if (header === undefined) return { ok: false, reason: 'signature-missing' };
  const given = typeof header === 'string' ? /^t=(\d{1,10})((?:,v1=[0-9a-f]{64})+)$/.exec(header) : null;
  const [, seconds, list] = given ?? [];
  if (seconds === undefined || list === undefined) return { ok: false, reason: 'signature-format' };
  const right = webhookSecrets.some((secret) => {
    const expected = createHmac('sha256', secret).update(`${seconds}.`).update(delivery.body).digest('hex');
    return list.split(',v1=').some((one) => parts.sameSignature(expected, one));
  });
  if (!right) return { ok: false, reason: 'signature-mismatch' };
  const age = Math.floor(delivery.receivedAt / 1_000) - Number(seconds);
  if (!parts.isFresh(age)) return { ok: false, reason: age > 0 ? 'timestamp-old' : 'timestamp-future' };
  return { ok: true, eventId: eventOf(delivery)?.id ?? `unreadable-${seconds}` };
}

export function eventOf(
  delivery: RawWebhook,
): { readonly id: string; readonly type: string; readonly payment: string; readonly state?: string } | undefined {
  try {
    const { id, type, payment, state } = JSON.parse(Buffer.from(delivery.body).toString('utf8')) as Readonly<Record<string, unknown>>;
    if (typeof id === 'string' && typeof type === 'string' && typeof payment === 'string')
      return { id, type, payment, ...(typeof state === 'string' ? { state } : {}) };
  } catch {
    // Signed but unreadable: told of by nothing.
  }
  return undefined;
}

function signalsOf(delivery: RawWebhook): readonly ProviderSignal[] {
  const event = eventOf(delivery);
  return event?.type.startsWith('payment.') ? [{ kind: 'payment', type: event.type, providerId: event.payment }] : [];
}
