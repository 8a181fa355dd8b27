/** What happens to a mandate: the permission of a customer to collect later. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample } from './examples.ts';
import { customerSubject } from './subjects.ts';

const mandate = z
  .strictObject({
    id: z.string(),
    status: z.enum(['pending', 'active', 'revoked']),
    /** `sepa-debit`, `card`, … */
    method: z.string(),
    provider: z.string(),
    customer: z.string(),
  })
  .meta({ id: 'Mandate' });

const data = z.strictObject({ mandate, customer: customerSubject });
const active = {
  id: 'man_01jd3k4m5n6p7q8r9s0t1v2w45',
  status: 'active',
  method: 'sepa-debit',
  provider: 'acme-pay',
  customer: customerExample.id,
} as const;

export const mandateEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'mandate.created',
    version: 1,
    summary: 'A customer permitted us to collect later.',
    data,
    example: { mandate: active, customer: customerExample },
  }),
  defineEvent({
    type: 'mandate.revoked',
    version: 1,
    summary: 'The permission to collect ended.',
    data,
    example: { mandate: { ...active, status: 'revoked' }, customer: { ...customerExample, hasMandate: false } },
  }),
];
