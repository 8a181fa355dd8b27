/** Samples of what happens to receipts: what later truth makes of them. */
import type { ReceiptSubject } from '../../../events/catalogue/subjects.ts';
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
  type Samples,
} from './sample-world.ts';

const nothing = euro('0.00');

/** A later version of {@link receipt}. */
const corrected = (reason: ReceiptSubject['reason'], after: Partial<ReceiptSubject>): ReceiptSubject => ({
  ...receipt,
  version: 2,
  reason,
  before: receipt.kept,
  movedAt: '2026-12-28T08:00:00.000Z',
  issuedAt: '2026-12-28T08:00:02.000Z',
  ...after,
});
const gone = { change: receipt.paid, kept: nothing };
const taken = { ...gone, chargedBack: receipt.paid };
const back = { change: receipt.paid, before: nothing, version: 3 };

const stands = { payment, customer: kim, invoice: paidInvoice, unattended: false };
const open = { payment: { ...payment, status: 'charged-back' }, customer: kim, invoice: openInvoice, unattended: false };

export const receiptSamples: Readonly<Record<string, Samples>> = {
  'receipt.issued': {
    'credit-package-100': {
      receipt: creditReceipt,
      payment: creditPayment,
      customer: kim,
      invoice: creditInvoice,
      order: creditOrder,
      unattended: false,
    },
    'invoice-paid': { receipt, ...stands },
  },
  'receipt.corrected': {
    'debit-returned': { receipt: corrected('returned', taken), ...open, payment: { ...open.payment, method: 'sepa-debit' } },
    'charge-returned': {
      receipt: corrected('returned', taken),
      ...open,
      payment: { ...open.payment, method: 'sepa-debit' },
      unattended: true,
    },
    'charged-back': { receipt: corrected('charged-back', taken), ...open, payment: { ...open.payment, method: 'card' } },
    'dispute-won': { receipt: corrected('won-back', back), ...stands, payment: { ...payment, method: 'card' } },
    'turned-out-not-to-be': {
      receipt: corrected('reversed', { ...gone, paid: nothing }),
      ...open,
      payment: { ...payment, status: 'failed', captured: nothing, completedAt: '' },
    },
    refunded: {
      receipt: corrected('refunded', { ...gone, refunded: receipt.paid }),
      ...open,
      payment: { ...payment, status: 'refunded', refunded: receipt.paid },
    },
    'refund-bounced': { receipt: corrected('refund-failed', back), ...stands },
  },
};
