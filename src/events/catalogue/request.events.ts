/** What happens to a payment request: a payment that we push to a person. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, paymentExample, requestExample } from './examples.ts';
import { customerSubject, paymentSubject, requestSubject } from './subjects.ts';

const data = z.strictObject({ request: requestSubject, payment: paymentSubject.optional(), customer: customerSubject.optional() });
const customer = customerExample;

export const requestEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'request.created',
    version: 1,
    summary: 'The request was sent to the phone of the customer.',
    data,
    example: { request: requestExample, customer },
  }),
  defineEvent({
    type: 'request.approved',
    version: 1,
    summary: 'The customer approved the request.',
    data,
    example: { request: { ...requestExample, status: 'approved', payment: paymentExample.id }, payment: paymentExample, customer },
  }),
  defineEvent({
    type: 'request.cancelled',
    version: 1,
    summary: 'The request was taken back, or the customer refused it.',
    data,
    example: { request: { ...requestExample, status: 'cancelled' }, customer },
  }),
  defineEvent({
    type: 'request.expired',
    version: 1,
    summary: 'The customer did not answer in time.',
    data,
    example: { request: { ...requestExample, status: 'expired' }, customer },
  }),
  defineEvent({
    type: 'request.failed',
    version: 1,
    summary: 'The provider could not ask the customer, or the payment was declined.',
    data,
    example: { request: { ...requestExample, status: 'failed' }, customer },
  }),
  defineEvent({
    type: 'request.reminder-due',
    version: 1,
    summary: 'The request still waits for the customer at the moment that was set for a reminder.',
    data,
    example: { request: requestExample, customer },
  }),
];
