import { checkedPayment, isFirst } from './mollie-checks.ts';
import type { VirtualClock } from './mollie-clock.ts';
import {
  amountIn,
  amountOf,
  minorOf,
  MollieProblem,
  newId,
  onlyFields,
  optionalText,
  type Amount,
  type Body,
  type Capture,
  type Chargeback,
  type Customer,
  type Mandate,
  type Payment,
  type Refund,
} from './mollie-objects.ts';

/** Told of everything that Mollie would send a webhook for; `classic` says whether the old kind knows it too. */
export type Tell = (type: string, entity: { readonly id: string }, payment: Payment, classic: boolean) => void;

const MINUTE = 60_000;
const DAY = 86_400_000;
/** How long a payment stays open, by method; with none chosen the shortest. */
const LIFE: Readonly<Record<string, number>> = {
  ideal: 15 * MINUTE,
  creditcard: 30 * MINUTE,
  bancontact: 60 * MINUTE,
  belfius: 60 * MINUTE,
  eps: 60 * MINUTE,
  kbc: 60 * MINUTE,
  paypal: 72 * 60 * MINUTE,
  banktransfer: 14 * DAY,
};
/** The bank or the customer acts later: `pending` until then. */
const SLOW = new Set(['directdebit', 'banktransfer']);
const HOUR = 60 * MINUTE;

/** What Mollie knows of one profile, and what happens to it: by the API, by customers, by banks, by people in the dashboard. */
export class MollieBook {
  readonly payments: Payment[] = [];
  readonly refunds: Refund[] = [];
  readonly chargebacks: Chargeback[] = [];
  readonly captures: Capture[] = [];
  readonly customers: Customer[] = [];
  readonly mandates: Mandate[] = [];
  readonly clock: VirtualClock;
  /** A profile without balance queues its refunds. */
  hasBalance = true;
  /** A mandate of a first payment is `pending` until {@link confirmMandate}. */
  mandatesPend = false;
  /** The issuer refuses the next charge of a card's mandate, with this reason. */
  refuseNextCharge: string | undefined;
  /** Addresses that Mollie cannot reach are refused, as `localhost` is. */
  readonly #allowLocal: boolean;
  readonly #tell: Tell;

  constructor(clock: VirtualClock, tell: Tell, allowLocal: boolean) {
    this.clock = clock;
    this.#tell = tell;
    this.#allowLocal = allowLocal;
  }

  payment(id: string): Payment {
    return this.payments.find((one) => one.id === id) ?? missing('payment', id);
  }

  refund(id: string): Refund {
    return this.refunds.find((one) => one.id === id) ?? missing('refund', id);
  }

  customer(id: string): Customer {
    return this.customers.find((one) => one.id === id) ?? missing('customer', id);
  }

  mandate(customerId: string, id: string): Mandate {
    const mandate = this.mandates.find((one) => one.id === id && one.customerId === customerId) ?? missing('mandate', id);
    if (mandate.status === 'revoked') throw new MollieProblem(410, 'The mandate is no longer available');
    return mandate;
  }

