import { randomUUID } from 'node:crypto';
import { readAmount, type Amount } from './amount.ts';
import { feeFor, type Ledger } from './ledger.ts';
import { fateOf } from './magic.ts';
import { customerId, type MandatesDesk } from './mandates-desk.ts';
import { amountOf, bookingOf, partOf } from './payment-amounts.ts';
import { FLOWS, type Flow, type Method, type PaymentRow, type PaymentState } from './payment-row.ts';
import { onlyFields, Problem, text, webAddress, type Fields } from './problem.ts';
import type { Store } from './store.ts';
import type { WebhookSender } from './webhook-sender.ts';

const DAY_MS = 86_400_000;
/** How long a reserved amount is held. */
const HOLD_MS = 7 * DAY_MS;
/** How long a debit is under way: days at a bank, three seconds here. */
const DEBIT_MS = 3_000;
const SELECT = `select payment.*,
  (select coalesce(sum(amount), 0) from refund where refund.payment = payment.id and refund.state <> 'failed') as refunded from payment`;

/**
 * The payments of the pretend provider.
 *
 * open ──pay──▶ paid; authorized when the capture is manual; pending for a direct debit
 * pending ──three seconds──▶ paid, or failed for a magic amount · authorized ──capture──▶ paid ──seven days──▶ expired
 * open ──decline──▶ failed · open ──walk away or time──▶ expired · open or authorized ──cancel──▶ cancelled
 * A charge under a mandate is made without a page: paid, pending or failed at once; open where the bank wants its customer.
 * Every change queues a webhook in the same transaction. The caller opens the transaction.
 */
export class PaymentsDesk {
  readonly #store: Store;
  readonly #webhooks: WebhookSender;
  readonly #mandates: MandatesDesk;
  readonly #ledger: Ledger;
  /** A debit that the bank gives back as soon as it came: a magic amount. */
  givenBack: (id: string) => void = () => undefined;

  constructor(store: Store, webhooks: WebhookSender, mandates: MandatesDesk, ledger: Ledger) {
    this.#store = store;
    this.#webhooks = webhooks;
    this.#mandates = mandates;
    this.#ledger = ledger;
  }

