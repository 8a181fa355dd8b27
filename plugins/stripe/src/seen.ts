import type { MandateFacts } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';

/** What Stripe knows about one payment, fetched together. */
export interface Seen {
  readonly session?: Stripe.Checkout.Session;
  readonly intent?: Stripe.PaymentIntent;
  /** All refunds of the intent. */
  readonly refunds: readonly Stripe.Refund[];
  /** All disputes of the intent's charge. */
  readonly disputes: readonly Stripe.Dispute[];
  readonly mandate?: MandateFacts | undefined;
  /** When the first request for these was sent. */
  readonly fetchStartedAt: number;
}

export function chargeOf(intent: Stripe.PaymentIntent | undefined): Stripe.Charge | undefined {
  const charge = intent?.latest_charge;
  return typeof charge === 'object' && charge !== null ? charge : undefined;
}

export function idOf(value: string | { readonly id: string } | null | undefined): string | undefined {
  return typeof value === 'string' ? value : (value?.id ?? undefined);
}

/** More of them than this on one payment have never been seen. */
const MAX_LISTED = 500;

export async function collect<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of list) {
    found.push(item);
    if (found.length >= MAX_LISTED) break;
  }
  return found;
}