  createPayment(body: Body): Payment {
    const { amount, description, sequenceType, offered } = checkedPayment(body, this.#allowLocal);
    const mandate = this.#mandateFor(body, sequenceType, offered);
    const method = mandate?.method ?? (offered.length === 1 ? (offered[0] ?? null) : null);
    const payment: Payment = {
      id: newId('tr'),
      createdAt: this.clock.stamp(),
      amount,
      description,
      metadata: body['metadata'] ?? null,
      sequenceType,
      captureMode: body['captureMode'] === 'manual' ? 'manual' : 'automatic',
      offered,
      status: 'open',
      method,
      captured: 0,
      ...textsIn(body, 'redirectUrl', 'cancelUrl', 'webhookUrl', 'locale', 'customerId'),
    };
    this.payments.unshift(payment);
    if (mandate) this.#chargeMandate(payment, mandate);
    else if (body['cardToken'] !== undefined) this.pay(payment.id);
    else this.#expireLater(payment);
    return payment;
  }

  /** The customer approves on the page. Bank transfers and debits stay `pending` until {@link settle}. */
  pay(id: string, method?: string): Payment {
    const payment = this.#open(id);
    payment.method = payment.method ?? method ?? payment.offered[0] ?? 'ideal';
    payment.details = detailsOf(payment.method);
    if (payment.sequenceType === 'first') this.#leaveMandate(payment);
    if (SLOW.has(payment.method)) {
      payment.status = 'pending';
      this.#tell('payment.pending', payment, payment, false);
    } else if (payment.captureMode === 'manual') {
      const captureBefore = this.clock.now() + 7 * DAY;
      Object.assign(payment, { status: 'authorized', authorizedAt: this.clock.stamp(), captureBefore: this.clock.stamp(captureBefore) });
      this.clock.at(captureBefore, () => payment.status === 'authorized' && payment.captured === 0 && this.#end(payment, 'expired'));
      this.#tell('payment.authorized', payment, payment, true);
    } else this.#paid(payment);
    return payment;
  }

  /** The bank or the card's issuer says no. */
  decline(id: string, failureReason = 'insufficient_funds'): Payment {
    const payment = this.#open(id);
    payment.method = payment.method ?? payment.offered[0] ?? 'creditcard';
    payment.details = { ...detailsOf(payment.method), failureReason };
    return this.#end(payment, 'failed');
  }

  /** The customer gives up on the page. On a bank's page with a fixed method nothing is told: the payment only runs out later. */
  abandon(id: string): Payment {
    return this.#end(this.#open(id), 'canceled');
  }

  expire(id: string): Payment {
    return this.#end(this.#open(id), 'expired');
  }

  /** A transfer or debit that is under way arrives, or bounces with a bank's code. */
  settle(id: string, result: 'paid' | 'failed', bankReasonCode = 'AM04'): Payment {
    const payment = this.payment(id);
    if (payment.status !== 'pending') throw new MollieProblem(422, `The payment is ${payment.status}`);
    if (result === 'paid') return this.#paid(payment);
    payment.details = { ...payment.details, bankReasonCode, bankReason: 'A reason in words' };
    return this.#end(payment, 'failed');
  }

  cancel(id: string): Payment {
    const payment = this.payment(id);
    if (!this.isCancelable(payment)) throw new MollieProblem(422, 'The payment cannot be canceled');
    return this.#end(payment, 'canceled');
  }

  /** A page that is open at a bank cannot be called back; transfers, debits and cards that wait can. */
  isCancelable({ status, method }: Payment): boolean {
    return (status === 'open' && ['banktransfer', 'creditcard'].includes(method ?? '')) || (status === 'pending' && SLOW.has(method ?? ''));
  }

  release(id: string): void {
    const payment = this.payment(id);
    if (payment.status !== 'authorized') throw new MollieProblem(422, 'The payment has no authorization to release');
    if (payment.captured > 0) this.#paid(payment);
    else this.#end(payment, 'canceled');
  }

  capture(id: string, body: Body): Capture {
    onlyFields(body, 'amount', 'description', 'metadata', 'testmode');
    const payment = this.payment(id);
    const total = minorOf(payment.amount);
    const amount = body['amount'] === undefined ? amountOf(total - payment.captured, payment.amount.currency) : amountIn(body['amount']);
    if (payment.status !== 'authorized') throw new MollieProblem(422, 'The payment is not authorized or has already been captured');
    if (amount.currency !== payment.amount.currency || minorOf(amount) < 1 || payment.captured + minorOf(amount) > total)
      throw new MollieProblem(422, 'The amount is higher than the maximum', 'amount');
    const capture: Capture = { id: newId('cpt'), paymentId: id, amount, createdAt: this.clock.stamp(), status: 'succeeded' };
    this.captures.unshift(capture);
    payment.captured += minorOf(amount);
    this.#tell('capture.succeeded', capture, payment, false);
    if (payment.captured === total) this.#paid(payment);
    return capture;
  }

  /** By the API. A second refund of the same amount within the hour is taken for a mistake. */
  createRefund(id: string, body: Body): Refund {
    onlyFields(body, 'amount', 'description', 'metadata', 'testmode');
    const payment = this.payment(id);
    const amount = amountIn(body['amount']);
    const since = this.clock.now() - HOUR;
    const isRepeated = this.refunds.some(
      (one) => one.paymentId === id && one.amount.value === amount.value && Date.parse(one.createdAt) > since && one.status !== 'failed',
    );
    if (isRepeated) throw new MollieProblem(409, 'A duplicate refund has been detected: the same amount was refunded within the hour');
    return this.#refund(payment, amount, body);
  }

  /** By a person in the dashboard: nothing of ours is on it, and nobody minds a second one of the same amount. */
  refundInDashboard(id: string, value: string): Refund {
    const payment = this.payment(id);
    return this.#refund(payment, amountIn({ currency: payment.amount.currency, value }), {});
  }

  /** `processing`, `refunded` and `failed` are told; `failed` can come long after `refunded`. */
  finishRefund(id: string, status: 'processing' | 'refunded' | 'failed' | 'canceled'): void {
    const refund = this.refund(id);
    refund.status = status;
    this.#tell(`refund.${status}`, refund, this.payment(refund.paymentId), status !== 'canceled');
  }

  cancelRefund(id: string): void {
    const refund = this.refund(id);
    if (!['queued', 'pending'].includes(refund.status)) throw new MollieProblem(422, 'The refund cannot be canceled any more');
    this.finishRefund(id, 'canceled');
  }

  chargeBack(id: string, more: { readonly value?: string; readonly code?: string } = {}): Chargeback {
    const payment = this.payment(id);
    const chargeback: Chargeback = {
      id: newId('chb'),
      paymentId: id,
      amount: { currency: payment.amount.currency, value: more.value ?? payment.amount.value },
      createdAt: this.clock.stamp(),
      reason: more.code === undefined ? null : { code: more.code, description: 'A reason in words' },
      reversedAt: null,
    };
    this.chargebacks.push(chargeback);
    this.#tell('chargeback.received', chargeback, payment, true);
    return chargeback;
  }

  reverseChargeback(id: string): void {
    const chargeback = this.chargebacks.find((one) => one.id === id) ?? missing('chargeback', id);
    chargeback.reversedAt = this.clock.stamp();
    this.#tell('chargeback.reversed', chargeback, this.payment(chargeback.paymentId), true);
  }

  createCustomer(body: Body): Customer {
    onlyFields(body, 'name', 'email', 'locale', 'metadata', 'testmode');
    const { name = null, email = null } = textsIn(body, 'name', 'email');
    const customer: Customer = { id: newId('cst'), name, email, metadata: body['metadata'] ?? null, createdAt: this.clock.stamp() };
    this.customers.unshift(customer);
    return customer;
  }

  confirmMandate(id: string, status: 'valid' | 'invalid' = 'valid'): void {
    (this.mandates.find((one) => one.id === id) ?? missing('mandate', id)).status = status;
  }

  revokeMandate(customerId: string, id: string): void {
    this.mandate(customerId, id).status = 'revoked';
  }

  /** A subscription made elsewhere charges the customer: a payment whose id nobody knows, without our mark. */
  subscriptionPayment(customerId: string, webhookUrl: string): Payment {
    const payment: Payment = {
      id: newId('tr'),
      createdAt: this.clock.stamp(),
      amount: {
        currency: 'EUR',
        value: '9.95',
      },
      description: 'Subscription',
      metadata: null,
      sequenceType: 'recurring',
      captureMode: 'automatic',
      customerId,
      subscriptionId: newId('sub'),
      webhookUrl,
      offered: [],
      status: 'pending',
      method: 'directdebit',
      captured: 0,
    };
    this.payments.unshift(payment);
    return this.#paid(payment);
  }

  refundedOf(id: string): number {
    return this.refunds.reduce(
      (sum, one) => sum + (one.paymentId === id && !['failed', 'canceled'].includes(one.status) ? minorOf(one.amount) : 0),
      0,
    );
  }

  #refund(payment: Payment, amount: Amount, body: Body): Refund {
    if (payment.status !== 'paid') throw new MollieProblem(422, 'The payment is not paid and cannot be refunded');
    const taken = payment.captureMode === 'manual' ? payment.captured : minorOf(payment.amount);
    if (amount.currency !== payment.amount.currency || minorOf(amount) < 1 || this.refundedOf(payment.id) + minorOf(amount) > taken)
      throw new MollieProblem(422, 'The amount is higher than the maximum', 'amount');
    const refund: Refund = {
      id: newId('re'),
      paymentId: payment.id,
      amount,
      description: optionalText(body, 'description') ?? '',
      metadata: body['metadata'] ?? null,
      createdAt: this.clock.stamp(),
      status: this.hasBalance ? 'pending' : 'queued',
    };
    this.refunds.unshift(refund);
    // Banks take a day; a queued one waits for balance.
    this.clock.at(this.clock.now() + DAY, () => refund.status === 'pending' && this.finishRefund(refund.id, 'refunded'));
    this.#tell(`refund.${refund.status}`, refund, payment, false);
    return refund;
  }

  #paid(payment: Payment): Payment {
    Object.assign(payment, { status: 'paid', paidAt: this.clock.stamp() });
    this.#tell('payment.paid', payment, payment, true);
    return payment;
  }