  /** @throws Problem 400 for a field, 409 `reference_taken` */
  create(account: string, fields: Fields): PaymentRow {
    onlyFields(fields, ...COMMON_FIELDS, 'cancel_url', 'methods', 'capture', 'flow', 'customer', 'save', 'expires_at');
    const customer = fields['customer'] === undefined ? null : customerId(account, text(fields, 'customer', 200));
    const saves = fields['save'] === true;
    if (saves && customer === null) throw new Problem(400, 'field_missing', 'A payment that is remembered names its customer.', 'customer');
    const returnUrl = webAddress(fields, 'return_url');
    return this.#write(account, fields, {
      cancel_url: fields['cancel_url'] === undefined ? returnUrl : webAddress(fields, 'cancel_url'),
      methods: JSON.stringify(readMethods(fields['methods'])),
      capture: fields['capture'] === 'manual' ? 'manual' : 'automatic',
      flow: readFlow(fields['flow']),
      customer,
      saves: saves ? 1 : 0,
      mandate: null,
      expires_at: readExpiry(fields['expires_at']),
    });
  }

  /** Charges a mandate, without the customer. @throws Problem 400 for a field, 404, 409 `mandate_revoked`, `reference_taken` */
  charge(account: string, fields: Fields): PaymentRow {
    onlyFields(fields, ...COMMON_FIELDS, 'mandate');
    const mandate = this.#mandates.chargeable(text(fields, 'mandate', 100), account);
    const method = this.#mandates.methodOf(mandate);
    const { id } = this.#write(account, fields, {
      cancel_url: webAddress(fields, 'return_url'),
      methods: JSON.stringify([method]),
      capture: 'automatic',
      flow: 'redirect',
      customer: mandate.customer,
      saves: 0,
      mandate: mandate.id,
      expires_at: Date.now() + HOLD_MS,
    });
    const payment = this.get(id);
    const { refused, wantsCustomer } = fateOf(amountOf(payment, payment.amount));
    if (wantsCustomer && method === 'card') {
      this.#store.run("update payment set failure = 'authentication_required', method = ? where id = ?", method, id);
      return this.announce(id, 'payment.wants-customer');
    }
    // A bank says no to a debit days later, and to a card at once.
    if (refused !== undefined && method !== 'sepa-debit') return this.#fail(id, method, refused);
    return this.#take(payment, method);
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
    const payment = this.expect(id, 'open');
    const { refused } = fateOf(amountOf(payment, payment.amount));
    if (refused !== undefined && method !== 'sepa-debit') return this.#fail(id, method, refused);
    return this.#take(payment, method);
  }

  /** The bank says no. @throws Problem 409 */
  decline(id: string, method: Method, failure: string): PaymentRow {
    this.expect(id, 'open');
    return this.#fail(id, method, failure);
  }

  /** @throws Problem 409 when the money was already taken or the payment is over */
  cancel(id: string): PaymentRow {
    const payment = this.expect(id, 'open', 'authorized');
    const voided = payment.state === 'authorized' ? payment.amount : 0;
    this.#store.run("update payment set state = 'cancelled', voided = ?, due_at = null where id = ?", voided, id);
    return this.announce(id, 'payment.cancelled');
  }

  /** Takes reserved money, once; the rest is released. @throws Problem 400, 409 */
  capture(id: string, value: unknown): PaymentRow {
    const payment = this.expect(id, 'authorized');
    const amount = partOf(payment, value, payment.amount);
    this.#store.run('update payment set voided = ?, due_at = null where id = ?', payment.amount - amount, id);
    this.#receive(payment, amount);
    return this.announce(id, 'payment.paid');
  }

  /** Does what is due by now: payments and holds whose time is over, debits that come or bounce. Tells how many. */
  runDue(): number {
    const due = this.#store.all<Pick<PaymentRow, 'id' | 'state'>>(
      `select id, state from payment
       where (state = 'open' and expires_at <= ?1) or (state in ('pending', 'authorized') and due_at <= ?1) limit 500`,
      Date.now(),
    );
    for (const { id, state } of due) {
      if (state === 'pending') this.#debit(this.get(id));
      else this.#expire(this.get(id));
    }
    return due.length;
  }

  /** @throws Problem 409 `state_conflict` */
  expect(id: string, ...states: readonly PaymentState[]): PaymentRow {
    const payment = this.get(id);
    if (!states.includes(payment.state))
      throw new Problem(409, 'state_conflict', `The payment is ${payment.state}, so this is not possible.`);
    return payment;
  }

  announce(id: string, type: string): PaymentRow {
    const payment = this.get(id);
    const { account, webhook_url: url, reference } = payment;
    this.#webhooks.enqueue({ account, url, type, data: { payment: id, reference } });
    return payment;
  }

  #take(payment: PaymentRow, method: Method): PaymentRow {
    const { id } = payment;
    const now = Date.now();
    const mandate = payment.saves === 1 ? this.#mandates.leave(payment, method).id : payment.mandate;
    this.#store.run('update payment set method = ?, mandate = ?, failure = null where id = ?', method, mandate, id);
    if (method === 'sepa-debit') {
      this.#store.run("update payment set state = 'pending', due_at = ? where id = ?", now + DEBIT_MS, id);
      return this.announce(id, 'payment.pending');
    }
    if (payment.capture === 'manual') {
      this.#store.run("update payment set state = 'authorized', paid_at = ?, due_at = ? where id = ?", now, now + HOLD_MS, id);
      return this.announce(id, 'payment.authorized');
    }
    this.#receive(payment, payment.amount);
    return this.announce(id, 'payment.paid');
  }

  /** A debit that was under way comes, or bounces. */
  #debit(payment: PaymentRow): void {
    const { refused, isGivenBack } = fateOf(amountOf(payment, payment.amount));
    if (refused !== undefined) return void this.#fail(payment.id, 'sepa-debit', refused);
    this.#receive(payment, payment.amount);
    this.announce(payment.id, 'payment.paid');
    if (isGivenBack) this.givenBack(payment.id);
  }

  #expire(payment: PaymentRow): void {
    const voided = payment.state === 'authorized' ? payment.amount : 0;
    this.#store.run("update payment set state = 'expired', voided = ?, due_at = null where id = ?", voided, payment.id);
    this.announce(payment.id, 'payment.expired');
  }

  #receive(payment: PaymentRow, amount: number): void {
    const fee = feeFor(amount);
    this.#store.run(
      "update payment set state = 'paid', captured = ?, fee = ?, paid_at = ?, due_at = null where id = ?",
      amount,
      fee,
      Date.now(),
      payment.id,
    );
    this.#ledger.book({ ...bookingOf(payment), kind: 'payment', gross: amount, fee });
  }

  #fail(id: string, method: Method, failure: string): PaymentRow {
    this.#store.run("update payment set state = 'failed', method = ?, failure = ?, due_at = null where id = ?", method, failure, id);
    return this.announce(id, 'payment.failed');
  }

  #write(account: string, fields: Fields, more: NewPayment): PaymentRow {
    const amount: Amount | undefined = readAmount(fields['amount']);
    if (!amount || amount.minor === 0) throw new Problem(400, 'field_invalid', 'The amount must be money above zero.', 'amount');
    const reference = text(fields, 'reference', 200);
    if (this.findByReference(account, reference))
      throw new Problem(409, 'reference_taken', 'There is a payment with this reference.', 'reference');
    const id = `sbx_${randomUUID()}`;
    this.#store.insert('payment', {
      id,
      account,
      reference,
      amount: amount.minor,
      digits: amount.digits,
      currency: amount.currency,
      description: text(fields, 'description', 500),
      return_url: webAddress(fields, 'return_url'),
      webhook_url: registerWebhook(this.#store, account, fields['webhook']),
      ...more,
      charge: more.mandate === null ? 0 : 1,
      state: 'open',
      created_at: Date.now(),
    });
    return this.get(id);
  }
}

