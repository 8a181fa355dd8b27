/** What happens to the addresses of portals that events are sent to, so that somebody hears of it who is not that portal. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';

const endpoint = z
  .strictObject({
    id: z.string(),
    /** Host of its address: the rest may hold a secret. */
    host: z.string(),
    description: z.string(),
  })
  .meta({ id: 'WebhookEndpoint' });

const delivery = z
  .strictObject({
    id: z.string(),
    /** The event that was not taken. */
    event: z.string(),
    type: z.string(),
    subject: z.string(),
    attempts: z.int(),
    /** Why the last attempt failed. */
    problem: z.string(),
  })
  .meta({ id: 'WebhookDelivery' });

const example = { id: 'whk_01jd3k4m5n6p7q8r9s0t1v2w4a', host: 'portal.example.com', description: 'The shop' };

export const webhookEndpointEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'webhook-endpoint.disabled',
    version: 1,
    summary: 'The portal answered 410, so nothing more is sent to this endpoint until a person makes it active again.',
    data: z.strictObject({ endpoint, problem: z.string() }),
    example: { endpoint: example, problem: 'The portal answered 410: there is nobody at this address any more' },
  }),
  defineEvent({
    type: 'webhook-endpoint.dead-letter',
    version: 1,
    summary: 'A webhook was never taken and is not tried again by itself. Not recorded for events about endpoints.',
    data: z.strictObject({ endpoint, delivery }),
    example: {
      endpoint: example,
      delivery: {
        id: 'whd_01jd3k4m5n6p7q8r9s0t1v2w4b',
        event: 'evt_01jd3k4m5n6p7q8r9s0t1v2w4c',
        type: 'payment.completed',
        subject: 'payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3z',
        attempts: 10,
        problem: 'The portal answered 500',
      },
    },
  }),
];
