import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** Who pays. Empty texts mean "not known", as in the subject that flows read. */
export const CustomerEntity = defineEntity({
  name: 'Customer',
  tableName: 'customer',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    /** The portal's own name for this customer, unique per tenant. */
    reference: p.text().nullable(),
    name: p.text(),
    firstName: p.text(),
    email: p.text(),
    /** E.164, or empty. */
    phone: p.text(),
    locale: p.text(),
    createdAt: p.datetime(),
    version: p.integer().version(),
  },
});

export type CustomerRow = InferEntity<typeof CustomerEntity>;
