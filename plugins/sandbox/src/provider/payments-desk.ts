import { randomUUID } from 'node:crypto';
import { readAmount, writeAmount, type Amount } from './amount.ts';
import { onlyFields, Problem, text, webAddress, type Fields } from './problem.ts';
import type { Store } from './store.ts';
import type { WebhookSender } from './webhook-sender.ts';

/**
 * - `open`: the customer may still pay.
 * - `authorized`: money is reserved; a capture takes it.
 * - `paid`: money was taken. Refunds and chargebacks change amounts, never this word.
 * - `failed`, `cancelled`, `expired`: no money can come of it any more.
 */
export type PaymentState = 'open' | 'authorized' | 'paid' | 'failed' | 'cancelled' | 'expired';

export interface PaymentRow {
  readonly id: string;
  readonly account: string;
  readonly reference: string;
  readonly amount: number;
  readonly digits: number;
  readonly currency: string;
  readonly description: string;
  readonly return_url: string;
  readonly cancel_url: string;
  readonly webhook_url: string;
  readonly methods: string;
  readonly capture: 'automatic' | 'manual';
  readonly state: PaymentState;
  readonly method: string | null;
  readonly captured: number;
  readonly voided: number;
  readonly charged_back: number;
  readonly failure: string | null;
  readonly created_at: number;
  readonly expires_at: number;
  readonly refunded: number;
}

/** Ways of paying that the page offers. */
export const METHODS = { ideal: 'iDEAL', card: 'Card' } as const;
export type Method = keyof typeof METHODS;

const DAY_MS = 86_400_000;
const SELECT = 'select payment.*, (select coalesce(sum(amount), 0) from refund where refund.payment = payment.id) as refunded from payment';

/**
 * The payments of the pretend provider.
 *
 * open ──pay──▶ paid, or authorized when the capture is manual; authorized ──capture──▶ paid
 * open ──decline──▶ failed · open ──walk away or time──▶ expired · open or authorized ──cancel──▶ cancelled
 * Every change queues a webhook in the same transaction. The caller opens the transaction.
 */
export class PaymentsDesk {
  readonly #store: Store;
  readonly #webhooks: WebhookSender;

  constructor(store: Store, webhooks: WebhookSender) {
    this.#store = store;
    this.#webhooks = webhooks;
  }

