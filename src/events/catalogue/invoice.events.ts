/** What happens to an invoice. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, invoiceExample, openInvoiceExample } from './examples.ts';
import { customerSubject, invoiceSubject, moneySchema } from './subjects.ts';

const data = z.strictObject({ invoice: invoiceSubject, customer: customerSubject.optional() });
const open = { invoice: openInvoiceExample, customer: customerExample };

export const invoiceEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'invoice.created',
    version: 1,
    summary: 'A draft was made; it has no number and may still change.',
    data,
    example: {
      invoice: { ...openInvoiceExample, status: 'draft', number: '', issuedOn: '', dueOn: '', payUrl: '' },
      customer: customerExample,
    },
  }),
  defineEvent({ type: 'invoice.issued', version: 1, summary: 'The invoice got its number and can no longer change.', data, example: open }),
  defineEvent({ type: 'invoice.sent', version: 1, summary: 'The invoice went out to the customer.', data, example: open }),
  defineEvent({
    type: 'invoice.overdue',
    version: 1,
    summary: 'The due date has passed and the invoice is not paid.',
    data,
    example: open,
  }),
  defineEvent({
    type: 'invoice.paid',
    version: 1,
    summary: 'Nothing is open any more.',
    data,
    example: { invoice: invoiceExample, customer: customerExample },
  }),
  defineEvent({
    type: 'invoice.reopened',
    version: 1,
    summary: 'A paid invoice is open again, because a payment was reversed or charged back.',
    data,
    example: open,
  }),
  defineEvent({
    type: 'invoice.cancelled',
    version: 1,
    summary: 'The invoice is no longer to be paid.',
    data,
    example: { invoice: { ...openInvoiceExample, status: 'cancelled', payUrl: '' }, customer: customerExample },
  }),
  defineEvent({
    type: 'invoice.written-off',
    version: 1,
    summary: 'What was open is given up and booked as a loss; money that comes all the same takes it back.',
    data,
    example: {
      invoice: { ...openInvoiceExample, status: 'written-off', open: { amount: '0.00', currency: 'EUR' }, payUrl: '' },
      customer: customerExample,
    },
  }),
  defineEvent({
    type: 'invoice.credited',
    version: 1,
    summary: 'A credit note took back the invoice, in part or in full.',
    data: z.strictObject({ invoice: invoiceSubject, customer: customerSubject.optional(), credited: moneySchema }),
    example: { invoice: invoiceExample, customer: customerExample, credited: { amount: '12.10', currency: 'EUR' } },
  }),
];
