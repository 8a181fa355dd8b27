/** What happens to a checkout session: one amount that a payer may pay in any way that is offered. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { checkoutExample, customerExample, paymentExample, unpaidCheckout, unpaidExample } from './examples.ts';
import { checkoutSubject, customerSubject, paymentSubject } from './subjects.ts';

const data = z.strictObject({ checkout: checkoutSubject, payment: paymentSubject.optional(), customer: customerSubject.optional() });
const customer = customerExample;

export const checkoutEvents: readonly EventDefinition[] = [
  defineEvent({
    type: 'checkout.created',
    version: 1,
    summary: 'A payer can be sent to the checkout.',
    data,
    example: { checkout: unpaidCheckout('open'), customer },
  }),
  defineEvent({
    type: 'checkout.extended',
    version: 1,
    summary: 'The payer asked for more time: the checkout session ends later than it was made for.',
    data,
    example: { checkout: unpaidCheckout('open'), customer },
  }),
  defineEvent({
    type: 'checkout.updated',
    version: 1,
    summary: 'A payment of the checkout session has changed without paying it: it is with a bank, or was refused and another may be tried.',
    data,
    example: { checkout: unpaidCheckout('pending'), payment: unpaidExample('pending'), customer },
  }),
  defineEvent({
    type: 'checkout.completed',
    version: 1,
    summary: 'A payment has paid the checkout session, also one that came late.',
    data,
    example: { checkout: checkoutExample, payment: paymentExample, customer },
  }),
  defineEvent({
    type: 'checkout.cancelled',
    version: 1,
    summary: 'The checkout session was taken back.',
    data,
    example: { checkout: unpaidCheckout('cancelled'), customer },
  }),
  defineEvent({
    type: 'checkout.expired',
    version: 1,
    summary: 'Nobody paid the checkout session in time: a basket was left behind.',
    data,
    example: { checkout: unpaidCheckout('expired'), customer },
  }),
];
