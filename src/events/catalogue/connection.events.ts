/** How the accounts at providers fare, so that somebody hears of it before customers do. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';

const connection = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    plugin: z.string(),
    mode: z.enum(['test', 'live']),
    status: z.enum(['active', 'paused']),
  })
  .meta({ id: 'Connection' });

const example = { id: 'con_01jd3k4m5n6p7q8r9s0t1v2w4d', name: 'shop', plugin: 'acme', mode: 'live' } as const;

export const connectionEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'connection.paused',
    version: 1,
    summary: 'The provider refuses the credentials, so it is not asked any more. Other connections take over where routes name them.',
    data: z.strictObject({
      connection,
      /** What the provider said, without secrets. */
      problem: z.string(),
    }),
    example: { connection: { ...example, status: 'paused' }, problem: 'The API key was revoked' },
  }),
  defineEvent({
    type: 'connection.recovered',
    version: 1,
    summary: 'A paused connection is in use again: a check was good, its credentials were changed, or a person said so.',
    data: z.strictObject({ connection }),
    example: { connection: { ...example, status: 'active' } },
  }),
];
