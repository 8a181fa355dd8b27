import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../kernel/currency.ts';

/** A product that grants credits. Its price and credits are copied into an order, so a change never reaches back. */
export const CreditPackageEntity = defineEntity({
  name: 'CreditPackage',
  tableName: 'credit_package',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    name: p.text(),
    credits: p.bigint('bigint'),
    currency: p.text().$type<Currency>(),
    netMinor: p.bigint('bigint'),
    vatRate: p.integer(),
    active: p.boolean(),
    createdAt: p.datetime(),
  },
});

export type CreditPackageRow = InferEntity<typeof CreditPackageEntity>;
