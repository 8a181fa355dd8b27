/** The tables of receipts: versions are written once and never changed, by plain SQL. */
import type { ReceiptReason, ReceiptSubject } from '../../events/catalogue/subjects.ts';
import type { Currency } from '../../kernel/currency.ts';
import { idOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { keptOf, type ReceiptTotals, type ReceiptVersion } from './receipt.ts';

/** One version with what is the same in all of them. */
export interface ReceiptRow extends ReceiptTotals {
  readonly paymentId: string;
  readonly number: string;
  readonly linkSecret: string;
  readonly version: number;
  readonly reason: ReceiptReason;
  readonly currency: Currency;
  readonly before: bigint;
  readonly invoices: ReceiptSubject['invoices'];
  readonly orderId: string;
  readonly movedAt: Date;
  readonly issuedAt: Date;
}

/** As PostgreSQL gives it: a bigint is text. */
type Stored = Omit<ReceiptRow, 'paid' | 'refunded' | 'chargedBack' | 'before'> &
  Readonly<Record<'paid' | 'refunded' | 'chargedBack' | 'before', string>>;

const COLUMNS = `r.payment_id as "paymentId", r.number, r.link_secret as "linkSecret", v.version, v.reason, v.currency,
  v.paid_minor as paid, v.refunded_minor as refunded, v.charged_back_minor as "chargedBack", v.before_minor as before,
  v.invoices, v.order_id as "orderId", v.moved_at as "movedAt", v.issued_at as "issuedAt"`;
const NEWEST = 'join lateral (select * from receipt_version where payment_id = r.payment_id order by version desc limit 1) v on true';

/** The newest version of each; a payment without a receipt is absent. */
export async function newestVersions(tx: Transaction, paymentIds: readonly string[]): Promise<ReceiptRow[]> {
  return (await tx.query<Stored>(`select ${COLUMNS} from receipt r ${NEWEST} where r.payment_id = any($1)`, [paymentIds])).map(rowOf);
}

/** The versions of one receipt that come after `after`, oldest first. */
export async function versionsAfter(tx: Transaction, paymentId: string, after: number, limit: number): Promise<ReceiptRow[]> {
  const rows = await tx.query<Stored>(
    `select ${COLUMNS} from receipt r join receipt_version v using (payment_id)
     where r.payment_id = $1 and v.version > $2 order by v.version limit $3`,
    [paymentId, after, limit],
  );
  return rows.map(rowOf);
}

/** The newest `limit` versions of one receipt, oldest first. */
export async function lastVersions(tx: Transaction, paymentId: string, limit: number): Promise<ReceiptRow[]> {
  const rows = await tx.query<Stored>(
    `select ${COLUMNS} from receipt r join receipt_version v using (payment_id)
     where r.payment_id = $1 order by v.version desc limit $2`,
    [paymentId, limit],
  );
  return rows.map(rowOf).toReversed();
}

export interface ReceiptFilter {
  readonly limit: number;
  /** A payment's id: its receipt was the last of the page before. */
  readonly after?: string | undefined;
  readonly number?: string | undefined;
  readonly customerId?: string | undefined;
}

/** Newest payment first, each in its newest version. */
export async function listReceipts(tx: Transaction, { limit, after, number, customerId }: ReceiptFilter): Promise<ReceiptRow[]> {
  const rows = await tx.query<Stored>(
    `select ${COLUMNS} from receipt r ${NEWEST}
     where ($2::uuid is null or r.payment_id < $2) and ($3::text is null or r.number = $3)
       and ($4::uuid is null or exists (select from payment p where p.id = r.payment_id and p.customer_id = $4))
     order by r.payment_id desc limit $1`,
    [limit, after ?? null, number ?? null, customerId ?? null],
  );
  return rows.map(rowOf);
}

/** @param opened the receipt is new */
export async function insertVersions(tx: Transaction, rows: readonly ReceiptRow[], opened: boolean): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const { paymentId, issuedAt } = first;
  if (opened)
    await tx.query(
      `insert into receipt (payment_id, tenant_id, number, link_secret, issued_at, changed_at) values ($1, $2, $3, $4, $5, $5)`,
      [paymentId, tx.tenantId, first.number, first.linkSecret, issuedAt],
    );
  else await tx.query('update receipt set changed_at = $2 where payment_id = $1', [paymentId, issuedAt]);
  for (const row of rows) {
    await tx.query(
      `insert into receipt_version (payment_id, version, tenant_id, reason, currency, paid_minor, refunded_minor, charged_back_minor,
         before_minor, invoices, order_id, moved_at, issued_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13)`,
      [
        paymentId,
        row.version,
        tx.tenantId,
        row.reason,
        row.currency,
        row.paid,
        row.refunded,
        row.chargedBack,
        row.before,
        JSON.stringify(row.invoices),
        row.orderId,
        row.movedAt,
        row.issuedAt,
      ],
    );
  }
}

/** @param publicUrl where people reach this server */
export function receiptSubject(row: ReceiptRow, publicUrl: string): ReceiptSubject {
  const wire = (minor: bigint) => toWire(money(minor, row.currency));
  const kept = keptOf(row);
  return {
    id: idOf('rcp', row.paymentId),
    number: row.number,
    version: row.version,
    reason: row.reason,
    payment: idOf('pay', row.paymentId),
    change: wire(kept > row.before ? kept - row.before : row.before - kept),
    before: wire(row.before),
    kept: wire(kept),
    paid: wire(row.paid),
    refunded: wire(row.refunded),
    chargedBack: wire(row.chargedBack),
    invoices: row.invoices,
    order: row.orderId,
    link: `${publicUrl}/receipts/${linkToken(row)}`,
    movedAt: row.movedAt.toISOString(),
    issuedAt: row.issuedAt.toISOString(),
  };
}

/** The payment's id without its prefix, and the secret: 48 characters, short enough for a text message. */
export function linkToken({ paymentId, linkSecret }: Pick<ReceiptRow, 'paymentId' | 'linkSecret'>): string {
  return `${idOf('rcp', paymentId).slice('rcp_'.length)}${linkSecret}`;
}

/** A version as it is stored. */
export function versionRow(
  version: ReceiptVersion,
  shared: Omit<ReceiptRow, keyof ReceiptTotals | 'version' | 'reason' | 'before'>,
): ReceiptRow {
  const { paid, refunded, chargedBack, reason, before } = version;
  return { ...shared, version: version.version, reason, before, paid, refunded, chargedBack };
}

function rowOf(stored: Stored): ReceiptRow {
  const { paid, refunded, chargedBack, before } = stored;
  return { ...stored, paid: BigInt(paid), refunded: BigInt(refunded), chargedBack: BigInt(chargedBack), before: BigInt(before) };
}
