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
    summary: 'Somebody asked for a refund; no money has moved. refund.waitsFor says whether somebody has to approve it.',
    data,
    example: { refund: { ...refundExample, status: 'requested', waitsFor: 'approval' }, ...context },
  }),
  defineEvent({
    type: 'refund.tap-required',
    version: 1,
    summary: 'The provider wants the card: somebody has to make the refund at the terminal, with the customer there.',
    data,
    example: { refund: { ...refundExample, status: 'requested', waitsFor: 'terminal' }, ...context },
  }),
  defineEvent({
    type: 'refund.cancelled',
    version: 1,
    summary: 'A refund that waited was called off; no money has moved.',
    data,
    example: { refund: { ...refundExample, status: 'cancelled' }, ...context },
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
