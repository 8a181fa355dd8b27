/** What happens to a refund: asked for and done are different facts, days apart with some providers. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, paymentExample, refundExample } from './examples.ts';
import { paymentContext } from './payment.events.ts';
import { refundSubject } from './subjects.ts';

const data = z.strictObject({ refund: refundSubject, ...paymentContext });
const context = { payment: paymentExample, customer: customerExample };

export const refundEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'refund.requested',
    version: 1,
    summary: 'Somebody asked for a refund; no money has moved.',
    data,
    example: { refund: { ...refundExample, status: 'requested' }, ...context },
  }),
  defineEvent({
    type: 'refund.completed',
    version: 1,
    summary: 'The provider has sent the money back.',
    data,
    example: { refund: refundExample, ...context },
  }),
  defineEvent({
    type: 'refund.failed',
    version: 1,
    summary: 'The provider could not send the money back.',
    data,
    example: { refund: { ...refundExample, status: 'failed' }, ...context },
  }),
];
