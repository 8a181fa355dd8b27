/** What happens to runs and tasks that somebody may want to act on, as a flow of its own. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';

const run = z
  .strictObject({
    id: z.string(),
    /** Name of the flow. */
    flow: z.string(),
    revision: z.int(),
    /** Path of the step at which it ended or waits; empty when it did not begin. */
    step: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'Run' });

const task = z
  .strictObject({ id: z.string(), team: z.string(), title: z.string(), about: z.string(), link: z.string(), urgent: z.boolean() })
  .meta({ id: 'Task' });

const runExample = {
  id: 'run_01jd3k4m5n6p7q8r9s0t1v2w47',
  flow: 'payment-completed',
  revision: 3,
  step: '0.parallel.books.0',
  reason: 'The accounting book is closed for this period',
};

export const runEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'run.failed',
    version: 1,
    summary: 'A run ended without doing all it should. A flow that starts from it is never started by its own failure.',
    data: z.strictObject({ run }),
    example: { run: runExample },
  }),
  defineEvent({
    type: 'run.needs-attention',
    version: 1,
    summary: 'A run waits for a person, for example to say whether an action took place.',
    data: z.strictObject({ run }),
    example: { run: { ...runExample, reason: 'It is not known whether the message was sent' } },
  }),
  defineEvent({
    type: 'run.chain-stopped',
    version: 1,
    summary: 'An event of a run starts nothing more, because ten runs have started each other already. Look for flows in a circle.',
    data: z.strictObject({
      run,
      /** Type of the event that starts nothing. */
      event: z.string(),
    }),
    example: { run: { ...runExample, step: '', reason: 'The event custom.ping is 11 runs away from the outside' }, event: 'custom.ping' },
  }),
  defineEvent({
    type: 'task.created',
    version: 1,
    summary: 'A flow asked staff to do something.',
    data: z.strictObject({ task }),
    example: {
      task: {
        id: 'tsk_01jd3k4m5n6p7q8r9s0t1v2w48',
        team: 'finance',
        title: 'Check this refund',
        about: 'payment/pay_01jd3k4m5n6p7q8r9s0t1v2w3z',
        link: '',
        urgent: false,
      },
    },
  }),
];
