/** What starts flows by the clock and by triggers of plugins. Each is addressed to the flows that asked for it. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';

const instant = z.iso.datetime();

export const scheduleEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'flow.scheduled',
    version: 1,
    summary: 'A moment of a flow’s schedule has come. It starts that flow, and others only when they name the event.',
    data: z.strictObject({
      schedule: z
        .strictObject({
          /** Name of the flow. */
          flow: z.string(),
          cron: z.string(),
          timeZone: z.string(),
          /** The moment that is meant, which may be over for a while. */
          slot: instant,
          /** How many earlier moments this run stands for as well, because nobody was there: `missed: run-once`. */
          missed: z.int().min(0),
        })
        .meta({ id: 'Schedule' }),
    }),
    example: {
      schedule: { flow: 'monthly-report', cron: '0 6 1 * *', timeZone: 'Europe/Amsterdam', slot: '2026-12-01T05:00:00.000Z', missed: 0 },
    },
  }),
  defineEvent({
    type: 'flow.slots-missed',
    version: 1,
    summary: 'More moments of a schedule passed unseen than are caught up on; the oldest of them start no run.',
    data: z.strictObject({
      schedule: z
        .strictObject({ flow: z.string(), cron: z.string(), timeZone: z.string(), from: instant, until: instant })
        .meta({ id: 'MissedSlots' }),
    }),
    example: {
      schedule: {
        flow: 'check-terminals',
        cron: '*/5 * * * *',
        timeZone: 'Europe/Amsterdam',
        from: '2026-11-02T10:05:00.000Z',
        until: '2026-11-10T22:40:00.000Z',
      },
    },
  }),
  defineEvent({
    type: 'trigger.fired',
    version: 1,
    summary: 'A plugin’s trigger found something new at the provider. It starts the flows that asked for it.',
    data: z.strictObject({
      trigger: z
        .strictObject({
          /** `invoice.changed`. */
          name: z.string(),
          /** Id of the connection. */
          connection: z.string(),
          /** The trigger with its connection and settings. */
          source: z.string(),
          /** The item’s id at the provider: it is told of once. */
          id: z.string(),
        })
        .meta({ id: 'Trigger' }),
      /** As the trigger’s manifest describes it. */
      item: z.record(z.string(), z.unknown()),
    }),
    example: {
      trigger: {
        name: 'invoice.changed',
        connection: 'con_01jd3k4m5n6p7q8r9s0t1v2w3z',
        source: '0b6f5c1d2e3f40718293a4b5c6d7e8f9',
        id: 'inv_7@2026-11-21T10:00:00Z',
      },
      item: { number: '2026-7' },
    },
  }),
];
