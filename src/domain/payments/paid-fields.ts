/** What every request that asks for money says of what is paid, at the HTTP edge: payments, checkout sessions, payment requests. */
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { positiveMoneySchema } from '../../platform/http/money-schema.ts';
import type { PaymentWish } from './new-payment.ts';

const part = z.strictObject({ invoice: z.string(), amount: positiveMoneySchema });

/** Spread it into the route's body schema, and refine that with {@link ofOneKind}. */
export const paidFields = {
  invoices: z
    .array(z.union([z.string(), part]))
    .max(100)
    .default([])
    .meta({ description: 'Ids of open invoices, or parts of them: {"invoice":"inv_…","amount":{…}} for all or for none' }),
  amount: positiveMoneySchema.optional().meta({ description: 'Default: all that is open on the invoices' }),
  split: z
    .enum(['oldest-first', 'proportional'])
    .default('oldest-first')
    .meta({ description: 'How an amount below what is open is divided' }),
  metadata: z
    .record(z.string().max(40), z.string().max(500))
    .refine((all) => Object.keys(all).length <= 20, { params: { code: 'request.range' } })
    .default({}),
};

type WireInvoices = z.infer<(typeof paidFields)['invoices']>;

/** Parts are named for all invoices or for none. */
export function ofOneKind({ invoices }: { readonly invoices: WireInvoices }): boolean {
  return new Set(invoices.map((item) => typeof item)).size <= 1;
}

/** What is said when {@link ofOneKind} does not hold. */
export const NOT_OF_ONE_KIND = {
  path: ['invoices'],
  params: { code: 'request.type' },
  message: 'Name an amount for each invoice or for none',
};

/** The invoices as a {@link PaymentWish} has them. @throws id.format */
export function wishedInvoices(invoices: WireInvoices): PaymentWish['invoices'] {
  return invoices.map((item) =>
    typeof item === 'string' ? { id: uuidOf('inv', item) } : { id: uuidOf('inv', item.invoice), amount: item.amount },
  );
}
