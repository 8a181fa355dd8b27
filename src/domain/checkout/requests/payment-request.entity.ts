import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../../kernel/currency.ts';
import type { Ending, RequestState } from './payment-request.ts';

/** A payment that we push to somebody's phone. Which invoices it pays, its payment knows. */
export const PaymentRequestEntity = defineEntity({
  name: 'PaymentRequest',
  tableName: 'payment_request',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    customerId: p.uuid().nullable(),
    state: p.text().$type<RequestState>(),
    /** E.164. */
    phone: p.text(),
    description: p.text(),
    currency: p.text().$type<Currency>(),
    amountMinor: p.bigint('bigint'),
    ending: p.text().$type<Ending>().nullable(),
    createdAt: p.datetime(),
    expiresAt: p.datetime(),
    remindAt: p.datetime().nullable(),
    dueAt: p.datetime().nullable(),
    /** That of its payment too. */
    requestKey: p.text(),
    version: p.integer().version(),
  },
});

export type PaymentRequestRow = InferEntity<typeof PaymentRequestEntity>;
