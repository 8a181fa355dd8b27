import { randomUUID } from 'node:crypto';
import type { VippsClock } from './vipps-clock.ts';
import { objectOf, textOf, VippsProblem, type Json } from './vipps-problem.ts';

export type PaymentEventName = 'CREATED' | 'AUTHORIZED' | 'CAPTURED' | 'CANCELLED' | 'REFUNDED' | 'ABORTED' | 'EXPIRED' | 'TERMINATED';

export interface VippsPayment {
  readonly reference: string;
  readonly currency: string;
  readonly amount: number;
  readonly request: Json;
  readonly token: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly pspReference: string;
  state: string;
  authorized: number;
  cancelled: number;
  captured: number;
  refunded: number;
  authorizedAt: number | undefined;
  /** The customer is approving: nothing else may touch it. */
  isLocked: boolean;
  readonly events: Json[];
}

/** What the sales unit is approved for, and its market's currency. */
export interface SalesUnit {
  readonly msn: string;
  readonly mode: 'test' | 'live';
  currency: string;
  push: boolean;
  longLiving: boolean;
  /** How many days a reservation lasts; 180 in Norway, 14 in Denmark and Finland. */
  captureDays: number;
  /** Whether answers have `captureGuaranteedUntil`. */
  tellsCaptureDate: boolean;
}

export interface PaymentHooks {
  emit(type: string, subject: string, body: Json): void;
  /** Money of a payment moved: the ledger books it. */
  book(
    entryType: 'capture' | 'refund',
    movement: { readonly reference: string; readonly pspReference: string; readonly currency: string; readonly amount: number },
  ): void;
  readonly baseUrl: () => string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const LIFE_MS = 10 * MINUTE_MS;
const REFUND_DAYS = 365;
const LEAST: Readonly<Record<string, number>> = { NOK: 100, DKK: 1, EUR: 1 };
/** Amounts that fail at the approval in the test environment. */
const FAILING = new Set([151, 182, 183, 184, 186, 187, 197, 202]);
/** "Unknown for an hour", then it is approved. */
const UNKNOWN_FOR_AN_HOUR = 201;
const BODY = [
  'amount',
  'customer',
  'customerInteraction',
  'industryData',
  'paymentMethod',
  'profile',
  'reference',
  'returnUrl',
  'userFlow',
  'expiresAt',
  'qrFormat',
  'paymentDescription',
  'receipt',
  'metadata',
  'receiptUrl',
  'minimumUserAge',
];
const ORDER_LINE = ['name', 'id', 'totalAmount', 'totalAmountExcludingTax', 'totalTaxAmount', 'taxRate'];

/** The ePayment API's payments and their rules: https://developer.vippsmobilepay.com/docs/APIs/epayment-api/. */
export class VippsPayments {
  readonly #payments = new Map<string, VippsPayment>();
  readonly #clock: VippsClock;
  readonly #unit: SalesUnit;
  readonly #hooks: PaymentHooks;
  /** Phone numbers of nobody, or of somebody too young. */
  readonly strangers = new Set<string>();

  constructor(clock: VippsClock, unit: SalesUnit, hooks: PaymentHooks) {
    this.#clock = clock;
    this.#unit = unit;
    this.#hooks = hooks;
  }

