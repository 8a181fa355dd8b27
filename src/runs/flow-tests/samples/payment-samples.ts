/** Samples of what happens to payments. */
import {
  creditInvoice,
  creditOrder,
  creditPayment,
  creditReceipt,
  euro,
  kim,
  openInvoice,
  paidInvoice,
  payment,
  receipt,
  unpaid,
  type Samples,
} from './sample-world.ts';

/** A charge that failed without the customer being there. */
const charged = { retryable: false, retryAt: '', unattended: true, person: false } as const;
const poor = { ...charged, class: 'soft', source: 'ours', code: 'insufficient-funds', retryable: true } as const;

const plain = { customer: kim, invoice: paidInvoice };
const credits = {
  customer: kim,
  invoice: { ...creditInvoice, status: 'issued', paid: euro('0.00'), open: creditInvoice.total },
  order: creditOrder,
};
const open = { customer: kim, invoice: openInvoice };

export const paymentSamples: Readonly<Record<string, Samples>> = {
  'payment.completed': {
    'credit-package-100': { payment: creditPayment, customer: kim, invoice: creditInvoice, order: creditOrder, receipt: creditReceipt },
    'invoice-paid': { payment, ...plain, receipt },
    'paid-by-card': { payment: { ...payment, method: 'card' }, ...plain },
    'no-phone': { payment, invoice: paidInvoice, customer: { ...kim, phone: '' } },
    'no-invoice': { payment: { ...payment, invoices: [], description: 'Donation' }, customer: kim },
  },
  'payment.failed': {
    'ideal-failed': {
      payment: unpaid('failed', { reason: 'cancelled-by-customer' }),
      ...open,
      decline: { ...charged, class: 'customer-action', source: 'ours', code: 'cancelled-by-customer', unattended: false },
    },
    'card-declined': {
      payment: unpaid('failed', { reason: 'insufficient-funds', method: 'card' }),
      ...open,
      decline: { ...poor, retryAt: '2026-11-24T09:00:00.000Z' },
    },
    'card-lost': {
      payment: unpaid('failed', { reason: 'card-declined', method: 'card' }),
      ...open,
      decline: { ...charged, class: 'hard', source: 'visa', code: '41' },
    },
    'bank-asks-for-customer': {
      payment: unpaid('failed', { reason: 'authentication-failed', method: 'card' }),
      ...open,
      decline: { ...charged, class: 'customer-action', source: 'ours', code: 'authentication-failed' },
    },
    'direct-debit-returned': {
      payment: unpaid('failed', { reason: 'account-closed', method: 'direct-debit' }),
      ...open,
      decline: { ...charged, class: 'hard', source: 'sepa', code: 'AC04' },
    },
    fraud: {
      payment: unpaid('failed', { reason: 'fraud', method: 'card' }),
      ...open,
      decline: { ...charged, class: 'hard', source: 'ours', code: 'fraud', person: true },
    },
  },
  'payment.refunded': {
    'in-part': { payment: { ...payment, status: 'partially-refunded', refunded: euro('21.00') }, ...plain },
    'in-full': { payment: { ...payment, status: 'refunded', refunded: payment.amount }, ...plain },
  },
  'payment.charged-back': {
    card: { payment: { ...payment, status: 'charged-back', method: 'card' }, ...open },
    'direct-debit-am04': {
      payment: { ...payment, status: 'charged-back', method: 'sepa-debit' },
      ...open,
      decline: { ...poor, source: 'sepa', code: 'AM04', retryAt: '2026-11-30T09:00:00.000Z' },
    },
    'credit-package-100': { payment: { ...creditPayment, status: 'charged-back' }, ...credits },
  },
  'payment.reversed': {
    'credit-package-100': {
      payment: { ...creditPayment, status: 'failed', captured: euro('0.00'), completedAt: '' },
      ...credits,
      change: euro('-24.20'),
    },
    'dispute-won': { payment, ...plain, change: payment.amount },
  },
  'payment.amount-mismatch': {
    'too-little': { payment: { ...payment, captured: euro('100.00') }, ...open, expected: payment.amount, received: euro('100.00') },
  },
};
