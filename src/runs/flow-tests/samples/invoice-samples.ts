/** Samples of what happens to invoices. */
import { euro, kim, openInvoice, paidInvoice, type Samples } from './sample-world.ts';

export const invoiceSamples: Readonly<Record<string, Samples>> = {
  'invoice.issued': { plain: { invoice: openInvoice, customer: kim } },
  'invoice.overdue': {
    plain: { invoice: openInvoice, customer: kim },
    'partly-paid': { invoice: { ...openInvoice, paid: euro('21.00'), open: euro('100.00') }, customer: kim },
  },
  'invoice.paid': { plain: { invoice: paidInvoice, customer: kim } },
  'invoice.cancelled': { plain: { invoice: { ...openInvoice, status: 'cancelled', payUrl: '' }, customer: kim } },
};
