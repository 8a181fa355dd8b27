import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { MandateFacts, NextStep } from '@kassaflow/plugin-sdk';
import type { MandateState } from './mandate.ts';

/** A customer's permission to charge later, as its provider last reported it. */
export const MandateEntity = defineEntity({
  name: 'Mandate',
  tableName: 'mandate',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    customerId: p.uuid(),
    connectionId: p.uuid(),
    /** The payment that left it behind. */
    paymentId: p.uuid().nullable(),
    /** Null until the provider of one that we asked for has answered. */
    providerId: p.text().nullable(),
    /** The customer at the provider, where a charge has to name it too. */
    providerCustomer: p.text().nullable(),
    kind: p.text().$type<MandateFacts['kind']>(),
    state: p.text().$type<MandateState>(),
    label: p.text(),
    fingerprint: p.text().nullable(),
    validUntil: p.datetime().nullable(),
    factsFetchedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    usedAt: p.datetime(),
    lapsesAt: p.datetime(),
    endedAt: p.datetime().nullable(),
    description: p.text(),
    /** What the customer has to do to confirm it; null once it is done or of no use. */
    next: p.json<NextStep>().nullable(),
    /** The request that asked for it; null on one that a payment left behind. */
    requestKey: p.text().nullable(),
    /** Its provider tries a failed charge again by itself. */
    providerRetries: p.boolean(),
    /** Returns before this do not count any more (`returned-debits.ts`). */
    resumedAt: p.datetime().nullable(),
    /** Charged in its place since the customer approved a charge of it with that. */
    replacedById: p.uuid().nullable(),
    version: p.integer().version(),
  },
});

export type MandateRow = InferEntity<typeof MandateEntity>;
