/** What providers pay out, and what is wrong with it. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { settlementExample } from './examples.ts';
import { moneySchema, settlementSubject } from './subjects.ts';

const data = z.strictObject({ settlement: settlementSubject });
const euro = (amount: string) => ({ amount, currency: 'EUR' });
const unbalanced = { ...settlementExample, status: 'unbalanced' as const, difference: euro('-12.50') };

export const settlementEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'settlement.received',
    version: 1,
    summary: 'A provider announced a bank transfer and what it is made of.',
    data,
    example: { settlement: settlementExample },
  }),
  defineEvent({
    type: 'settlement.unbalanced',
    version: 1,
    summary: 'The lines of a settlement do not add up to its payout; the difference is on the suspense account, and a person has to look.',
    data,
    example: { settlement: unbalanced },
  }),
  defineEvent({
    type: 'settlement.balanced',
    version: 1,
    summary: 'A settlement that did not add up does now: the missing lines have come.',
    data,
    example: { settlement: settlementExample },
  }),
  defineEvent({
    type: 'settlement.unexplained',
    version: 1,
    summary: 'A settlement has lines of money that our books cannot place; it is on the suspense account, and a person has to look.',
    data: z.strictObject({
      settlement: settlementSubject,
      /** The first twenty. */
      lines: z.array(
        z.strictObject({
          providerId: z.string(),
          kind: z.string(),
          /** The provider's own word, verbatim. */
          providerType: z.string(),
          amount: moneySchema,
        }),
      ),
    }),
    example: {
      settlement: { ...settlementExample, unexplained: euro('-3.00') },
      lines: [{ providerId: '302321/2026-11-23/lunar-bonus/x/12', kind: 'unknown', providerType: 'lunar-bonus', amount: euro('-3.00') }],
    },
  }),
];
