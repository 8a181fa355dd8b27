/** Samples of what happens to subscriptions. */
import type { z } from 'zod';
import type { subscriptionSubject } from '../../../events/catalogue/subjects.ts';
import { kim, openInvoice, type Samples } from './sample-world.ts';

const subscription: z.infer<typeof subscriptionSubject> = {
  id: 'sub_01k9xw3d5t8m2q4r6v7y9z0a1m',
  status: 'active',
  plan: 'team',
  customer: kim.id,
  periodStart: '2026-11-01',
  periodEnd: '2026-11-30',
};

export const subscriptionSamples: Readonly<Record<string, Samples>> = {
  'subscription.renewed': { monthly: { subscription, customer: kim, invoice: openInvoice } },
  'subscription.suspended': { unpaid: { subscription: { ...subscription, status: 'suspended' }, customer: kim } },
  'subscription.cancelled': { plain: { subscription: { ...subscription, status: 'cancelled' }, customer: kim } },
};
