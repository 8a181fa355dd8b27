import { failed, ok, type Context, type CreatePayment, type Outcome } from '@kassaflow/plugin-sdk';
import { callStripe } from './client.ts';
import type { Settings } from './settings.ts';

/**
 * The customer at Stripe to whom a permission to charge will belong: the one we know, or a new one.
 *
 * A customer without payments is nothing: when the answer gets lost, that is `temporary` and not `unknown`, and the next attempt sends
 * the same key. So a payment's body is the same on every attempt within the life of the key.
 */
export async function customerFor(context: Context<Settings>, customer: CreatePayment['customer']): Promise<Outcome<string>> {
  if (!customer) return failed('input', 'A mandate belongs to a customer.', { field: 'customer' });
  if (customer.providerId !== undefined) return ok(customer.providerId);
  return callStripe(context, 'read', async (stripe) => {
    const made = await stripe.customers.create(
      {
        ...(customer.name === undefined ? {} : { name: customer.name }),
        ...(customer.email === undefined ? {} : { email: customer.email }),
        ...(customer.phone === undefined ? {} : { phone: customer.phone }),
        metadata: { customer_id: customer.reference },
      },
      { idempotencyKey: `${context.idempotencyKey}:customer` },
    );
    return ok(made.id);
  });
}
