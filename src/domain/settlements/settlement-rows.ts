/** Settlements as rows, and as the API and events show them. */
import type { SettlementSubject } from '../../events/catalogue/subjects.ts';
import { isCurrency } from '../../kernel/currency.ts';
import { readFine, toMinor, type Fine } from '../../kernel/fine-money.ts';
import { idOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { stateOf, type Booked, type Exchanged, type SettlementKind, type SettlementState } from './statement.ts';

export interface SettlementRow {
  readonly id: string;
  readonly connectionId: string;
  /** Name of the connection. */
  readonly connection: string;
  readonly kind: SettlementKind;
  readonly providerId: string;
  readonly currency: string;
  readonly itemized: boolean;
  readonly ledgerDate: string;
  readonly paidAt: Date | null;
  readonly paidBy: string | null;
  readonly lineCount: number;
  readonly payout: Fine;
  readonly fees: Fine;
  readonly feeVat: Fine;
  readonly difference: Fine;
  readonly unexplained: Fine;
  readonly booked: Booked;
  readonly exchanged: Exchanged;
  readonly receivedAt: Date | null;
  readonly version: number;
}

/** A line as the API shows it: amounts are decimal texts, because costs have up to four decimals. */
export interface LineView {
  readonly id: string;
  readonly providerId: string;
  readonly kind: string;
  readonly providerType: string;
  readonly paymentId: string | null;
  readonly refundId: string | null;
  readonly currency: string;
  readonly gross: string;
  readonly fee: string;
  readonly feeVat: string;
  readonly net: string;
  readonly explained: string;
  /** `gross` in the currency that was paid in, where the provider exchanged it and tells both. */
  readonly exchanged: { readonly gross: string; readonly currency: string } | null;
  readonly bookedAt: Date;
  readonly ledgerDate: string;
}

type StoredRow = Omit<SettlementRow, FineField | 'booked' | 'exchanged'> &
  Record<FineField, string> & { readonly booked: Record<keyof Booked, string>; readonly exchanged: Readonly<Record<string, string>> };
type FineField = 'payout' | 'fees' | 'feeVat' | 'difference' | 'unexplained';

const COLUMNS = `s.id, s.connection_id as "connectionId", c.name as connection, s.kind, s.provider_id as "providerId", s.currency, s.itemized,
  s.ledger_date as "ledgerDate", s.paid_at as "paidAt", s.paid_by as "paidBy", s.line_count as "lineCount", s.payout::text, s.fees::text,
  s.fee_vat::text as "feeVat", s.difference::text, s.unexplained::text, s.received_at as "receivedAt", s.version,
  json_build_object('payout', s.booked_payout::text, 'fees', s.booked_fees::text, 'feeVat', s.booked_fee_vat::text,
    'suspense', s.booked_suspense::text, 'exchange', s.booked_exchange::text, 'rounding', s.booked_rounding::text) as booked,
  s.booked_exchanged as exchanged`;

export async function findSettlement(tx: Transaction, id: string, lock: 'for update of s' | '' = ''): Promise<SettlementRow | undefined> {
  const [row] = await tx.query<StoredRow>(
    `select ${COLUMNS} from settlement s join connection c on c.id = s.connection_id where s.id = $1 ${lock}`,
    [id],
  );
  return row && rowOf(row);
}

/** Newest first by when we first heard of them. */
export async function listSettlements(
  tx: Transaction,
  page: {
    readonly limit: number;
    readonly after?: string | undefined;
    readonly connectionId?: string | undefined;
    readonly kind?: SettlementKind | undefined;
    readonly state?: SettlementState | undefined;
  },
): Promise<SettlementRow[]> {
  const rows = await tx.query<StoredRow>(
    `select ${COLUMNS} from settlement s join connection c on c.id = s.connection_id
     where ($1::uuid is null or s.id < $1) and ($2::uuid is null or s.connection_id = $2) and ($3::text is null or s.kind = $3)
       and ($4::text is null or $4 = case
         when s.difference <> 0 then 'unbalanced' when s.paid_at is not null or s.paid_by is not null then 'paid' else 'open' end)
     order by s.id desc limit $5`,
    [page.after ?? null, page.connectionId ?? null, page.kind ?? null, page.state ?? null, page.limit],
  );
  return rows.map(rowOf);
}

/** In the order in which they were booked, after the one at `after`. */
export function listLines(
  tx: Transaction,
  settlementId: string,
  page: { readonly limit: number; readonly after?: { readonly bookedAt: string; readonly id: string } | undefined },
): Promise<LineView[]> {
  return tx.query<LineView>(
    `select id, provider_id as "providerId", kind, provider_type as "providerType", payment_id as "paymentId", refund_id as "refundId", currency,
       trim_scale(gross)::text as gross, trim_scale(fee)::text as fee, trim_scale(fee_vat)::text as "feeVat", trim_scale(net)::text as net,
       trim_scale(explained_gross)::text as explained,
       case when exchanged_currency is not null then json_build_object('gross', trim_scale(exchanged_gross)::text, 'currency', exchanged_currency) end as exchanged,
       booked_at as "bookedAt", ledger_date as "ledgerDate"
     from settlement_line where settlement_id = $1 and ($2::timestamptz is null or (booked_at, id) > ($2, $3::uuid))
     order by booked_at, id limit $4`,
    [settlementId, page.after?.bookedAt ?? null, page.after?.id ?? null, page.limit],
  );
}

export function settlementSubject(row: SettlementRow): SettlementSubject {
  return {
    id: idOf('set', row.id),
    kind: row.kind,
    status: stateOf(row),
    connection: row.connection,
    providerId: row.providerId,
    amount: wire(row.payout, row.currency),
    fees: wire(row.fees, row.currency),
    feeVat: wire(row.feeVat, row.currency),
    difference: wire(row.difference, row.currency),
    unexplained: wire(row.unexplained, row.currency),
    lines: row.lineCount,
    paidOn: row.paidAt === null ? '' : row.ledgerDate,
    ledgerDate: row.ledgerDate,
  };
}

function wire(fine: Fine, currency: string): { amount: string; currency: string } {
  // A currency that we do not know has no coins that we know; its lines say the amounts.
  return isCurrency(currency) ? toWire(money(toMinor(fine, currency), currency)) : { amount: '0', currency };
}

function rowOf(row: StoredRow): SettlementRow {
  const { payout, fees, feeVat, suspense, exchange, rounding } = row.booked;
  return {
    ...row,
    payout: readFine(row.payout),
    fees: readFine(row.fees),
    feeVat: readFine(row.feeVat),
    difference: readFine(row.difference),
    unexplained: readFine(row.unexplained),
    booked: {
      payout: BigInt(payout),
      fees: BigInt(fees),
      feeVat: BigInt(feeVat),
      suspense: BigInt(suspense),
      exchange: BigInt(exchange),
      rounding: BigInt(rounding),
    },
    exchanged: Object.fromEntries(Object.entries(row.exchanged).map(([currency, minor]) => [currency, BigInt(minor)])),
  };
}
