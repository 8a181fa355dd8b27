/** Samples of what happens to payments. */
import {
  creditInvoice,
  creditOrder,
  creditPayment,
  euro,
  kim,
  openInvoice,
  paidInvoice,
  payment,
  unpaid,
  type Samples,
} from './sample-world.ts';

const plain = { customer: kim, invoice: paidInvoice };
const credits = {
  customer: kim,
  invoice: { ...creditInvoice, status: 'issued', paid: euro('0.00'), open: creditInvoice.total },
  order: creditOrder,
};
const open = { customer: kim, invoice: openInvoice };

export const paymentSamples: Readonly<Record<string, Samples>> = {
  'payment.completed': {
    'credit-package-100': { payment: creditPayment, customer: kim, invoice: creditInvoice, order: creditOrder },
    'invoice-paid': { payment, ...plain },
    'paid-by-card': { payment: { ...payment, method: 'card' }, ...plain },
    'no-phone': { payment, invoice: paidInvoice, customer: { ...kim, phone: '' } },
    'no-invoice': { payment: { ...payment, invoices: [], description: 'Donation' }, customer: kim },
  },
  'payment.failed': {
    'ideal-failed': { payment: unpaid('failed', { reason: 'cancelled-by-customer' }), ...open },
    'card-declined': { payment: unpaid('failed', { reason: 'insufficient-funds', method: 'card' }), ...open },
    'direct-debit-returned': { payment: unpaid('failed', { reason: 'account-closed', method: 'direct-debit' }), ...open },
    fraud: { payment: unpaid('failed', { reason: 'fraud', method: 'card' }), ...open },
  },
  'payment.refunded': {
    'in-part': { payment: { ...payment, status: 'partially-refunded', refunded: euro('21.00') }, ...plain },
    'in-full': { payment: { ...payment, status: 'refunded', refunded: payment.amount }, ...plain },
  },
  'payment.charged-back': {
    card: { payment: { ...payment, status: 'charged-back', method: 'card' }, ...open },
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