  /** @throws Problem 400 for a field, 409 `reference_taken` */
  create(account: string, fields: Fields): PaymentRow {
    onlyFields(fields, 'reference', 'amount', 'description', 'return_url', 'cancel_url', 'webhook', 'methods', 'capture', 'expires_at');
    const amount = readAmount(fields['amount']);
    if (!amount || amount.minor === 0) throw new Problem(400, 'field_invalid', 'The amount must be money above zero.', 'amount');
    const reference = text(fields, 'reference', 200);
    if (this.findByReference(account, reference))
      throw new Problem(409, 'reference_taken', 'There is a payment with this reference.', 'reference');

    const returnUrl = webAddress(fields, 'return_url');
    const id = `sbx_${randomUUID()}`;
    this.#store.run(
      `insert into payment (id, account, reference, amount, digits, currency, description, return_url, cancel_url, webhook_url, methods, capture, state, created_at, expires_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)`,
      id,
      account,
      reference,
      amount.minor,
      amount.digits,
      amount.currency,
      text(fields, 'description', 500),
      returnUrl,
      fields['cancel_url'] === undefined ? returnUrl : webAddress(fields, 'cancel_url'),
      this.#registerWebhook(account, fields['webhook']),
      JSON.stringify(readMethods(fields['methods'])),
      fields['capture'] === 'manual' ? 'manual' : 'automatic',
      Date.now(),
      readExpiry(fields['expires_at']),
    );
    return this.get(id);
  }

  /** @throws Problem 404 `not_found` */
  get(id: string, account?: string): PaymentRow {
    const row = this.#store.one<PaymentRow>(`${SELECT} where id = ?`, id);
    if (!row || (account !== undefined && row.account !== account)) throw new Problem(404, 'not_found', 'There is no such payment.');
    return row;
  }

  findByReference(account: string, reference: string): PaymentRow | undefined {
    return this.#store.one<PaymentRow>(`${SELECT} where account = ? and reference = ?`, account, reference);
  }

  newest(limit: number): readonly PaymentRow[] {
    return this.#store.all<PaymentRow>(`${SELECT} order by created_at desc, rowid desc limit ?`, limit);
  }

  /** The customer pays. Paying twice, from a second tab, is refused. @throws Problem 409 */
  pay(id: string, method: Method): PaymentRow {
    const payment = this.#expect(id, 'open');
    const manual = payment.capture === 'manual';
    this.#store.run(
      'update payment set state = ?, method = ?, captured = ? where id = ?',
      manual ? 'authorized' : 'paid',
      method,
      manual ? 0 : payment.amount,
      id,
    );
    return this.#announce(id, manual ? 'payment.authorized' : 'payment.paid');
  }

  /** The bank says no. @throws Problem 409 */
  decline(id: string, method: Method, failure: string): PaymentRow {
    this.#expect(id, 'open');
    this.#store.run("update payment set state = 'failed', method = ?, failure = ? where id = ?", method, failure, id);
    return this.#announce(id, 'payment.failed');
  }

  /** @throws Problem 409 when the money was already taken or the payment is over */
  cancel(id: string): PaymentRow {
    const payment = this.#expect(id, 'open', 'authorized');
    const voided = payment.state === 'authorized' ? payment.amount : 0;
    this.#store.run("update payment set state = 'cancelled', voided = ? where id = ?", voided, id);
    return this.#announce(id, 'payment.cancelled');
  }

  /** Takes reserved money, once; the rest is released. @throws Problem 400, 409 */
  capture(id: string, value: unknown): PaymentRow {
    const payment = this.#expect(id, 'authorized');
    const amount = this.#partOf(payment, value, payment.amount);
    this.#store.run("update payment set state = 'paid', captured = ?, voided = ? where id = ?", amount, payment.amount - amount, id);
    return this.#announce(id, 'payment.paid');
  }

  /** Gives (part of) taken money back. @throws Problem 400, 409 */
  refund(id: string, reference: string, value: unknown): { readonly id: string; readonly state: 'done' } {
    const payment = this.#expect(id, 'paid');
    const amount = this.#partOf(payment, value, payment.captured - payment.refunded - payment.charged_back);
    const refund = `sbr_${randomUUID()}`;
    this.#store.run(
      'insert into refund (id, payment, reference, amount, created_at) values (?, ?, ?, ?, ?)',
      refund,
      id,
      reference,
      amount,
      Date.now(),
    );
    this.#announce(id, 'refund.done');
    return { id: refund, state: 'done' };
  }

  /** The customer's bank takes back what was not refunded. @throws Problem 409 */
  chargeBack(id: string): PaymentRow {
    const payment = this.#expect(id, 'paid');
    const open = payment.captured - payment.refunded - payment.charged_back;
    if (open <= 0) throw new Problem(409, 'nothing_left', 'All money of this payment went back already.');
    this.#store.run('update payment set charged_back = charged_back + ? where id = ?', open, id);
    return this.#announce(id, 'chargeback.created');
  }

  /** Ends the payments whose time is over, and tells how many. */
  expireDue(): number {
    const due = this.#store.all<{ id: string }>("select id from payment where state = 'open' and expires_at <= ? limit 500", Date.now());
    for (const { id } of due) {
      this.#store.run("update payment set state = 'expired' where id = ?", id);
      this.#announce(id, 'payment.expired');
    }
    return due.length;
  }

  #expect(id: string, ...states: readonly PaymentState[]): PaymentRow {
    const payment = this.get(id);
    if (!states.includes(payment.state))
      throw new Problem(409, 'state_conflict', `The payment is ${payment.state}, so this is not possible.`);
    return payment;
  }

  #partOf(payment: PaymentRow, value: unknown, available: number): number {
    const amount = readAmount(value);
    if (!amount || amount.minor === 0 || amount.currency !== payment.currency || amount.digits !== payment.digits) {
      throw new Problem(400, 'field_invalid', `The amount must be ${payment.currency} above zero.`, 'amount');
    }
    if (amount.minor > available)
      throw new Problem(409, 'amount_too_large', 'The amount is more than what is left of this payment.', 'amount');
    return amount.minor;
  }

  #announce(id: string, type: string): PaymentRow {
    const payment = this.get(id);
    this.#webhooks.enqueue({
      account: payment.account,
      url: payment.webhook_url,
      type,
      data: { payment: id, reference: payment.reference },
    });
    return payment;
  }

  /** Keeps the account's newest signing secrets and gives back where to send. */
  #registerWebhook(account: string, value: unknown): string {
    const fields: Fields = typeof value === 'object' && value !== null ? { ...value } : {};
    const secrets = fields['secrets'];
    if (!Array.isArray(secrets) || secrets.length > 5 || !secrets.every((secret) => typeof secret === 'string')) {
      throw new Problem(400, 'field_invalid', 'The field "webhook.secrets" must be a list of at most five texts.', 'webhook');
    }
    this.#store.run(
      'insert into account (id, webhook_secrets) values (?, ?) on conflict (id) do update set webhook_secrets = excluded.webhook_secrets',
      account,
      JSON.stringify(secrets),
    );
    return webAddress(fields, 'url');
  }
}

/** Where a person pays: the page is shown at the address at which the webhooks arrive, because the app passes `/sandbox` on. */
export function payPageOf(payment: PaymentRow): string {
  return new URL(`/sandbox/pay/${payment.id}`, payment.webhook_url).href;
}

/** A payment as the API shows it. */
export function showPayment(payment: PaymentRow): Readonly<Record<string, unknown>> {
  const money = (minor: number): { amount: string; currency: string } => writeAmount(amountOf(payment, minor));
  return {
    id: payment.id,
    reference: payment.reference,
    state: payment.state,
    amount: money(payment.amount),
    authorized: money(payment.capture === 'manual' && payment.method !== null && payment.state !== 'failed' ? payment.amount : 0),
    voided: money(payment.voided),
    captured: money(payment.captured),
    refunded: money(payment.refunded),
    charged_back: money(payment.charged_back),
    method: payment.method,
    failure: payment.failure,
    pay_url: payPageOf(payment),
    created_at: new Date(payment.created_at).toISOString(),
    expires_at: new Date(payment.expires_at).toISOString(),
  };
}

export function amountOf(payment: Pick<PaymentRow, 'digits' | 'currency'>, minor: number): Amount {
  return { minor, digits: payment.digits, currency: payment.currency };
}

/** The ways of paying that the customer may choose from; all that we know when none was asked for. */
export function methodsOf(payment: PaymentRow): readonly Method[] {
  const asked = JSON.parse(payment.methods) as string[];
  const known = asked.filter(isMethod);
  return known.length > 0 ? known : ['ideal', 'card'];
}

export function isMethod(value: unknown): value is Method {
  return typeof value === 'string' && Object.hasOwn(METHODS, value);
}

function readMethods(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((method): method is string => typeof method === 'string').slice(0, 20) : [];
}

function readExpiry(value: unknown): number {
  if (value === undefined) return Date.now() + DAY_MS;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new Problem(400, 'field_invalid', 'The field "expires_at" must be epoch milliseconds.', 'expires_at');
  }
  return value;
}
