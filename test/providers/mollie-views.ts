import type { MollieBook } from './mollie-book.ts';
import {
  amountOf,
  minorOf,
  self,
  type Capture,
  type Chargeback,
  type Customer,
  type Mandate,
  type Payment,
  type Refund,
} from './mollie-objects.ts';
import { CHECKOUT } from './mollie-page.ts';

/** Mollie's objects as they are shown: HAL links, fields that come and go, signs of settled amounts. */
export class MollieViews {
  readonly #book: MollieBook;
  readonly #mode: 'test' | 'live';
  readonly #url: () => string;

  constructor(book: MollieBook, mode: 'test' | 'live', url: () => string) {
    this.#book = book;
    this.#mode = mode;
    this.#url = url;
  }

  payment(payment: Payment, embed: readonly string[] = []): object {
    const { captured, offered: _offered, captureMode, ...shown } = payment;
    const { currency } = payment.amount;
    const taken = payment.captureMode === 'manual' ? captured : payment.paidAt === undefined ? 0 : minorOf(payment.amount);
    const refunded = this.#book.refundedOf(payment.id);
    const refunds = this.#book.refunds.filter((one) => one.paymentId === payment.id);
    const chargebacks = this.#book.chargebacks.filter((one) => one.paymentId === payment.id);
    const chargedBack = chargebacks.reduce((sum, one) => sum + (one.reversedAt === null ? minorOf(one.amount) : 0), 0);
    return {
      resource: 'payment',
      mode: this.#mode,
      profileId: 'pfl_QkEhN94Ba',
      ...shown,
      isCancelable: this.#book.isCancelable(payment),
      ...(captureMode === 'manual'
        ? {
            captureMode,
            amountCaptured: amountOf(captured, currency),
          }
        : {}),
      ...(payment.paidAt === undefined
        ? {}
        : {
            amountRefunded: amountOf(refunded, currency),
            amountRemaining: amountOf(Math.max(0, taken - refunded - chargedBack), currency),
          }),
      ...(chargebacks.length === 0 ? {} : { amountChargedBack: amountOf(chargedBack, currency) }),
      ...(payment.paidAt === undefined ? {} : { settlementAmount: payment.amount }),
      ...this.#embedded(embed, refunds, chargebacks),
      _links: {
        self: self(`/payments/${payment.id}`),
        ...(payment.status === 'open' && payment.sequenceType !== 'recurring'
          ? {
              checkout: {
                href: `${this.#url()}${CHECKOUT}${payment.id}`,
                type: 'text/html',
              },
            }
          : {}),
        dashboard: {
          href: `https://my.mollie.com/dashboard/org_1/payments/${payment.id}`,
          type: 'text/html',
        },
      },
    };
  }

  refund(refund: Refund, isSettled = false): object {
    const settlementAmount = { ...refund.amount, value: `-${refund.amount.value}` };
    return {
      resource: 'refund',
      mode: this.#mode,
      ...refund,
      ...(isSettled ? { settlementAmount } : {}),
      _links: { self: self(`/refunds/${refund.id}`) },
    };
  }

  chargeback(chargeback: Chargeback, sign = '-'): object {
    const settlementAmount = { ...chargeback.amount, value: `${sign}${chargeback.amount.value}` };
    return { resource: 'chargeback', ...chargeback, settlementAmount, _links: { self: self(`/chargebacks/${chargeback.id}`) } };
  }

  capture(capture: Capture): object {
    return {
      resource: 'capture',
      mode: this.#mode,
      ...capture,
      settlementAmount: capture.amount,
      _links: { self: self(`/captures/${capture.id}`) },
    };
  }

  customer(customer: Customer): object {
    return { resource: 'customer', mode: this.#mode, ...customer, _links: { self: self(`/customers/${customer.id}`) } };
  }

  mandate({ customerId, ...mandate }: Mandate): object {
    return {
      resource: 'mandate',
      mode: this.#mode,
      mandateReference: null,
      signatureDate: mandate.createdAt.slice(0, 10),
      ...mandate,
      _links: { self: self(`/customers/${customerId}/mandates/${mandate.id}`) },
    };
  }

  /** As an event embeds it. */
  entity(entity: { readonly id: string }): object & { readonly id: string } {
    const payment = this.#book.payments.find(({ id }) => id === entity.id);
    const refund = this.#book.refunds.find(({ id }) => id === entity.id);
    const chargeback = this.#book.chargebacks.find(({ id }) => id === entity.id);
    const capture = this.#book.captures.find(({ id }) => id === entity.id);
    const shown = payment
      ? this.payment(payment)
      : refund
        ? this.refund(refund)
        : chargeback
          ? this.chargeback(chargeback)
          : capture && this.capture(capture);
    return { ...shown, id: entity.id };
  }

  #embedded(embed: readonly string[], refunds: readonly Refund[], chargebacks: readonly Chargeback[]): object {
    if (embed.length === 0) return {};
    return {
      _embedded: {
        ...(embed.includes('refunds') ? { refunds: refunds.map((one) => this.refund(one)) } : {}),
        ...(embed.includes('chargebacks') ? { chargebacks: chargebacks.map((one) => this.chargeback(one)) } : {}),
      },
    };
  }
}
