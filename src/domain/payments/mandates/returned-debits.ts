/**
 * Direct debits that come back, one after the other.
 *
 * Each return costs a fee, and banks look at the rate of a creditor's returns. After {@link MOST_RETURNS} in a row nothing new is collected
 * under the mandate: only an invoice whose own schedule still has a day is tried again. A debit that is paid, or a person who lets the
 * mandate be charged again (`POST /v1/mandates/{id}/resume`), begins the count anew.
 */
import type { Transaction } from '../../../platform/database/transaction.ts';
import { mandateErrors } from '../payment.errors.ts';

export const MOST_RETURNS = 2;

/** @throws mandate.suspended */
export async function refuseAfterReturns(
  tx: Transaction,
  mandate: { readonly id: string; readonly kind: string },
  invoiceIds: readonly string[],
): Promise<void> {
  if (mandate.kind !== 'sepa-debit') return;
  const returns = await returnsInRow(tx, mandate.id);
  if (returns < MOST_RETURNS) return;
  const planned = await tx.query<{ retryAt: Date | null }>(
    `select distinct on (invoice_id) retry_at as "retryAt" from decline
     where mandate_id = $1 and invoice_id = any($2::uuid[]) order by invoice_id, failed_at desc`,
    [mandate.id, [...invoiceIds]],
  );
  const isPlanned = invoiceIds.length > 0 && planned.length === invoiceIds.length && planned.every(({ retryAt }) => retryAt !== null);
  if (!isPlanned) throw mandateErrors.suspended({ returns });
}

/** How many debits of a mandate came back since one was paid, or a person let it go on. One that never reached the bank does not count. */
export async function returnsInRow(tx: Transaction, mandateId: string): Promise<number> {
  const [row] = await tx.query<{ returns: number }>(
    `select count(*)::int as returns from payment p join mandate m on m.id = p.mandate_id
     where m.id = $1 and p.state in ('failed', 'charged-back') and coalesce(p.failure ->> 'reason', '') <> 'technical'
       and p.created_at > coalesce(m.resumed_at, '-infinity')
       and p.created_at > coalesce((select max(paid.created_at) from payment paid
         where paid.mandate_id = m.id and paid.state in ('completed', 'partially-refunded', 'refunded')), '-infinity')`,
    [mandateId],
  );
  return row?.returns ?? 0;
}
