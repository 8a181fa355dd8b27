/** What happens to a payment. Each carries the payment as it is after the fact, and what it pays for where that is known. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import {
  customerExample,
  invoiceExample,
  openInvoiceExample,
  orderExample,
  paymentExample,
  receiptExample,
  unpaidExample,
} from './examples.ts';
import {
  customerSubject,
  disputeSubject,
  invoiceSubject,
  moneySchema,
  orderSubject,
  paymentSubject,
  receiptSubject,
  refundSubject,
  type PaymentSubject,
} from './subjects.ts';

/**
 * `invoice` is the first of the invoices that the payment pays; `payment.invoices` names them all. `receipt` is as it is after the fact; there is none
 * before money came.
 */
export const paymentContext = {
  payment: paymentSubject,
  customer: customerSubject.optional(),
  invoice: invoiceSubject.optional(),
  order: orderSubject.optional(),
  receipt: receiptSubject.optional(),
};

/** What kind of no a failure is, whose word decided that, and when the charge is made again. */
export const decline = z
  .strictObject({
    class: z.enum(['transient', 'soft', 'customer-action', 'hard']),
    source: z.enum(['sepa', 'visa', 'mastercard', 'ours']),
    /** The word that decided: `AM04`, `insufficient-funds`. */
    code: z.string(),
    /** False where only the customer can change it, or nobody can. */
    retryable: z.boolean(),
    /** By the schedule of the method; empty where no repeat is planned. */
    retryAt: z.iso.datetime().or(z.literal('')),
    /** It was a charge under a mandate: the customer was not there, and may not know of it. */
    unattended: z.boolean(),
    /** A person looks before anybody is written to: the debtor is dead, it may be fraud, or the mistake is ours. */
    person: z.boolean(),
  })
  .meta({ id: 'Decline' });
export type Decline = z.infer<typeof decline>;

const data = z.strictObject(paymentContext);
/** Absent on events from before this was recorded. */
const unpaid = z.strictObject({ ...paymentContext, decline: decline.optional() });
const poor: Decline = {
  class: 'soft',
  source: 'ours',
  code: 'insufficient-funds',
  retryable: true,
  retryAt: '2026-11-22T09:30:00.000Z',
  unattended: true,
  person: false,
};
const open = { customer: customerExample, invoice: openInvoiceExample };
const authorizedExample: PaymentSubject = { ...unpaidExample('authorized'), captureBefore: '2026-12-05T09:30:40.000Z' };
const euro = (amount: string) => ({ amount, currency: 'EUR' });

