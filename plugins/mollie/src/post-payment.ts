import type { MollieClient } from '@mollie/api-client';
import type { SeenPayment } from './seen.ts';

/** `POST /payments`. The library's types want members of its enums where the wire has plain words. */
export function postPayment(mollie: MollieClient, body: Readonly<Record<string, unknown>>, idempotencyKey: string): Promise<SeenPayment> {
  return mollie.payments.create({ ...body, idempotencyKey } as unknown as Parameters<typeof mollie.payments.create>[0]);
}
