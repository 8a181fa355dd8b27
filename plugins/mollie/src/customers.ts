import { failed, ok, type Context, type CreatePayment, type Outcome } from '@kassaflow/plugin-sdk';
import { callMollie } from './client.ts';
import type { Settings } from './settings.ts';
import { localeOf } from './words.ts';

/**
 * The customer at Mollie to whom a mandate will belong: the one we know, or a new one.
 *
 * A customer without payments is nothing: when the answer gets lost, that is `temporary` and not `unknown`, and the next attempt sends
 * the same key. So a payment's body is the same on every attempt within the life of the key.
 */
export async function customerFor(context: Context<Settings>, customer: CreatePayment['customer']): Promise<Outcome<string>> {
  if (!customer) return failed('input', 'A mandate belongs to a customer.', { field: 'customer' });
  if (customer.providerId !== undefined) return ok(customer.providerId);
  const locale = localeOf(customer.locale);
  const body = {
    ...(customer.name === undefined ? {} : { name: customer.name }),
    ...(customer.email === undefined ? {} : { email: customer.email }),
    ...(locale === undefined ? {} : { locale }),
    metadata: { customer_id: customer.reference },
  };
  return callMollie(context, 'read', async (mollie) => {
    const made = await mollie.customers.create({
      ...body,
      idempotencyKey: `${context.idempotencyKey}:customer`,
      // the library's type wants a member of its enum of locales
    } as unknown as Parameters<typeof mollie.customers.create>[0]);
    return ok(made.id);
  });
}
