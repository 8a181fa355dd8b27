/** What happens to a mandate: the permission of a customer to collect later. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, openInvoiceExample } from './examples.ts';
import { customerSubject, invoiceSubject, mandateSubject, moneySchema, type MandateSubject } from './subjects.ts';

const data = z.strictObject({ mandate: mandateSubject, customer: customerSubject });
const active: MandateSubject = {
  id: 'man_01jd3k4m5n6p7q8r9s0t1v2w45',
  status: 'active',
  method: 'sepa-debit',
  label: 'NL•• INGB •••• 6789',
  provider: 'acme-pay',
  customer: customerExample.id,
  validUntil: '',
  createdAt: '2026-11-21T09:31:12.000Z',
  lastUsedAt: '2026-11-21T09:31:12.000Z',
};

export const mandateEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'mandate.created',
    version: 1,
    summary: 'A customer permitted us to collect later.',
    data,
    example: { mandate: active, customer: customerExample },
  }),
  defineEvent({
    type: 'mandate.revoked',
    version: 1,
    summary: 'The permission to collect was ended by the customer, the bank or us.',
    data,
    example: { mandate: { ...active, status: 'revoked' }, customer: { ...customerExample, hasMandate: false } },
  }),
  defineEvent({
    type: 'mandate.expired',
    version: 1,
    summary: 'The permission to collect lapsed: its card or its term is over, or it was not used for 36 months.',
    data,
    example: { mandate: { ...active, status: 'expired' }, customer: { ...customerExample, hasMandate: false } },
  }),
  defineEvent({
    type: 'mandate.suspended',
    version: 1,
    summary:
      'Two direct debits in a row came back: nothing new is collected under the mandate until one is paid or a person lets it go on.',
    data,
    example: { mandate: active, customer: customerExample },
  }),
  defineEvent({
    type: 'mandate.pre-notification-due',
    version: 1,
    summary: 'A direct debit is planned: the customer is to be told the amount, the day and the mandate before.',
    data: z.strictObject({
      mandate: mandateSubject,
      customer: customerSubject,
      invoice: invoiceSubject,
      amount: moneySchema,
      dueOn: z.iso.date(),
      submitOn: z.iso.date(),
      creditorId: z.string(),
    }),
    example: {
      mandate: active,
      customer: customerExample,
      invoice: openInvoiceExample,
      amount: openInvoiceExample.open,
      dueOn: '2026-12-07',
      submitOn: '2026-12-04',
      creditorId: 'NL98ZZZ999999990000',
    },
  }),
];
