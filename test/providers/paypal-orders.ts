import type { PaypalClock } from './paypal-clock.ts';
import type { PaypalLedger } from './paypal-ledger.ts';
import {
  fieldsOf,
  missing,
  moneyOf,
  ours,
  randomId,
  textOf,
  unitsOf,
  unprocessable,
  type Authorization,
  type Capture,
  type Order,
  type Refund,
  type WireMoney,
} from './paypal-objects.ts';
import { readOrder } from './paypal-order-request.ts';
import type { PaypalVault } from './paypal-vault.ts';
import type { PaypalWebhooks } from './paypal-webhooks.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** To redirect the payer, then to approve, then to capture: three hours each. */
const OPEN_MS = 3 * HOUR_MS;
/** An order that nobody approved is forgotten. */
const FORGOTTEN_AFTER_MS = 3 * DAY_MS;
const HOLD_MS = 29 * DAY_MS;
const REFUNDABLE_MS = 180 * DAY_MS;

/** What the next attempt to take or hold money comes to, in place of success. */
export type NextResult = { readonly issue: string } | { readonly status: 'PENDING' | 'DECLINED'; readonly reason: string };

const DECLINED: NextResult = { status: 'DECLINED', reason: 'DECLINED_BY_RISK_FRAUD_FILTERS' };

/** Orders, holds, captures and refunds, with PayPal's rules. */
export class PaypalOrders {
  readonly #clock: PaypalClock;
  readonly #ledger: PaypalLedger;
  readonly #webhooks: PaypalWebhooks;
  readonly #vault: PaypalVault;
  readonly #site: () => string;
  readonly #orders = new Map<string, Order>();
  readonly #next: NextResult[] = [];
  readonly #refused = new Set<string>();

  constructor(clock: PaypalClock, ledger: PaypalLedger, webhooks: PaypalWebhooks, vault: PaypalVault, site: () => string) {
    this.#clock = clock;
    this.#ledger = ledger;
    this.#webhooks = webhooks;
    this.#vault = vault;
    this.#site = site;
  }

  /** The next capture, hold or charge goes like this. */
  next(result: NextResult): void {
    this.#next.push(result);
  }

  /** Whenever money of this order is to be taken, the bank says no. */
  refuse(id: string): void {
    this.#refused.add(id);
  }

  isRefused(id: string): boolean {
    return this.#refused.has(id);
  }