type NewPayment = Pick<PaymentRow, 'cancel_url' | 'methods' | 'capture' | 'flow' | 'customer' | 'saves' | 'mandate' | 'expires_at'>;

const COMMON_FIELDS = ['reference', 'amount', 'description', 'return_url', 'webhook'];

/** Keeps the account's newest signing secrets and gives back where to send. @throws Problem 400 */
export function registerWebhook(store: Store, account: string, value: unknown): string {
  const fields: Fields = typeof value === 'object' && value !== null ? { ...value } : {};
  const secrets = fields['secrets'];
  if (!Array.isArray(secrets) || secrets.length > 5 || !secrets.every((secret) => typeof secret === 'string')) {
    throw new Problem(400, 'field_invalid', 'The field "webhook.secrets" must be a list of at most five texts.', 'webhook');
  }
  store.run(
    'insert into account (id, webhook_secrets) values (?, ?) on conflict (id) do update set webhook_secrets = excluded.webhook_secrets',
    account,
    JSON.stringify(secrets),
  );
  return webAddress(fields, 'url');
}

function readMethods(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((method): method is string => typeof method === 'string').slice(0, 20) : [];
}

function readFlow(value: unknown): Flow {
  const flow = value === undefined ? 'redirect' : FLOWS.find((known) => known === value);
  if (flow === undefined) throw new Problem(400, 'field_invalid', 'The field "flow" is redirect, push or qr.', 'flow');
  return flow;
}

function readExpiry(value: unknown): number {
  if (value === undefined) return Date.now() + DAY_MS;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new Problem(400, 'field_invalid', 'The field "expires_at" must be epoch milliseconds.', 'expires_at');
  }
  return value;
}
