/** What happens to a dispute: somebody objects to a payment, and a bank or scheme decides. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, disputeExample, invoiceExample, openInvoiceExample, paymentExample } from './examples.ts';
import { paymentContext } from './payment.events.ts';
import { disputeSubject } from './subjects.ts';

const data = z.strictObject({ dispute: disputeSubject, ...paymentContext });
const taken = { payment: { ...paymentExample, status: 'charged-back' as const }, customer: customerExample, invoice: openInvoiceExample };

export const disputeEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'dispute.opened',
    version: 1,
    summary: 'Money of a payment was taken back; the invoices that it paid are open again.',
    data,
    example: { dispute: disputeExample, ...taken },
  }),
  defineEvent({
    type: 'dispute.won',
    version: 1,
    summary: 'A dispute was decided for us, and the money came back.',
    data,
    example: {
      dispute: { ...disputeExample, status: 'won', closedAt: '2026-12-20T08:00:00.000Z' },
      payment: paymentExample,
      customer: customerExample,
      invoice: invoiceExample,
    },
  }),
  defineEvent({
    type: 'dispute.lost',
    version: 1,
    summary: 'A dispute was decided against us.',
    data,
    example: { dispute: { ...disputeExample, status: 'lost', closedAt: '2026-12-20T08:00:00.000Z' }, ...taken },
  }),
];
