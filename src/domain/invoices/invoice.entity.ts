import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../kernel/currency.ts';

export const INVOICE_STATES = ['draft', 'issued', 'paid', 'written-off', 'cancelled'] as const;
export type InvoiceState = (typeof INVOICE_STATES)[number];

/** A demand for payment; its lines, customer and amounts never change once it is issued. */
export const InvoiceEntity = defineEntity({
  name: 'Invoice',
  tableName: 'invoice',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    customerId: p.uuid(),
    /** Null while a draft: `2026-000123`. */
    number: p.text().nullable(),
    state: p.text().$type<InvoiceState>(),
    description: p.text(),
    currency: p.text().$type<Currency>(),
    netMinor: p.bigint('bigint'),
    vatMinor: p.bigint('bigint'),
    totalMinor: p.bigint('bigint'),
    /** How much of it payments cover now. */
    paidMinor: p.bigint('bigint'),
    /** How much of it was given up. */
    writtenOffMinor: p.bigint('bigint'),
    /** The secret part of the address at which it is paid. */
    linkSecret: p.text(),
    issuedOn: p.date().nullable(),
    dueOn: p.date().nullable(),
    paidAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    /** The key of the request that made it: a repeat finds this row. */
    requestKey: p.text().nullable(),
    version: p.integer().version(),
  },
});

export const InvoiceLineEntity = defineEntity({
  name: 'InvoiceLine',
  tableName: 'invoice_line',
  properties: {
    invoiceId: p.uuid().primary(),
    position: p.integer().primary(),
    tenantId: p.uuid(),
    description: p.text(),
    quantity: p.integer(),
    unitMinor: p.bigint('bigint'),
    vatRate: p.integer(),
    netMinor: p.bigint('bigint'),
  },
});

export type InvoiceRow = InferEntity<typeof InvoiceEntity>;
export type InvoiceLineRow = InferEntity<typeof InvoiceLineEntity>;
