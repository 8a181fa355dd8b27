/** What happens to a subscription. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample, openInvoiceExample, subscriptionExample } from './examples.ts';
import { customerSubject, invoiceSubject, subscriptionSubject } from './subjects.ts';

const data = z.strictObject({ subscription: subscriptionSubject, customer: customerSubject, invoice: invoiceSubject.optional() });
const active = { subscription: subscriptionExample, customer: customerExample };
const suspended = { ...active, subscription: { ...subscriptionExample, status: 'suspended' as const } };

/** Usage of one meter above what the period includes. */
const overage = z.strictObject({ meter: z.string(), included: z.int(), used: z.int(), over: z.int() }).meta({ id: 'Overage' });

export const subscriptionEvents: readonly EventDefinition[] = [
  defineEvent({ type: 'subscription.started', version: 1, summary: 'A subscription began.', data, example: active }),
  defineEvent({
    type: 'subscription.renewed',
    version: 1,
    summary: 'A new period began; its invoice is issued.',
    data,
    example: { ...active, invoice: openInvoiceExample },
  }),
  defineEvent({
    type: 'subscription.over-limit',
    version: 1,
    summary: 'The usage of a period went above what is included; said once for each meter and period.',
    data: z.strictObject({ subscription: subscriptionSubject, customer: customerSubject, overage }),
    example: { ...active, overage: { meter: 'reports', included: 1_000, used: 1_040, over: 40 } },
  }),
  defineEvent({
    type: 'subscription.suspended',
    version: 1,
    summary: 'The subscription rests, usually for want of payment.',
    data,
    example: suspended,
  }),
  defineEvent({ type: 'subscription.resumed', version: 1, summary: 'A suspended subscription goes on.', data, example: active }),
  defineEvent({
    type: 'subscription.cancelled',
    version: 1,
    summary: 'The subscription ended and will not renew.',
    data,
    example: { ...active, subscription: { ...subscriptionExample, status: 'cancelled' } },
  }),
];
