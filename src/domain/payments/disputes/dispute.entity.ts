import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../../kernel/currency.ts';
import type { DisputeState } from './dispute.ts';

/** An objection to a payment, as its provider last reported it. */
export const DisputeEntity = defineEntity({
  name: 'Dispute',
  tableName: 'dispute',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    paymentId: p.uuid(),
    providerId: p.text(),
    state: p.text().$type<DisputeState>(),
    currency: p.text().$type<Currency>(),
    amountMinor: p.bigint('bigint'),
    /** The scheme's or bank's code, verbatim. */
    reason: p.text(),
    respondBy: p.datetime().nullable(),
    openedAt: p.datetime(),
    closedAt: p.datetime().nullable(),
    version: p.integer().version(),
  },
});

export type DisputeRow = InferEntity<typeof DisputeEntity>;
