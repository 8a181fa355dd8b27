/** What the guards outside the flows say, for an alert. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';

const reached = z
  .strictObject({
    guard: z.enum(['message-cap', 'charge-cap', 'budget']),
    /** What is counted; never who. */
    what: z.string(),
    /** The cap in calls, or in minor units of the budget's currency. */
    cap: z.string(),
    /** When something of it frees. */
    freesAt: z.iso.datetime(),
    /** The flow and the action that found it reached. */
    flow: z.string(),
    action: z.string(),
  })
  .meta({ id: 'ReachedCap' });

export const guardEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'guard.cap-reached',
    version: 1,
    summary: 'A cap or a budget had no room for a call. Recorded once per cap and period, however many calls it turns away.',
    data: z.strictObject({ reached }),
    example: {
      reached: {
        guard: 'message-cap',
        what: 'messages to one receiver by sms.send',
        cap: '5',
        freesAt: '2026-11-21T23:00:00Z',
        flow: 'failed-payment',
        action: 'sms.send',
      },
    },
  }),
];