export const paymentEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'payment.created',
    version: 1,
    summary: 'A payment was opened at the provider; the customer has not begun to pay.',
    data,
    example: { payment: unpaidExample('created'), ...open },
  }),
  defineEvent({
    type: 'payment.pending',
    version: 1,
    summary: 'The customer has begun to pay; the result is not known yet.',
    data,
    example: { payment: unpaidExample('pending'), ...open },
  }),
  defineEvent({
    type: 'payment.authorized',
    version: 1,
    summary: 'The amount is reserved on the account of the customer and can be captured.',
    data,
    example: { payment: unpaidExample('authorized'), ...open },
  }),
  defineEvent({
    type: 'payment.completed',
    version: 1,
    summary: 'The money was taken; the invoices that it pays are updated.',
    data,
    example: { payment: paymentExample, customer: customerExample, invoice: invoiceExample, order: orderExample, receipt: receiptExample },
  }),
  defineEvent({
    type: 'payment.failed',
    version: 1,
    summary: 'The payment failed; payment.reason says why, and decline what to do about it.',
    data: unpaid,
    example: { payment: unpaidExample('failed', 'insufficient-funds'), ...open, decline: poor },
  }),
  defineEvent({
    type: 'payment.action-required',
    version: 1,
    summary: 'A bank wants to see the customer before it lets a charge pass; link leads to the page where the customer approves it.',
    data: z.strictObject({ ...paymentContext, link: z.string(), expiresAt: z.iso.datetime() }),
    example: {
      payment: unpaidExample('failed', 'authentication-failed'),
      ...open,
      link: 'https://pay.example.com/pay/8fK2',
      expiresAt: '2027-01-05T09:30:00.000Z',
    },
  }),
  defineEvent({
    type: 'payment.cancelled',
    version: 1,
    summary: 'The payment was ended before any money was taken.',
    data,
    example: { payment: unpaidExample('cancelled'), ...open },
  }),
  defineEvent({
    type: 'payment.expired',
    version: 1,
    summary: 'The time was over before any money was taken.',
    data,
    example: { payment: unpaidExample('expired'), ...open },
  }),
  defineEvent({
    type: 'payment.capture-due',
    version: 1,
    summary: 'Reserved money has to be captured before payment.captureBefore, which is near; left is what was not captured yet.',
    data: z.strictObject({ ...paymentContext, left: moneySchema }),
    example: { payment: authorizedExample, ...open, left: euro('60.50') },
  }),
  defineEvent({
    type: 'payment.capture-failed',
    version: 1,
    summary: 'The provider refused to capture reserved money; problem is its word for why.',
    data: z.strictObject({ ...paymentContext, problem: z.string() }),
    example: { payment: authorizedExample, ...open, problem: 'The card was declined' },
  }),
  defineEvent({
    type: 'payment.authorization-expired',
    version: 1,
    summary: 'The time is over in which reserved money could be captured; left is what was not.',
    data: z.strictObject({ ...paymentContext, left: moneySchema }),
    example: { payment: unpaidExample('expired'), ...open, left: euro('60.50') },
  }),
  defineEvent({
    type: 'payment.refunded',
    version: 1,
    summary: 'Money of this payment was sent back, in part or in full.',
    data: z.strictObject({ ...paymentContext, refund: refundSubject.optional() }),
    example: {
      payment: { ...paymentExample, status: 'partially-refunded', refunded: euro('12.10') },
      customer: customerExample,
      invoice: invoiceExample,
    },
  }),
  defineEvent({
    type: 'payment.charged-back',
    version: 1,
    summary: 'A bank or card scheme took the money back against our will. With a charge under a mandate, decline says what to do about it.',
    data: unpaid,
    example: {
      payment: { ...paymentExample, status: 'charged-back' },
      ...open,
      decline: { class: 'customer-action', source: 'sepa', code: 'MD06', retryable: false, retryAt: '', unattended: true, person: false },
    },
  }),
  defineEvent({
    type: 'payment.disputed',
    version: 1,
    summary: 'The customer objects to the payment; evidence can be sent before the money is gone.',
    data: z.strictObject({ ...paymentContext, dispute: disputeSubject.optional() }),
    example: { payment: paymentExample, customer: customerExample, invoice: invoiceExample },
  }),
  defineEvent({
    type: 'payment.reversed',
    version: 1,
    summary: 'A completed payment turned out not to be: the provider took it back, or returned what a chargeback took.',
    data: z.strictObject({ ...paymentContext, change: moneySchema }),
    example: { payment: unpaidExample('failed', 'technical'), ...open, change: euro('-60.50') },
  }),
  defineEvent({
    type: 'payment.amount-mismatch',
    version: 1,
    summary: 'The provider took another amount than was asked for; nothing was fulfilled on the strength of it.',
    data: z.strictObject({ ...paymentContext, expected: moneySchema, received: moneySchema }),
    example: { payment: { ...paymentExample, captured: euro('50.00') }, ...open, expected: euro('60.50'), received: euro('50.00') },
  }),
  defineEvent({
    type: 'payment.contradicted',
    version: 1,
    summary: 'The provider tells of taken money as if nobody had paid; nothing was undone, and somebody has to ask the provider.',
    data: z.strictObject({ ...paymentContext, providerState: z.string() }),
    example: { payment: paymentExample, customer: customerExample, invoice: invoiceExample, providerState: 'open' },
  }),
  defineEvent({
    type: 'payment.overpaid',
    version: 1,
    summary: 'More came in than the invoices of the payment can take, because another payment was first: unallocated is the customer’s.',
    data: z.strictObject({ ...paymentContext, unallocated: moneySchema }),
    example: { payment: paymentExample, customer: customerExample, invoice: invoiceExample, unallocated: euro('60.50') },
  }),
];