  create(value: unknown, key: string): Json {
    const body = objectOf(value, '', BODY, ['amount', 'paymentMethod', 'reference', 'userFlow']);
    const amount = this.#amountOf(body['amount'], 'amount');
    const reference = textOf(body, 'reference', { pattern: /^[a-zA-Z0-9-]{8,50}$/ });
    const method = textOf(objectOf(body['paymentMethod'], 'paymentMethod', ['type', 'blockedSources'], ['type']), 'type', {
      pattern: /^(WALLET|CARD)$/,
    });
    const userFlow = textOf(body, 'userFlow', { pattern: /^(WEB_REDIRECT|PUSH_MESSAGE|QR|NATIVE_REDIRECT)$/ });
    if (body['paymentDescription'] !== undefined) textOf(body, 'paymentDescription', { least: 3, most: 100 });
    this.#checkFlow(body, userFlow, method);
    this.#checkMetadata(body['metadata']);
    const expiresAt = this.#expiryOf(body, userFlow);
    if (this.#payments.has(reference)) throw new VippsProblem(409, 'Reference already exists', { code: 4150 });

    const now = this.#clock.now();
    const payment: VippsPayment = {
      reference,
      currency: amount.currency,
      amount: amount.value,
      request: body,
      token: randomUUID(),
      createdAt: now,
      expiresAt,
      pspReference: randomUUID(),
      state: 'CREATED',
      authorized: 0,
      cancelled: 0,
      captured: 0,
      refunded: 0,
      authorizedAt: undefined,
      isLocked: false,
      events: [],
    };
    this.#payments.set(reference, payment);
    this.#record(payment, 'CREATED', payment.amount, { key });
    this.#clock.at(expiresAt, () => this.#expire(payment));
    const url = this.#urlOf(payment);
    return { ...(url === undefined ? {} : { redirectUrl: url }), reference };
  }

  /** @throws VippsProblem 5090 */
  get(reference: string): VippsPayment {
    const payment = this.#payments.get(reference);
    if (!payment) throw new VippsProblem(404, 'Reference not found', { code: 5090 });
    return payment;
  }

  all(): readonly VippsPayment[] {
    return [...this.#payments.values()];
  }

  byToken(token: string): VippsPayment | undefined {
    return this.all().find((payment) => payment.token === token);
  }

  show(payment: VippsPayment): Json {
    const url = this.#urlOf(payment);
    const isHeld = payment.authorizedAt !== undefined && this.#unit.tellsCaptureDate;
    return {
      ...this.#adjusted(payment, payment.pspReference),
      paymentMethod: objectOf(payment.request['paymentMethod'], 'paymentMethod', ['type', 'blockedSources']),
      profile: {},
      ...(payment.state === 'CREATED' && url !== undefined ? { redirectUrl: url } : {}),
      ...(isHeld ? { captureGuaranteedUntil: new Date(this.#captureBefore(payment)).toISOString().replace('Z', '+00:00') } : {}),
      ...(payment.request['metadata'] === undefined ? {} : { metadata: payment.request['metadata'] }),
    };
  }

  capture(reference: string, value: unknown, key: string): Json {
    const { payment, amount } = this.#change(reference, value);
    const left = payment.authorized - payment.cancelled - payment.captured;
    if (payment.state !== 'AUTHORIZED')
      throw new VippsProblem(400, 'Cannot capture before reservation', { code: payment.state === 'CREATED' ? 6080 : 6200 });
    if (payment.cancelled > 0) throw new VippsProblem(400, 'Cannot capture a cancelled payment', { code: 6070 });
    if (this.#clock.now() > this.#captureBefore(payment)) throw new VippsProblem(400, 'Capture period expired', { code: 6100 });
    if (left === 0) throw new VippsProblem(400, 'Payment already captured', { code: 6170 });
    if (amount > left) throw new VippsProblem(400, 'Capture amount too high', { code: 6090 });
    payment.captured += amount;
    const psp = this.#record(payment, 'CAPTURED', amount, { key });
    this.#hooks.book('capture', { reference, pspReference: psp, currency: payment.currency, amount });
    return this.#adjusted(payment, psp);
  }

  refund(reference: string, value: unknown, key: string): Json {
    const { payment, amount } = this.#change(reference, value);
    if (payment.captured === 0)
      throw new VippsProblem(400, 'Attempted refund before reservation', { code: payment.authorized === 0 ? 6020 : 6210 });
    if (this.#clock.now() > (payment.authorizedAt ?? 0) + REFUND_DAYS * DAY_MS || (this.#unit.mode === 'test' && amount === 124))
      throw new VippsProblem(400, 'Refund period expired', { code: 6220 });
    if (this.#unit.mode === 'test' && amount === 123) throw new VippsProblem(400, 'Refund not possible', { code: 5100 });
    if (payment.refunded === payment.captured) throw new VippsProblem(400, 'Payment already refunded', { code: 6180 });
    if (amount > payment.captured - payment.refunded) throw new VippsProblem(400, 'Not enough refundable', { code: 6150 });
    payment.refunded += amount;
    const psp = this.#record(payment, 'REFUNDED', amount, { key });
    this.#hooks.book('refund', { reference, pspReference: psp, currency: payment.currency, amount: -amount });
    return this.#adjusted(payment, psp);
  }

  cancel(reference: string, value: unknown, key: string): Json {
    const payment = this.get(reference);
    const isOnlyOpen = value !== undefined && objectOf(value, '', ['cancelTransactionOnly'])['cancelTransactionOnly'] === true;
    if (payment.isLocked) throw new VippsProblem(423, 'Cannot cancel processing payment', { code: 6250 });
    if (payment.state === 'CREATED') {
      payment.state = 'TERMINATED';
      return this.#adjusted(payment, this.#record(payment, 'TERMINATED', payment.amount, { key }));
    }
    if (payment.state !== 'AUTHORIZED') throw new VippsProblem(400, 'Payment cannot be cancelled', { code: 6190 });
    if (isOnlyOpen) throw new VippsProblem(400, 'Cannot cancel authorized payment', { code: 6060 });
    const left = payment.authorized - payment.cancelled - payment.captured;
    if (payment.captured === payment.authorized) throw new VippsProblem(400, 'Cannot cancel a captured payment', { code: 6040 });
    if (left === 0) throw new VippsProblem(400, 'Payment cannot be cancelled', { code: 6190 });
    if (this.#clock.now() > this.#captureBefore(payment)) throw new VippsProblem(400, 'Cancel period expired', { code: 6030 });
    payment.cancelled += left;
    return this.#adjusted(payment, this.#record(payment, 'CANCELLED', left, { key }));
  }

  /** The customer approves in the app, or the test environment's force approve does. Some amounts fail there. */
  approve(reference: string): void {
    const payment = this.get(reference);
    if (payment.state !== 'CREATED')
      throw new VippsProblem(400, 'Payment is already reserved', { code: payment.state === 'AUTHORIZED' ? 6230 : 10010 });
    if (this.#unit.mode === 'test' && FAILING.has(payment.amount)) {
      payment.isLocked = false;
      this.#record(payment, 'AUTHORIZED', payment.amount, { success: false });
      return;
    }
    if (this.#unit.mode === 'test' && payment.amount === UNKNOWN_FOR_AN_HOUR && !payment.isLocked) {
      payment.isLocked = true;
      this.#clock.at(this.#clock.now() + 60 * MINUTE_MS, () => this.approve(reference));
      return;
    }
    Object.assign(payment, { state: 'AUTHORIZED', authorized: payment.amount, authorizedAt: this.#clock.now(), isLocked: false });
    this.#record(payment, 'AUTHORIZED', payment.amount);
  }

  /** The customer has the payment open and is about to decide: a cancellation is refused until then. */
  beginApproval(reference: string): void {
    this.get(reference).isLocked = true;
  }

  /** A bank refuses; the customer may try another card in the app. */
  refuse(reference: string): void {
    const payment = this.get(reference);
    payment.isLocked = false;
    this.#record(payment, 'AUTHORIZED', payment.amount, { success: false });
  }

  /** The customer says no. */
  abort(reference: string): void {
    const payment = this.get(reference);
    if (payment.state !== 'CREATED') return;
    Object.assign(payment, { state: 'ABORTED', isLocked: false });
    this.#record(payment, 'ABORTED', payment.amount);
  }

  /** A person in the business portal captures, refunds or cancels: no idempotency key comes with it. */
  byPortal(reference: string, operation: 'capture' | 'refund' | 'cancel', amount = 0): void {
    const { currency } = this.get(reference);
    if (operation === 'cancel') this.cancel(reference, undefined, '');
    else this[operation](reference, { modificationAmount: { currency, value: amount } }, '');
  }

  #expire(payment: VippsPayment): void {
    // A customer who opened it in the last minute is let finish.
    if (payment.state !== 'CREATED') return;
    if (payment.isLocked) return this.#clock.at(this.#clock.now() + MINUTE_MS, () => this.#expire(payment));
    payment.state = 'EXPIRED';
    this.#record(payment, 'EXPIRED', payment.amount);
  }

  #change(reference: string, value: unknown): { payment: VippsPayment; amount: number } {
    const payment = this.get(reference);
    const body = objectOf(value, '', ['modificationAmount'], ['modificationAmount']);
    const { currency, value: amount } = this.#amountOf(body['modificationAmount'], 'modificationAmount', 1);
    if (currency !== payment.currency) throw new VippsProblem(400, 'Invalid amount', { code: 4040, field: 'modificationAmount.currency' });
    return { payment, amount };
  }

  #amountOf(value: unknown, name: string, least?: number): { readonly currency: string; readonly value: number } {
    const amount = objectOf(value, name, ['currency', 'value'], ['currency', 'value']);
    const currency = textOf(amount, 'currency', { pattern: /^(NOK|DKK|EUR)$/ });
    const minor = amount['value'];
    if (typeof minor !== 'number' || !Number.isInteger(minor) || minor < 0 || minor > 65_000_000)
      throw new VippsProblem(400, 'Invalid amount', { code: 4040, field: `${name}.value` });
    if (currency !== this.#unit.currency) throw new VippsProblem(400, 'Invalid currency for merchant', { code: 5040 });
    if (minor < (least ?? LEAST[currency] ?? 1)) throw new VippsProblem(400, 'Amount too small', { code: 6010 });
    return { currency, value: minor };
  }

  #checkFlow(body: Json, userFlow: string, method: string): void {
    if (method === 'CARD' && (userFlow !== 'WEB_REDIRECT' || this.#unit.mode === 'test'))
      throw new VippsProblem(400, 'Invalid payment method type', { code: 4160 });
    if (userFlow === 'WEB_REDIRECT') {
      if (typeof body['returnUrl'] !== 'string')
        throw new VippsProblem(400, 'Missing required parameter', { code: 4140, field: 'returnUrl' });
      if (!/^(https:|[a-z][a-z0-9.+-]*app:)\/\/./.test(body['returnUrl']))
        throw new VippsProblem(400, 'Invalid URL', { code: 4090, field: 'returnUrl' });
    }
    if (userFlow === 'PUSH_MESSAGE') {
      if (!this.#unit.push) throw new VippsProblem(403, 'PUSH_MESSAGE not allowed', { code: 5080 });
      const phone = textOf(
        objectOf(body['customer'], 'customer', ['phoneNumber', 'personalQr', 'customerToken'], ['phoneNumber']),
        'phoneNumber',
      );
      if (!/^\d{10,15}$/.test(phone)) throw new VippsProblem(400, 'Invalid phone number', { code: 4070 });
      if (this.strangers.has(phone)) throw new VippsProblem(400, 'Customer not found', { code: 7010 });
    }
    if (userFlow === 'QR') objectOf(body['qrFormat'] ?? { format: 'IMAGE/SVG+XML' }, 'qrFormat', ['format', 'size'], ['format']);
    if (body['customerInteraction'] !== undefined) textOf(body, 'customerInteraction', { pattern: /^CUSTOMER_(NOT_)?PRESENT$/ });
  }

  #checkMetadata(value: unknown): void {
    if (value === undefined) return;
    const pairs = Object.entries(value as Json);
    if (pairs.length > 5) throw new VippsProblem(400, 'Metadata capacity exceeded', { code: 4100 });
    if (pairs.some(([name]) => name.length > 100)) throw new VippsProblem(400, 'Metadata key length exceeded', { code: 4120 });
    if (pairs.some(([, text]) => typeof text !== 'string' || text.length > 500))
      throw new VippsProblem(400, 'Metadata value length exceeded', { code: 4130 });
  }

  #expiryOf(body: Json, userFlow: string): number {
    if (body['expiresAt'] === undefined) return this.#clock.now() + LIFE_MS;
    if (!this.#unit.longLiving || (userFlow !== 'PUSH_MESSAGE' && userFlow !== 'QR'))
      throw new VippsProblem(403, 'Long-living payment not allowed', { code: 5050 });
    if (body['receipt'] === undefined) throw new VippsProblem(400, 'Long living payments require a receipt', { code: 6130 });
    const receipt = objectOf(body['receipt'], 'receipt', ['orderLines', 'bottomLine'], ['orderLines', 'bottomLine']);
    for (const line of receipt['orderLines'] as readonly unknown[]) objectOf(line, 'receipt.orderLines', ORDER_LINE, ORDER_LINE);
    const at = Date.parse(textOf(body, 'expiresAt'));
    if (Number.isNaN(at)) throw new VippsProblem(400, 'Bad Request', { field: 'expiresAt' });
    if (at < this.#clock.now() + LIFE_MS) throw new VippsProblem(400, 'Expiration date is too soon', { code: 6120 });
    if (at > this.#clock.now() + 60 * DAY_MS) throw new VippsProblem(400, 'Expiration date is too late', { code: 6110 });
    return at;
  }

  #captureBefore(payment: VippsPayment): number {
    return (payment.authorizedAt ?? 0) + this.#unit.captureDays * DAY_MS;
  }

  /** None for a push; the customer's app is all that opens it. */
  #urlOf({ request, token }: VippsPayment): string | undefined {
    return request['userFlow'] === 'PUSH_MESSAGE' ? undefined : `${this.#hooks.baseUrl()}/landing/${token}`;
  }

  #adjusted(payment: VippsPayment, pspReference: string): Json {
    const amount = (value: number): Json => ({ currency: payment.currency, value });
    return {
      amount: amount(payment.amount),
      state: payment.state,
      aggregate: {
        authorizedAmount: amount(payment.authorized),
        cancelledAmount: amount(payment.cancelled),
        capturedAmount: amount(payment.captured),
        refundedAmount: amount(payment.refunded),
      },
      pspReference,
      reference: payment.reference,
    };
  }

  #record(
    payment: VippsPayment,
    name: PaymentEventName,
    value: number,
    { key = '', success = true }: { readonly key?: string; readonly success?: boolean } = {},
  ): string {
    const pspReference = randomUUID();
    const event = {
      reference: payment.reference,
      pspReference,
      name,
      amount: { currency: payment.currency, value },
      timestamp: this.#clock.date().toISOString(),
      ...(key === '' ? {} : { idempotencyKey: key }),
      success,
    };
    payment.events.push(event);
    this.#hooks.emit(`epayments.payment.${name.toLowerCase()}.v1`, payment.reference, { msn: this.#unit.msn, ...event });
    return pspReference;
  }
}
