/** Samples of what happens to refunds: a small one with credits to take back, and one that needs a second pair of eyes. */
import type { RefundSubject } from '../../../events/catalogue/subjects.ts';
import { creditInvoice, creditOrder, creditPayment, creditReceipt, euro, kim, paidInvoice, payment, type Samples } from './sample-world.ts';

const small: RefundSubject = {
  id: 'ref_01k9xw3d5t8m2q4r6v7y9z0a1h',
  status: 'requested',
  amount: euro('12.10'),
  reason: 'Bought too many',
  payment: creditPayment.id,
  credits: 50,
  origin: 'kassaflow',
  waitsFor: '',
  requestedBy: 'key/support',
};
const large: RefundSubject = {
  ...small,
  id: 'ref_01k9xw3d5t8m2q4r6v7y9z0a1j',
  amount: euro('484.00'),
  reason: 'Cancelled within 14 days',
  payment: payment.id,
  credits: 0,
};
const largePayment = { ...payment, amount: euro('484.00'), captured: euro('484.00') };

const ofCredits = { payment: creditPayment, customer: kim, invoice: creditInvoice, order: creditOrder };
const ofInvoice = { payment: largePayment, customer: kim, invoice: { ...paidInvoice, total: euro('484.00'), paid: euro('484.00') } };

const inState = (status: RefundSubject['status'], more: Partial<RefundSubject> = {}): Samples => ({
  'refund-small': { refund: { ...small, ...more, status }, ...ofCredits },
  'refund-large': { refund: { ...large, ...more, status }, ...ofInvoice },
});

export const refundSamples: Readonly<Record<string, Samples>> = {
  'refund.requested': inState('requested', { waitsFor: 'approval' }),
  'refund.cancelled': inState('cancelled'),
  'refund.tap-required': inState('requested', { waitsFor: 'terminal' }),
  'refund.completed': {
    ...inState('completed'),
    'with-receipt': {
      refund: { ...small, status: 'completed' },
      ...ofCredits,
      receipt: {
        ...creditReceipt,
        version: 2,
        reason: 'refunded',
        before: creditReceipt.kept,
        change: small.amount,
        refunded: small.amount,
        kept: euro('12.10'),
      },
    },
  },
  'refund.failed': inState('failed'),
};
