/** What happens to a customer and to the permission to collect from one. */
import { z } from 'zod';
import { defineEvent, type EventDefinition } from './define-event.ts';
import { customerExample } from './examples.ts';
import { customerSubject } from './subjects.ts';

const data = z.strictObject({ customer: customerSubject });
const example = { customer: customerExample };

export const customerEvents: readonly EventDefinition[] = [
  defineEvent({ type: 'customer.created', version: 1, summary: 'A customer was added.', data, example }),
  defineEvent({ type: 'customer.updated', version: 1, summary: 'Something about a customer was changed.', data, example }),
];
