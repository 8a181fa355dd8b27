/** What portals report: how much of something a customer used. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';

const usage = z
  .strictObject({
    /** Our customer id (`cus_…`) or the portal's own reference of the customer. */
    customer: z.string().min(1).max(128),
    /** What was used. */
    meter: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
    /** Whole units. Below zero takes back what was reported too much, in an event of its own. */
    quantity: z.int().min(-1_000_000_000_000).max(1_000_000_000_000),
    /** For people: which report, which call. */
    note: z.string().max(500).optional(),
  })
  .meta({ id: 'Usage' });

export const usageEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'usage.recorded',
    version: 1,
    summary: 'A portal reports that a customer used something; counted once for each event id.',
    data: z.strictObject({ usage }),
    example: { usage: { customer: 'portal-4711', meter: 'reports', quantity: 3, note: 'annual report' } },
    portal: true,
  }),
];