  order(id: string): Order {
    const order = this.#orders.get(id) ?? fail();
    const isOpen = order.captures.length === 0 && order.authorizations.length === 0;
    if (isOpen && this.#clock.now() - Date.parse(order.create_time) > FORGOTTEN_AFTER_MS) throw missing();
    return order;
  }

  all(): readonly Order[] {
    return [...this.#orders.values()];
  }

  create(body: unknown): Order {
    const now = this.#clock.stamp();
    const order: Order = {
      ...readOrder(body),
      id: randomId(),
      status: 'PAYER_ACTION_REQUIRED',
      savedAs: undefined,
      authorizations: [],
      captures: [],
      refunds: [],
      create_time: now,
      update_time: now,
    };
    if (order.vaultId !== undefined) this.#charge(order, order.vaultId);
    this.#orders.set(order.id, order);
    return order;
  }

  patch(id: string, body: unknown): void {
    const order = this.order(id);
    const [first] = Array.isArray(body) ? (body as unknown[]) : [];
    const { op, path, value } = fieldsOf(first, ['op', 'path', 'value'], '/0');
    if (op !== 'replace' || path !== `/purchase_units/@reference_id=='${order.referenceId}'/custom_id`)
      throw unprocessable('NOT_PATCHABLE', '/0/path');
    if (order.status === 'COMPLETED' || order.status === 'VOIDED') throw unprocessable('ORDER_ALREADY_COMPLETED');
    order.customId = textOf(value, '/0/value', 127);
    order.update_time = this.#clock.stamp();
  }

  /** The payer agrees on PayPal's page. No money moves. */
  approve(id: string): Order {
    const order = this.order(id);
    if (order.status !== 'PAYER_ACTION_REQUIRED') throw unprocessable('ORDER_ALREADY_APPROVED');
    if (this.#clock.now() - Date.parse(order.create_time) > 2 * OPEN_MS) throw unprocessable('ORDER_EXPIRED');
    order.status = 'APPROVED';
    order.update_time = this.#clock.stamp();
    this.#tellOrder('CHECKOUT.ORDER.APPROVED', order);
    return order;
  }

  /** `POST /v2/checkout/orders/{id}/capture` */
  capture(id: string): Order {
    const order = this.order(id);
    if (order.captures.length > 0) throw unprocessable('ORDER_ALREADY_CAPTURED');
    if (order.intent !== 'CAPTURE') throw unprocessable('ACTION_DOES_NOT_MATCH_INTENT');
    this.#mustBeApproved(order);
    this.#refuseDuplicate(order.invoiceId);
    this.#take(order, order.amount, order.invoiceId, true, this.#next.shift());
    order.status = 'COMPLETED';
    this.#save(order);
    return order;
  }

  /** `POST /v2/checkout/orders/{id}/authorize` */
  authorize(id: string): Order {
    const order = this.order(id);
    if (order.authorizations.length > 0) throw unprocessable('ORDER_ALREADY_AUTHORIZED');
    if (order.intent !== 'AUTHORIZE') throw unprocessable('ACTION_DOES_NOT_MATCH_INTENT');
    this.#mustBeApproved(order);
    const result = this.#next.shift();
    if (result && 'issue' in result) throw unprocessable(result.issue);
    const now = this.#clock.stamp();
    const hold: Authorization = {
      id: randomId(),
      status: 'CREATED',
      amount: order.amount,
      custom_id: order.customId,
      invoice_id: order.invoiceId,
      create_time: now,
      update_time: now,
      expiration_time: this.#clock.stamp(this.#clock.now() + HOLD_MS),
    };
    order.authorizations.push(hold);
    order.status = 'COMPLETED';
    this.#save(order);
    this.#webhooks.send('PAYMENT.AUTHORIZATION.CREATED', 'authorization', this.showPart(order, hold));
    return order;
  }

  /** `POST /v2/payments/authorizations/{id}/capture` */
  captureHold(id: string, body: unknown): object {
    const { amount, invoice_id: invoice } = fieldsOf(body, ['amount', 'invoice_id', 'final_capture'], '');
    const { order, hold } = this.#holdOf(id);
    const units = unitsOf(amount, '/amount');
    if (hold.status === 'VOIDED') throw unprocessable('AUTHORIZATION_VOIDED');
    if (hold.status === 'CAPTURED') throw unprocessable('AUTHORIZATION_ALREADY_CAPTURED');
    if (this.#clock.now() > Date.parse(hold.expiration_time)) throw unprocessable('AUTHORIZATION_EXPIRED');
    const invoiceId = textOf(invoice, '/invoice_id', 127);
    this.#refuseDuplicate(invoiceId);
    const left = ours(hold.amount) - order.captures.reduce((sum, one) => sum + ours(one.amount), 0);
    if (units > left) throw unprocessable('MAX_CAPTURE_AMOUNT_EXCEEDED', '/amount');
    const capture = this.#take(order, moneyOf(units, hold.amount.currency_code), invoiceId, units === left, this.#next.shift());
    hold.status = units === left ? 'CAPTURED' : 'PARTIALLY_CAPTURED';
    return this.showPart(order, capture);
  }

  /** `POST /v2/payments/authorizations/{id}/void` */
  voidHold(id: string): object {
    const { order, hold } = this.#holdOf(id);
    if (hold.status === 'VOIDED') throw unprocessable('PREVIOUSLY_VOIDED');
    if (hold.status === 'CAPTURED') throw unprocessable('PREVIOUSLY_CAPTURED');
    hold.status = 'VOIDED';
    this.#webhooks.send('PAYMENT.AUTHORIZATION.VOIDED', 'authorization', this.showPart(order, hold));
    return this.showPart(order, hold);
  }

  /** `POST /v2/payments/captures/{id}/refund` */
  refund(captureId: string, body: unknown): object {
    const { order, capture } = this.captureOf(captureId);
    const fields = fieldsOf(body ?? {}, ['amount', 'custom_id', 'invoice_id', 'note_to_payer'], '');
    const left = ours(capture.amount) - refundedOf(order, capture);
    const units = fields['amount'] === undefined ? left : unitsOf(fields['amount'], '/amount');
    const { currency_code: currency } = (fields['amount'] ?? capture.amount) as WireMoney; // unitsOf has read it
    if (currency !== capture.amount.currency_code) throw unprocessable('REFUND_CAPTURE_CURRENCY_MISMATCH', '/amount');
    if (capture.status === 'PENDING') throw unprocessable('PENDING_CAPTURE');
    if (this.#clock.now() - Date.parse(capture.create_time) > REFUNDABLE_MS) throw unprocessable('REFUND_TIME_LIMIT_EXCEEDED');
    const invoice = fields['invoice_id'] === undefined ? '' : textOf(fields['invoice_id'], '/invoice_id', 127);
    if (invoice !== '' && this.all().some(({ refunds }) => refunds.some(({ invoice_id: other }) => other === invoice)))
      throw unprocessable('DUPLICATE_INVOICE_ID');
    if (left === 0) throw unprocessable('CAPTURE_FULLY_REFUNDED');
    if (units > left) throw unprocessable('REFUND_AMOUNT_EXCEEDED', '/amount');
    if (fields['note_to_payer'] !== undefined) textOf(fields['note_to_payer'], '/note_to_payer', 255);
    return this.#refund(order, capture, units, {
      customId: fields['custom_id'] === undefined ? order.customId : textOf(fields['custom_id'], '/custom_id', 127),
      invoice,
    });
  }

  /** A person refunds in PayPal's dashboard. */
  dashboardRefund(captureId: string, value: string): object {
    const { order, capture } = this.captureOf(captureId);
    const units = unitsOf({ currency_code: capture.amount.currency_code, value }, '/amount');
    if (units > ours(capture.amount) - refundedOf(order, capture)) throw unprocessable('REFUND_AMOUNT_EXCEEDED', '/amount');
    return this.#refund(order, capture, units, { customId: order.customId, invoice: '' });
  }

  /** A refund by eCheck is under way, or fails after days. */
  setRefund(refundId: string, status: 'PENDING' | 'COMPLETED' | 'FAILED'): void {
    const order = this.all().find(({ refunds }) => refunds.some(({ id }) => id === refundId)) ?? fail();
    const refund = order.refunds.find(({ id }) => id === refundId) ?? fail();
    refund.status = status;
    if (status === 'FAILED') refund.status_details = { reason: 'ECHECK' };
    this.#updateCapture(order, this.captureOf(refund.captureId).capture);
    if (status !== 'COMPLETED') this.#webhooks.send(`PAYMENT.REFUND.${status}`, 'refund', this.showPart(order, refund));
  }

  /** A pending capture arrives, or does not. */
  settle(captureId: string, status: 'COMPLETED' | 'DECLINED'): void {
    const { order, capture } = this.captureOf(captureId);
    if (status === 'COMPLETED') this.#book(order, capture);
    else capture.status = 'DECLINED';
    capture.update_time = this.#clock.stamp();
    this.#webhooks.send(`PAYMENT.CAPTURE.${status === 'COMPLETED' ? 'COMPLETED' : 'DENIED'}`, 'capture', this.showPart(order, capture));
  }

  /** The payer's bank takes the money back without a word before. The line shares the payment's id, as it does at PayPal. */
  reverse(captureId: string): void {
    const { order, capture } = this.captureOf(captureId);
    capture.status = 'REVERSED';
    const { currency_code: currency } = capture.amount;
    this.#ledger.add({
      id: capture.id,
      code: 'T1106',
      amount: moneyOf(-ours(capture.amount), currency),
      capture: capture.id,
      customId: order.customId,
    });
    this.#webhooks.send('PAYMENT.CAPTURE.REVERSED', 'capture', this.showPart(order, capture));
  }

  captureOf(captureId: string): { readonly order: Order; readonly capture: Capture } {
    for (const order of this.#orders.values()) {
      const capture = order.captures.find(({ id }) => id === captureId);
      if (capture) return { order, capture };
    }
    return fail();
  }

  show(order: Order): object {
    const saved = order.savedAs && { vault: { id: order.savedAs.id, status: 'VAULTED', customer: { id: order.savedAs.customer } } };
    const isOpen = order.status === 'PAYER_ACTION_REQUIRED';
    const payments = { authorizations: order.authorizations, captures: order.captures, refunds: order.refunds };
    return {
      id: order.id,
      intent: order.intent,
      status: order.status,
      payment_source: {
        paypal: isOpen ? {} : { account_id: 'BUYER12345678', account_status: 'VERIFIED', ...(saved ? { attributes: saved } : {}) },
      },
      purchase_units: [
        {
          reference_id: order.referenceId,
          custom_id: order.customId,
          invoice_id: order.invoiceId,
          description: order.description,
          amount: order.amount,
          ...(order.captures.length + order.authorizations.length === 0
            ? {}
            : {
                payments: Object.fromEntries(
                  Object.entries(payments)
                    .filter(([, parts]) => parts.length > 0)
                    .map(([name, parts]) => [name, parts.map((part) => this.showPart(order, part))]),
                ),
              }),
        },
      ],
      create_time: order.create_time,
      update_time: order.update_time,
      links: this.links(order),
    };
  }

  links(order: Order): readonly object[] {
    const self = { href: `https://api-m.sandbox.paypal.com/v2/checkout/orders/${order.id}`, rel: 'self', method: 'GET' };
    if (order.status !== 'PAYER_ACTION_REQUIRED') return [self];
    return [self, { href: `${this.#site()}/checkoutnow?token=${order.id}`, rel: 'payer-action', method: 'GET' }];
  }

  /** A capture, authorization or refund, as `GET` and events show it. */
  showPart(order: Order, part: Authorization | Capture | Refund): object {
    const { captureId, ...shown } = { captureId: undefined, ...part };
    const up = captureId === undefined ? `checkout/orders/${order.id}` : `payments/captures/${captureId}`;
    return {
      ...shown,
      ...(captureId === undefined ? { supplementary_data: { related_ids: { order_id: order.id } } } : {}),
      links: [{ href: `https://api-m.sandbox.paypal.com/v2/${up}`, rel: 'up', method: 'GET' }],
    };
  }

  #charge(order: Order, vaultId: string): void {
    if (!this.#vault.has(vaultId)) throw unprocessable('TOKEN_ID_NOT_FOUND', '/payment_source/paypal/vault_id');
    this.#refuseDuplicate(order.invoiceId);
    this.#take(order, order.amount, order.invoiceId, true, this.#next.shift());
    order.status = 'COMPLETED';
  }

  #take(order: Order, amount: WireMoney, invoiceId: string, isFinal: boolean, next: NextResult | undefined): Capture {
    const result = next ?? (this.#refused.has(order.id) ? DECLINED : undefined);
    if (result && 'issue' in result) throw unprocessable(result.issue);
    const now = this.#clock.stamp();
    const capture: Capture = {
      id: randomId(),
      status: 'PENDING',
      amount,
      custom_id: order.customId,
      invoice_id: invoiceId,
      final_capture: isFinal,
      create_time: now,
      update_time: now,
    };
    order.captures.push(capture);
    order.update_time = now;
    if (result) Object.assign(capture, { status: result.status, status_details: { reason: result.reason } });
    else this.#book(order, capture);
    this.#webhooks.send(`PAYMENT.CAPTURE.${capture.status}`, 'capture', this.showPart(order, capture));
    return capture;
  }

  /** The money is there: 2.8 % and 35 cents stay with PayPal. */
  #book(order: Order, capture: Capture): void {
    const { currency_code: currency } = capture.amount;
    const units = ours(capture.amount);
    const fee = Math.min(units, Math.round(units * 0.028) + 35);
    capture.status = 'COMPLETED';
    delete capture.status_details;
    capture.seller_receivable_breakdown = {
      gross_amount: capture.amount,
      paypal_fee: moneyOf(fee, currency),
      net_amount: moneyOf(units - fee, currency),
    };
    this.#ledger.add({
      id: capture.id,
      code: order.vaultId === undefined ? 'T0006' : 'T0003',
      amount: capture.amount,
      fee: moneyOf(-fee, currency),
      order: order.id,
      customId: order.customId,
    });
  }

  #refund(order: Order, capture: Capture, units: number, names: { readonly customId: string; readonly invoice: string }): object {
    const { currency_code: currency } = capture.amount;
    const now = this.#clock.stamp();
    const refund: Refund = {
      id: randomId(),
      status: 'COMPLETED',
      amount: moneyOf(units, currency),
      custom_id: names.customId,
      invoice_id: names.invoice,
      captureId: capture.id,
      create_time: now,
      update_time: now,
    };
    order.refunds.push(refund);
    this.#updateCapture(order, capture);
    this.#ledger.add({ id: refund.id, code: 'T1107', amount: moneyOf(-units, currency), capture: capture.id, customId: names.customId });
    this.#webhooks.send('PAYMENT.CAPTURE.REFUNDED', 'refund', this.showPart(order, refund));
    return this.showPart(order, refund);
  }

  #updateCapture(order: Order, capture: Capture): void {
    const refunded = refundedOf(order, capture);
    capture.status = refunded === 0 ? 'COMPLETED' : refunded >= ours(capture.amount) ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
  }

  #holdOf(id: string): { readonly order: Order; readonly hold: Authorization } {
    for (const order of this.#orders.values()) {
      const hold = order.authorizations.find((one) => one.id === id);
      if (hold) return { order, hold };
    }
    return fail();
  }

  #mustBeApproved(order: Order): void {
    if (order.status !== 'APPROVED') throw unprocessable('ORDER_NOT_APPROVED');
    if (this.#clock.now() - Date.parse(order.update_time) > OPEN_MS) throw unprocessable('ORDER_EXPIRED');
  }

  #refuseDuplicate(invoiceId: string): void {
    const isTaken = this.all().some(({ captures }) => captures.some((one) => one.invoice_id === invoiceId && one.status !== 'DECLINED'));
    if (isTaken) throw unprocessable('DUPLICATE_INVOICE_ID', '/purchase_units/0/invoice_id');
  }

  #save(order: Order): void {
    if (order.saves) order.savedAs = this.#vault.saveFromOrder(order.id);
  }

  #tellOrder(type: string, order: Order): void {
    this.#webhooks.send(type, 'checkout-order', this.show(order));
  }
}

function refundedOf({ refunds }: Order, capture: Capture): number {
  return refunds.reduce((sum, one) => sum + (one.captureId === capture.id && one.status !== 'FAILED' ? ours(one.amount) : 0), 0);
}

function fail(): never {
  throw missing();
}
