/** Settlement lines as rows, written by natural key. */
import { fineText, readFine } from '../../kernel/fine-money.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { changesOf, placeOf, type KnownLine, type LineChange, type LineContent } from './settlement-lines.ts';

/** Writes what of `told` is new or other, and returns how many lines that were. The settlements that lose or get one are marked. */
export async function storeLines(tx: Transaction, connectionId: string, told: readonly LineContent[], now: Date): Promise<number> {
  const changes = changesOf(await knownLines(tx, connectionId, told), told);
  if (changes.length === 0) return 0;
  const places = await placesOf(tx, connectionId, changes, now);
  const left = await writeLines(tx, connectionId, changes, places, now);
  await markSettlements(tx, [...places.values(), ...left]);
  return changes.length;
}

/** Marks settlements whose sums no longer are those of their lines. */
export async function markSettlements(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.query('update settlement set dirty = true where id = any($1::uuid[]) and not dirty', [[...new Set(ids)]]);
}

async function knownLines(tx: Transaction, connectionId: string, told: readonly LineContent[]): Promise<KnownLine[]> {
  const rows = await tx.query<
    Omit<KnownLine, 'gross' | 'fee' | 'feeVat' | 'net' | 'exchangedGross'> &
      Record<'gross' | 'fee' | 'feeVat' | 'net', string> & { readonly exchangedGross: string | null }
  >(
    `select id, provider_id as "providerId", kind, provider_type as "providerType", payout, payment_provider_id as "paymentProviderId",
       reference_id as "referenceId", refund_provider_id as "refundProviderId", currency, gross::text, fee::text, fee_vat::text as "feeVat",
       net::text, exchanged_gross::text as "exchangedGross", exchanged_currency as "exchangedCurrency", booked_at as "bookedAt", ledger_date as "ledgerDate"
     from settlement_line where connection_id = $1 and provider_id = any($2::text[])`,
    [connectionId, [...new Set(told.map(({ providerId }) => providerId))]],
  );
  return rows.map((row) => ({
    ...row,
    gross: readFine(row.gross),
    fee: readFine(row.fee),
    feeVat: readFine(row.feeVat),
    net: readFine(row.net),
    exchangedGross: row.exchangedGross === null ? null : readFine(row.exchangedGross),
  }));
}

/** The settlement of each change, made where there is none yet. */
async function placesOf(
  tx: Transaction,
  connectionId: string,
  changes: readonly LineChange[],
  now: Date,
): Promise<ReadonlyMap<LineChange, string>> {
  const wanted = new Map(
    changes.map(({ content }) => {
      const place = placeOf(content);
      return [keyOf(place, content.currency), { ...place, currency: content.currency, ledgerDate: content.ledgerDate }];
    }),
  );
  const all = [...wanted.values()];
  await tx.query(
    `insert into settlement (id, tenant_id, connection_id, kind, provider_id, currency, itemized, ledger_date, created_at)
     select id, $2, $3, kind, provider_id, currency, itemized, ledger_date, $9
     from unnest($1::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::date[]) as t (id, kind, provider_id, currency, itemized, ledger_date)
     on conflict (connection_id, kind, provider_id, currency) do nothing`,
    [
      all.map(() => newUuid()),
      tx.tenantId,
      connectionId,
      all.map(({ kind }) => kind),
      all.map(({ providerId }) => providerId),
      all.map(({ currency }) => currency),
      all.map(({ itemized }) => itemized),
      all.map(({ ledgerDate }) => ledgerDate),
      now,
    ],
  );
  const rows = await tx.query<{ id: string; kind: 'payout' | 'day'; providerId: string; currency: string }>(
    `select id, kind, provider_id as "providerId", currency from settlement where connection_id = $1 and provider_id = any($2::text[])`,
    [connectionId, [...new Set(all.map(({ providerId }) => providerId))]],
  );
  const ids = new Map(rows.map((row) => [keyOf(row, row.currency), row.id]));
  return new Map(changes.map((change) => [change, ids.get(keyOf(placeOf(change.content), change.content.currency)) ?? '']));
}

function keyOf({ kind, providerId }: { readonly kind: string; readonly providerId: string }, currency: string): string {
  return `${kind} ${currency} ${providerId}`;
}

/** Returns the settlements in which changed lines were before. */
async function writeLines(
  tx: Transaction,
  connectionId: string,
  changes: readonly LineChange[],
  places: ReadonlyMap<LineChange, string>,
  now: Date,
): Promise<string[]> {
  const known = changes.flatMap((change) => change.known ?? []);
  const before = await tx.query<{ id: string }>('select distinct settlement_id as id from settlement_line where id = any($1::uuid[])', [
    known,
  ]);
  const content = <K extends keyof LineContent>(field: K) => changes.map((change) => change.content[field]);
  const fine = (field: 'gross' | 'fee' | 'feeVat' | 'net') => content(field).map(fineText);
  await tx.query(
    `insert into settlement_line as l (id, tenant_id, connection_id, settlement_id, provider_id, kind, provider_type, payout,
       payment_provider_id, reference_id, refund_provider_id, currency, gross, fee, fee_vat, net, booked_at, ledger_date,
       exchanged_gross, exchanged_currency, dirty, created_at)
     select id, $3, $4, settlement_id, provider_id, kind, provider_type, payout, payment_provider_id, reference_id, refund_provider_id, currency,
       gross, fee, fee_vat, net, booked_at, ledger_date, exchanged_gross, exchanged_currency, true, $5
     from unnest($1::uuid[], $2::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::text[], $13::text[],
       $14::numeric[], $15::numeric[], $16::numeric[], $17::numeric[], $18::timestamptz[], $19::date[], $20::numeric[], $21::text[])
       as t (id, settlement_id, provider_id, kind, provider_type, payout, payment_provider_id, reference_id, refund_provider_id, currency,
         gross, fee, fee_vat, net, booked_at, ledger_date, exchanged_gross, exchanged_currency)
     on conflict (id) do update set settlement_id = excluded.settlement_id, provider_type = excluded.provider_type, payout = excluded.payout,
       payment_provider_id = excluded.payment_provider_id, reference_id = excluded.reference_id, refund_provider_id = excluded.refund_provider_id,
       currency = excluded.currency, gross = excluded.gross, fee = excluded.fee, fee_vat = excluded.fee_vat, net = excluded.net,
       booked_at = excluded.booked_at, ledger_date = excluded.ledger_date,
       exchanged_gross = excluded.exchanged_gross, exchanged_currency = excluded.exchanged_currency, dirty = true`,
    [
      changes.map((change) => change.known ?? newUuid()),
      changes.map((change) => places.get(change)),
      tx.tenantId,
      connectionId,
      now,
      content('providerId'),
      content('kind'),
      content('providerType'),
      content('payout'),
      content('paymentProviderId'),
      content('referenceId'),
      content('refundProviderId'),
      content('currency'),
      fine('gross'),
      fine('fee'),
      fine('feeVat'),
      fine('net'),
      content('bookedAt'),
      content('ledgerDate'),
      content('exchangedGross').map((gross) => (gross === null ? null : fineText(gross))),
      content('exchangedCurrency'),
    ],
  );
  return before.map(({ id }) => id);
}
