/** Where the settlements of a provider and our books differ. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { paymentExample, settlementExample } from './examples.ts';
import { moneySchema, paymentSubject, settlementSubject } from './subjects.ts';

export const reconciliationEvents: readonly EventDefinition[] = [
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
      settlement: settlementSubject.optional(),
      payment: paymentSubject.optional(),
    }),
    example: {
      mismatch: {
        kind: 'amount',
        reference: 'tr_8fK2mQ',
        expected: { amount: '60.50', currency: 'EUR' },
        found: { amount: '60.05', currency: 'EUR' },
      },
      settlement: settlementExample,
      payment: paymentExample,
    },
  }),
];
