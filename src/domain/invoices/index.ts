export { InvoiceEntity, InvoiceLineEntity, type InvoiceRow } from './invoice.entity.ts';
export { invoiceErrors } from './invoice.errors.ts';
export { openOf, payableOf, roomOf } from './invoice.ts';
export { InvoicesModule } from './invoices.module.ts';
export { Invoices, type InvoiceBill, type InvoiceListener } from './invoices.service.ts';
export { opensInvoice, payUrlOf, readPayToken } from './pay-url.ts';
export { netOf, totalsOf, type InvoiceLine } from './vat.ts';
