import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../kernel/currency.ts';
import type { RefundState } from './refund.ts';

/** Money that we send back for a payment, or that was sent back at the provider without us. */
export const RefundEntity = defineEntity({
  name: 'Refund',
  tableName: 'refund',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    paymentId: p.uuid(),
    currency: p.text().$type<Currency>(),
    amountMinor: p.bigint('bigint'),
    state: p.text().$type<RefundState>(),
    origin: p.text().$type<'kassaflow' | 'provider'>(),
    providerId: p.text().nullable(),
    reason: p.text(),
    /** As the audit names them; empty for one that was made at the provider. */
    requestedBy: p.text(),
    /** The provider wants to see the card at a terminal. */
    atTerminal: p.boolean(),
    credits: p.bigint('bigint'),
    createdAt: p.datetime(),
    sentAt: p.datetime().nullable(),
    acceptedAt: p.datetime().nullable(),
    requestKey: p.text().nullable(),
    version: p.integer().version(),
  },
});

export type RefundRow = InferEntity<typeof RefundEntity>;
