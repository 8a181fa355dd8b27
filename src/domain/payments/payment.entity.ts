import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { NextStep, PaymentFailure } from '@kassaflow/plugin-sdk';
import type { Currency } from '../../kernel/currency.ts';
import type { SplitRule } from './allocation.ts';
import type { PaymentState } from './payment.ts';

/** One attempt by a customer to pay one amount through one connection. Amounts are the newest facts, in minor units. */
export const PaymentEntity = defineEntity({
  name: 'Payment',
  tableName: 'payment',
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    customerId: p.uuid().nullable(),
    connectionId: p.uuid(),
    /** Under which the customer is charged; null when the customer pays. */
    mandateId: p.uuid().nullable(),
    /** What it leaves behind takes the place of this mandate. */
    replacesMandateId: p.uuid().nullable(),
    /** Null until the provider has answered. */
    providerId: p.text().nullable(),
    state: p.text().$type<PaymentState>(),
    description: p.text(),
    currency: p.text().$type<Currency>(),
    amountMinor: p.bigint('bigint'),
    authorizedMinor: p.bigint('bigint'),
    voidedMinor: p.bigint('bigint'),
    capturedMinor: p.bigint('bigint'),
    refundedMinor: p.bigint('bigint'),
    refundPendingMinor: p.bigint('bigint'),
    chargedBackMinor: p.bigint('bigint'),
    /** What we asked to be captured of an authorization, all captures together; 0n when the provider captures by itself. */
    captureAskedMinor: p.bigint('bigint'),
    /** The part of it whose capture has no answer yet. */
    capturePendingMinor: p.bigint('bigint'),
    /** Who takes reserved money: the provider by itself, we as soon as it is there (`captures/due-capture.ts`), or whoever asks for it. */
    capture: p.text().$type<'automatic' | 'when-authorized' | 'manual'>(),
    /** Until when reserved money can be taken, and when that is looked at next (`captures/capture-watch.ts`). */
    captureBefore: p.datetime().nullable(),
    captureWatchAt: p.datetime().nullable(),
    /** When its time was found to be over. */
    lapsedAt: p.datetime().nullable(),
    /** Until when the payer's bank may take the money back without a question. */
    provisionalUntil: p.datetime().nullable(),
    /** The provider tells nothing by itself: it is asked every few seconds (`payment-checks.ts`). */
    polled: p.boolean(),
    /** What settlements told of chargebacks and refunds, and fetches do not (`settled-money.ts`); null: nothing. */
    settledChargedBackMinor: p.bigint('bigint').nullable(),
    settledRefundedMinor: p.bigint('bigint').nullable(),
    feeMinor: p.bigint('bigint').nullable(),
    method: p.text().nullable(),
    providerState: p.text(),
    failure: p.json<PaymentFailure>().nullable(),
    /** What the customer has to do; null once it is done or of no use. */
    next: p.json<NextStep>().nullable(),
    split: p.text().$type<SplitRule>(),
    mismatched: p.boolean(),
    factsFetchedAt: p.datetime().nullable(),
    doubtedAt: p.datetime().nullable(),
    /** Since when the provider has told, twice, of taken money as if it had never been there (`payment-change.ts`). */
    contradictedAt: p.datetime().nullable(),
    metadata: p.json<Readonly<Record<string, string>>>(),
    createdAt: p.datetime(),
    completedAt: p.datetime().nullable(),
    requestKey: p.text().nullable(),
    version: p.integer().version(),
  },
});

/** Which part of a payment is meant for an invoice, and which part lies on it now. */
export const PaymentInvoiceEntity = defineEntity({
  name: 'PaymentInvoice',
  tableName: 'payment_invoice',
  properties: {
    paymentId: p.uuid().primary(),
    invoiceId: p.uuid().primary(),
    tenantId: p.uuid(),
    position: p.integer(),
    intendedMinor: p.bigint('bigint'),
    allocatedMinor: p.bigint('bigint'),
  },
});

export type PaymentRow = InferEntity<typeof PaymentEntity>;
export type PaymentInvoiceRow = InferEntity<typeof PaymentInvoiceEntity>;
