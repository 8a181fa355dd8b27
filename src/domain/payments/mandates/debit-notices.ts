/**
 * Announcements of direct debits: the evidence that a customer was told what is taken from the account, and when.
 *
 * Announcing writes it down and tells flows (`mandate.pre-notification-due`), of which one sends the letter. The debit itself is a charge
 * with the same `dueOn`, handed in on `submitOn` at the latest.
 */
import { idOf, newUuid } from '../../../kernel/ids.ts';
import { money, toWire, type Money, type WireMoney } from '../../../kernel/money.ts';
import type { Currency } from '../../../kernel/currency.ts';
import type { Transaction } from '../../../platform/database/transaction.ts';
import type { DebitDates } from '../../dunning/index.ts';
import { mandateErrors } from '../payment.errors.ts';

/** As the wire shows it. */
export interface DebitNotice {
  readonly id: string;
  readonly mandate: string;
  readonly invoice: string;
  readonly amount: WireMoney;
  readonly dueOn: string;
  readonly submitOn: string;
  readonly announcedAt: string;
}

/** Writes a notice down. */
export async function insertNotice(
  tx: Transaction,
  notice: DebitDates & {
    readonly mandateId: string;
    readonly invoiceId: string;
    readonly amount: Money;
    readonly requestKey: string;
    readonly now: Date;
  },
): Promise<DebitNotice> {
  const { mandateId, invoiceId, amount, dueOn, submitOn, requestKey, now } = notice;
  const id = newUuid();
  await tx.query(
    `insert into debit_notice (id, tenant_id, mandate_id, invoice_id, currency, amount_minor, due_on, submit_on, created_at, request_key)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [id, tx.tenantId, mandateId, invoiceId, amount.currency, amount.minor, dueOn, submitOn, now, requestKey],
  );
  return {
    id: idOf('ntc', id),
    mandate: idOf('man', mandateId),
    invoice: idOf('inv', invoiceId),
    amount: toWire(amount),
    dueOn,
    submitOn,
    announcedAt: now.toISOString(),
  };
}

/** The notice that a request made, when it did. */
export async function noticeOfRequest(tx: Transaction, requestKey: string): Promise<DebitNotice | undefined> {
  const [row] = await tx.query<NoticeRow>(`${NOTICES} where request_key = $1`, [requestKey]);
  return row && noticeOf(row);
}

/** Newest first, after the one with the id `after`; of one invoice or of all. */
export async function listNotices(
  tx: Transaction,
  page: { readonly limit: number; readonly after: string | undefined; readonly invoiceId: string | undefined },
): Promise<DebitNotice[]> {
  const rows = await tx.query<NoticeRow>(
    `${NOTICES} where ($1::uuid is null or id < $1) and ($2::uuid is null or invoice_id = $2) order by id desc limit $3`,
    [page.after ?? null, page.invoiceId ?? null, page.limit],
  );
  return rows.map(noticeOf);
}

/** @throws mandate.not-announced unless each invoice was, under the mandate, for that day */
export async function requireNotices(
  tx: Transaction,
  {
    mandateId,
    invoiceIds,
    dueOn,
  }: { readonly mandateId: string; readonly invoiceIds: readonly string[]; readonly dueOn: string | undefined },
): Promise<void> {
  const announced = await tx.query(
    `select distinct invoice_id from debit_notice where mandate_id = $1 and invoice_id = any($2::uuid[]) and due_on = $3::date`,
    [mandateId, [...invoiceIds], dueOn ?? null],
  );
  if (invoiceIds.length > 0 && announced.length < invoiceIds.length) throw mandateErrors['not-announced']({ dueOn: dueOn ?? '' });
}

const NOTICES = `select id, mandate_id, invoice_id, currency, amount_minor::text as minor, to_char(due_on, 'YYYY-MM-DD') as due_on,
  to_char(submit_on, 'YYYY-MM-DD') as submit_on, created_at from debit_notice`;

function noticeOf(row: NoticeRow): DebitNotice {
  return {
    id: idOf('ntc', row.id),
    mandate: idOf('man', row.mandate_id),
    invoice: idOf('inv', row.invoice_id),
    amount: toWire(money(BigInt(row.minor), row.currency)),
    dueOn: row.due_on,
    submitOn: row.submit_on,
    announcedAt: row.created_at.toISOString(),
  };
}

interface NoticeRow {
  readonly id: string;
  readonly created_at: Date;
  readonly mandate_id: string;
  readonly invoice_id: string;
  readonly currency: Currency;
  readonly minor: string;
  readonly due_on: string;
  readonly submit_on: string;
}
