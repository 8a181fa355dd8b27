/** What the settlements of a provider say, and where they and our books differ. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { paymentExample } from './examples.ts';
import { moneySchema, paymentSubject } from './subjects.ts';

const settlement = z
  .strictObject({
    id: z.string(),
    /** Name of the connection that it came through. */
    connection: z.string(),
    providerId: z.string(),
    /** What reaches the bank: payments less refunds, chargebacks and fees. */
    amount: moneySchema,
    fees: moneySchema,
    paidOn: z.string(),
  })
  .meta({ id: 'Settlement' });

const received = {
  id: 'set_01jd3k4m5n6p7q8r9s0t1v2w46',
  connection: 'main',
  providerId: 'stl_8fK2',
  amount: { amount: '1204.11', currency: 'EUR' },
  fees: { amount: '8.29', currency: 'EUR' },
  paidOn: '2026-11-23',
};

export const reconciliationEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'settlement.received',
    version: 1,
    summary: 'A provider announced a bank transfer and what it is made of.',
    data: z.strictObject({ settlement }),
    example: { settlement: received },
  }),
  defineEvent({
    type: 'reconciliation.mismatch',
    version: 1,
    summary: 'A settlement and our ledger differ; a person has to look.',
    data: z.strictObject({
      mismatch: z.strictObject({
        kind: z.enum(['missing-here', 'missing-there', 'amount', 'fee', 'currency']),
        reference: z.string(),
        expected: moneySchema.optional(),
        found: moneySchema.optional(),
      }),
      settlement: settlement.optional(),
      payment: paymentSubject.optional(),
    }),
    example: {
      mismatch: {
        kind: 'amount',
        reference: 'tr_8fK2mQ',
        expected: { amount: '60.50', currency: 'EUR' },
        found: { amount: '60.05', currency: 'EUR' },
      },
      settlement: received,
      payment: paymentExample,
    },
  }),
];
