/** What happens to the prepaid credits of a customer. Units are whole. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, orderExample } from './examples.ts';
import { customerSubject, orderSubject } from './subjects.ts';

const creditChange = z
  .strictObject({
    /** The entry of the credit account. */
    id: z.string(),
    kind: z.enum(['grant', 'use', 'expiry', 'correction', 'claw-back']),
    /** Positive: how many were added or taken, the kind says which. */
    units: z.int(),
    /** What the customer has after it. */
    balance: z.int(),
    reason: z.string(),
  })
  .meta({ id: 'CreditChange' });

const data = z.strictObject({ credit: creditChange, customer: customerSubject, order: orderSubject.optional() });
const used = { id: 'cre_01jd3k4m5n6p7q8r9s0t1v2w44', kind: 'use', units: 5, balance: 115, reason: 'report 8812' } as const;

export const creditEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'credit.added',
    version: 1,
    summary: 'Credits were granted to a customer.',
    data,
    example: {
      credit: { ...used, kind: 'grant', units: 500, balance: 620, reason: 'order' },
      customer: { ...customerExample, credits: 620 },
      order: orderExample,
    },
  }),
  defineEvent({
    type: 'credit.used',
    version: 1,
    summary: 'A customer used credits.',
    data,
    example: { credit: used, customer: { ...customerExample, credits: 115 } },
  }),
  defineEvent({
    type: 'credit.clawed-back',
    version: 1,
    summary: 'Credits were taken back because the money that paid for them was; a balance below zero is owed by the customer.',
    data,
    example: {
      credit: { ...used, kind: 'claw-back', units: 500, balance: -380, reason: 'charged back' },
      customer: { ...customerExample, credits: -380 },
    },
  }),
  defineEvent({
    type: 'credit.low',
    version: 1,
    summary: 'The balance of a customer fell below the threshold; said once each time it is crossed.',
    data: z.strictObject({ credit: creditChange, customer: customerSubject, threshold: z.int() }),
    example: { credit: { ...used, balance: 18 }, customer: { ...customerExample, credits: 18 }, threshold: 20 },
  }),
];