  #end(payment: Payment, status: 'canceled' | 'expired' | 'failed'): Payment {
    Object.assign(payment, { status, [`${status}At`]: this.clock.stamp() });
    this.#tell(`payment.${status}`, payment, payment, true);
    return payment;
  }

  #open(id: string): Payment {
    const payment = this.payment(id);
    if (payment.status !== 'open') throw new MollieProblem(422, `The payment is ${payment.status}`);
    return payment;
  }

  #expireLater(payment: Payment): void {
    const at = this.clock.now() + (LIFE[payment.method ?? ''] ?? 15 * MINUTE);
    payment.expiresAt = this.clock.stamp(at);
    this.clock.at(at, () => payment.status === 'open' && this.#end(payment, 'expired'));
  }

  #mandateFor(body: Body, sequenceType: string, offered: readonly string[]): Mandate | undefined {
    const customerId = optionalText(body, 'customerId');
    if (customerId !== undefined && !this.customers.some(({ id }) => id === customerId))
      throw new MollieProblem(422, 'The customer ID is invalid', 'customerId');
    if (sequenceType === 'oneoff') return undefined;
    if (customerId === undefined) throw new MollieProblem(422, 'The customer ID is missing', 'customerId');
    if (sequenceType === 'first') {
      if (offered.length > 0 && !offered.some(isFirst))
        throw new MollieProblem(422, 'The payment method cannot be used for a first payment', 'method');
      return undefined;
    }
    const mandateId = optionalText(body, 'mandateId');
    const valid = this.mandates.filter((one) => one.customerId === customerId && one.status === 'valid');
    if (valid.length === 0) throw new MollieProblem(422, 'No suitable mandates found for customer', 'customerId');
    const mandate = mandateId === undefined ? valid[0] : valid.find(({ id }) => id === mandateId);
    if (!mandate) throw new MollieProblem(422, 'The mandate is invalid', 'mandateId');
    return mandate;
  }

  /** A debit takes days; a card is charged at once. */
  #chargeMandate(payment: Payment, mandate: Mandate): void {
    payment.mandateId = mandate.id;
    payment.details = { ...mandate.details };
    payment.status = 'pending';
    if (mandate.method === 'directdebit') return this.#tell('payment.pending', payment, payment, false);
    const { refuseNextCharge } = this;
    this.refuseNextCharge = undefined;
    if (refuseNextCharge === undefined) return void this.#paid(payment);
    payment.details['failureReason'] = refuseNextCharge;
    this.#end(payment, 'failed');
  }

  #leaveMandate(payment: Payment): void {
    const method =
      payment.method === 'creditcard' || payment.method === 'applepay'
        ? 'creditcard'
        : payment.method === 'paypal'
          ? 'paypal'
          : 'directdebit';
    const mandate: Mandate = {
      id: newId('mdt'),
      customerId: payment.customerId ?? '',
      method,
      createdAt: this.clock.stamp(),
      status: this.mandatesPend ? 'pending' : 'valid',
      details:
        method === 'creditcard'
          ? { cardHolder: 'T. Tester', cardNumber: '4242', cardLabel: 'Visa', cardFingerprint: 'fp_4242visa', cardExpiryDate: '2029-03-31' }
          : { consumerName: 'T. Tester', consumerAccount: 'NL53INGB0000006789', consumerBic: 'INGBNL2A' },
    };
    this.mandates.unshift(mandate);
    payment.mandateId = mandate.id;
  }
}

function detailsOf(method: string): Record<string, unknown> {
  if (method === 'creditcard') return { cardNumber: '4242', cardLabel: 'Visa', cardFingerprint: 'fp_4242visa' };
  return { consumerName: 'T. Tester', consumerAccount: 'NL53INGB0000006789', consumerBic: 'INGBNL2A' };
}

function textsIn<Name extends string>(body: Body, ...names: readonly Name[]): { readonly [N in Name]?: string } {
  return Object.fromEntries(
    names.flatMap((name) => (optionalText(body, name) === undefined ? [] : [[name, optionalText(body, name)]])),
  ) as {
    readonly [N in Name]?: string;
  };
}

function missing(kind: string, id: string): never {
  throw new MollieProblem(404, `No ${kind} exists with token ${id}.`);
}
