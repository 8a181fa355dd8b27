import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../kernel/currency.ts';

/** Something that a customer bought; price and credits are frozen when it is made. */
export const OrderEntity = defineEntity({
  name: 'Order',
  tableName: 'customer_order',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    customerId: p.uuid(),
    invoiceId: p.uuid().nullable(),
    state: p.text().$type<'created' | 'paid' | 'cancelled'>(),
    /** Granted by a flow once it is paid. */
    credits: p.bigint('bigint'),
    description: p.text(),
    currency: p.text().$type<Currency>(),
    totalMinor: p.bigint('bigint'),
    createdAt: p.datetime(),
    requestKey: p.text().nullable(),
    version: p.integer().version(),
  },
});

export type OrderRow = InferEntity<typeof OrderEntity>;
