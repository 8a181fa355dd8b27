/**
 * How often one card, mandate or invoice may be charged, whoever asks: a flow, a portal, a person. And never twice at once: a debit that
 * takes days still has the invoice open, and a second one would take the money again.
 *
 * Visa allows 15 attempts per card and amount in 30 days; for Mastercard processors name 10 (recurring) to 35. Beyond that schemes
 * block and fine, so the lowest number counts: ten of a card, over all amounts, is below Visa's fifteen too. An attempt is a charge that
 * was begun, whatever came of it.
 */
import { idOf } from '../../../kernel/ids.ts';
import type { Transaction } from '../../../platform/database/transaction.ts';
import { mandateErrors } from '../payment.errors.ts';
import { refuseAfterReturns } from './returned-debits.ts';

export const CHARGES_PER_METHOD = 10;
export const CHARGES_PER_INVOICE = 8;
const WINDOW_MS = 30 * 86_400_000;

/**
 * The caller holds the row of each invoice and of the mandate. Two mandates over one card are counted together by its fingerprint; that
 * count takes a lock of its own.
 *
 * @throws mandate.cap, mandate.charge-open, mandate.suspended
 */
export async function checkChargeCaps(
  tx: Transaction,
  mandate: { readonly id: string; readonly kind: string; readonly fingerprint?: string | null | undefined },
  invoiceIds: readonly string[],
  now: Date,
): Promise<void> {
  const method = mandate.fingerprint ?? mandate.id;
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`charges ${tx.tenantId} ${method}`]);
  const [byMethod] = await tx.query<{ n: number }>(
    `select count(*)::int as n from payment p join mandate m on m.id = p.mandate_id
     where (m.id = $1 or m.fingerprint = $2) and p.created_at > $3`,
    [mandate.id, mandate.fingerprint ?? null, new Date(now.getTime() - WINDOW_MS)],
  );
  if ((byMethod?.n ?? 0) >= CHARGES_PER_METHOD) throw mandateErrors.cap({ counted: 'card or mandate', cap: CHARGES_PER_METHOD });
  const [open] = await tx.query<{ payment: string }>(
    `select p.id as payment from payment_invoice s join payment p on p.id = s.payment_id
     where s.invoice_id = any($1::uuid[]) and p.mandate_id is not null and p.state in ('created', 'pending', 'authorized') limit 1`,
    [[...invoiceIds]],
  );
  if (open) throw mandateErrors['charge-open']({ payment: idOf('pay', open.payment) });
  const perInvoice = await tx.query<{ id: string }>(
    `select s.invoice_id as id from payment_invoice s join payment p on p.id = s.payment_id
     where s.invoice_id = any($1::uuid[]) and p.mandate_id is not null group by 1 having count(*) >= $2`,
    [[...invoiceIds], CHARGES_PER_INVOICE],
  );
  if (perInvoice.length > 0) throw mandateErrors.cap({ counted: 'invoice', cap: CHARGES_PER_INVOICE });
  await refuseAfterReturns(tx, mandate, invoiceIds);
}
