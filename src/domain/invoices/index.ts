export { InvoiceEntity, InvoiceLineEntity, type InvoiceRow } from './invoice.entity.ts';
export { invoiceErrors } from './invoice.errors.ts';
export { openOf, roomOf } from './invoice.ts';
export { InvoicesModule } from './invoices.module.ts';
export { Invoices, type InvoiceListener } from './invoices.service.ts';
export { type InvoiceLine } from './vat.ts';
