/** What happens to an order. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, invoiceExample, openInvoiceExample, orderExample } from './examples.ts';
import { customerSubject, invoiceSubject, orderSubject } from './subjects.ts';

const data = z.strictObject({ order: orderSubject, customer: customerSubject.optional(), invoice: invoiceSubject.optional() });
const paid = { order: orderExample, customer: customerExample, invoice: invoiceExample };

export const orderEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'order.created',
    version: 1,
    summary: 'Something was ordered; it is not paid.',
    data,
    example: { order: { ...orderExample, status: 'created' }, customer: customerExample, invoice: openInvoiceExample },
  }),
  defineEvent({ type: 'order.paid', version: 1, summary: 'The order is paid in full.', data, example: paid }),
  defineEvent({ type: 'order.fulfilled', version: 1, summary: 'The customer has what was ordered.', data, example: paid }),
  defineEvent({
    type: 'order.cancelled',
    version: 1,
    summary: 'The order was called off before it was paid.',
    data,
    example: { order: { ...orderExample, status: 'cancelled' }, customer: customerExample },
  }),
];
