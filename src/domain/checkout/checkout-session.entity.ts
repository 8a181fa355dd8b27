import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Currency } from '../../kernel/currency.ts';
import type { WireMoney } from '../../kernel/money.ts';
import type { SessionState } from './checkout-session.ts';

/** One exact amount that one payer may pay in any way that is offered. All but its state is fixed when it is made. */
export const CheckoutSessionEntity = defineEntity({
  name: 'CheckoutSession',
  tableName: 'checkout_session',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    customerId: p.uuid().nullable(),
    state: p.text().$type<SessionState>(),
    description: p.text(),
    currency: p.text().$type<Currency>(),
    amountMinor: p.bigint('bigint'),
    invoices: p.json<readonly { readonly id: string; readonly amount?: WireMoney }[]>(),
    split: p.text().$type<'oldest-first' | 'proportional'>(),
    capture: p.text().$type<'automatic' | 'manual'>(),
    connection: p.text().nullable(),
    methods: p.json<readonly string[]>().nullable(),
    locale: p.text(),
    returnUrl: p.text(),
    cancelUrl: p.text().nullable(),
    metadata: p.json<Readonly<Record<string, string>>>(),
    createdAt: p.datetime(),
    expiresAt: p.datetime(),
    completedAt: p.datetime().nullable(),
    /** When its end is looked at; null once it has one. */
    dueAt: p.datetime().nullable(),
    /** How often the payer asked for more time. */
    extensions: p.smallint(),
    /** The terminal at which the payer stands. */
    device: p.text().nullable(),
    /** The page approves a charge: what is paid with is saved, where that can be, and takes the place of this mandate. */
    replacesMandateId: p.uuid().nullable(),
    requestKey: p.text(),
    version: p.integer().version(),
  },
});

export type CheckoutSessionRow = InferEntity<typeof CheckoutSessionEntity>;
