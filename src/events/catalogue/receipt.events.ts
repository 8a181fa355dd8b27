/** What happens to a receipt: it is issued when money comes, and corrected by each later change of what is kept. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { correctedReceipt, customerExample, invoiceExample, orderExample, paymentExample, receiptExample } from './examples.ts';
import { paymentContext } from './payment.events.ts';
import { receiptSubject } from './subjects.ts';

const data = z.strictObject({
  ...paymentContext,
  receipt: receiptSubject,
  /** It was a charge under a mandate: the customer was not there. */
  unattended: z.boolean(),
});
const euro = (amount: string) => ({ amount, currency: 'EUR' });

export const receiptEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'receipt.issued',
    version: 1,
    summary: 'Money of a payment came, and there is a receipt of it; also of another amount than was asked for.',
    data,
    example: {
      receipt: receiptExample,
      payment: paymentExample,
      customer: customerExample,
      invoice: invoiceExample,
      order: orderExample,
      unattended: false,
    },
  }),
  defineEvent({
    type: 'receipt.corrected',
    version: 1,
    summary: 'What is kept of a payment has changed; receipt.reason says why, receipt.before and receipt.kept from what to what.',
    data,
    example: {
      receipt: correctedReceipt('refunded', '12.10', {
        kept: euro('48.40'),
        refunded: euro('12.10'),
        issuedAt: '2026-12-01T08:00:00.000Z',
      }),
      payment: { ...paymentExample, status: 'partially-refunded', refunded: euro('12.10') },
      customer: customerExample,
      invoice: invoiceExample,
      unattended: false,
    },
  }),
];
