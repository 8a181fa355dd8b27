/** Holds lines against our payments: whose they are, and which part of them our books have already. */
import type { SettlementLine } from '@kassaflow/plugin-sdk';
import type { Currency } from '../../kernel/currency.ts';
import { fineOf, fineText, readFine, type Fine } from '../../kernel/fine-money.ts';
import { money } from '../../kernel/money.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { explain, shareOf, type Explained } from './explain.ts';
import { markSettlements } from './line-rows.ts';

/** The days of an import. */
export interface Days {
  readonly connectionId: string;
  readonly firstDay: string;
  readonly lastDay: string;
}

/** For so long a line of one of our payments that says more than our books is looked at again: the payment may have caught up. */
const LOOKED_AT_DAYS = 90;

/** Kinds of which our books have a total. Others only name their payment. */
const OF_PAYMENTS = `('payment', 'refund', 'chargeback', 'chargeback-reversal')`;

/** Lines that changed; those of these days whose payment was not known; and those of ours of which something was not explained. */
const TO_LOOK_AT = `l.connection_id = $1 and l.kind <> 'payout' and (
  l.dirty
  or (l.payment_id is null and l.kind in ${OF_PAYMENTS} and l.ledger_date between $2 and $3)
  or (l.payment_id is not null and l.ledger_date > $3::date - ${LOOKED_AT_DAYS} and (
    (l.kind in ${OF_PAYMENTS} and l.gross <> l.explained_gross)
    or (l.fee <> l.explained_fee and (select p.fee_minor from payment p where p.id = l.payment_id) is not null)
  ))
)`;

/** Finds the payments and refunds of lines: by our own reference, else by the provider's id. @returns the payments to look at */
export async function matchLines(tx: Transaction, { connectionId, firstDay, lastDay }: Days): Promise<string[]> {
  const values = [connectionId, firstDay, lastDay];
  await tx.query(
    `update settlement_line l set payment_id = f.payment_id
     from (
       select l.id, coalesce(
         (select p.id from payment p where p.id = l.reference_id and p.connection_id = l.connection_id),
         (select p.id from payment p where p.connection_id = l.connection_id and p.provider_id = l.payment_provider_id)
       ) as payment_id
       from settlement_line l where ${TO_LOOK_AT}
     ) f where f.id = l.id and f.payment_id is distinct from l.payment_id`,
    values,
  );
  const rows = await tx.query<{ id: string }>(
    `select distinct l.payment_id as id from settlement_line l where ${TO_LOOK_AT} and l.payment_id is not null order by 1`,
    values,
  );
  return rows.map(({ id }) => id);
}

/** The lines have been held against payments as they stand. */
export async function settleLines(tx: Transaction, connectionId: string): Promise<void> {
  await tx.query('update settlement_line set dirty = false where connection_id = $1 and dirty', [connectionId]);
}

const HAS_TOTAL: ReadonlySet<string> = new Set(['payment', 'refund', 'chargeback', 'chargeback-reversal']);

/** A payment with lines that say more than our books have. */
export interface ToldMore {
  readonly paymentId: string;
  readonly reference: string | null;
  readonly providerId: string | null;
}

/** Works out what of the lines of these payments is explained, and returns the payments of which some line of these days is not. */
export async function explainLines(tx: Transaction, paymentIds: readonly string[], { firstDay, lastDay }: Days): Promise<ToldMore[]> {
  const lines = await linesOf(tx, paymentIds);
  const totals = await totalsOf(tx, paymentIds);
  const changed: {
    readonly id: string;
    readonly gross: Fine;
    readonly fee: Fine;
    readonly exchanged: Fine;
    readonly settlementId: string;
  }[] = [];
  const more = new Map<string, ToldMore>();
  for (const [paymentId, told] of Map.groupBy(lines, (line) => line.paymentId)) {
    const known = totals.get(paymentId);
    if (!known) continue;
    // What came in another currency than was paid in, without a word of what it was, cannot be held against it, see the README.
    const comparable = told.flatMap((line) =>
      line.paidGross === null ? [] : [{ line, kind: line.kind, ...paidOf(line, line.paidGross) }],
    );
    const explained = new Map(explain(comparable, known).map((found, index) => [comparable[index]?.line, found]));
    for (const line of told) {
      const { gross, fee, exchanged } = inItsCurrency(line, explained.get(line));
      if (gross !== line.explainedGross || fee !== line.explainedFee || exchanged !== line.explainedExchanged)
        changed.push({ id: line.id, settlementId: line.settlementId, gross, fee, exchanged });
      // Asking does not help where only the currency is another.
      const canBeAsked = line.paidGross !== null || known.captured === 0n;
      if (gross !== line.gross && HAS_TOTAL.has(line.kind) && canBeAsked && line.ledgerDate >= firstDay && line.ledgerDate <= lastDay)
        more.set(paymentId, { paymentId, reference: line.referenceId, providerId: line.paymentProviderId });
    }
  }
  await tx.query(
    `update settlement_line l set explained_gross = v.gross, explained_fee = v.fee, explained_exchanged = v.exchanged
     from unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[]) as v (id, gross, fee, exchanged) where l.id = v.id`,
    [
      changed.map(({ id }) => id),
      changed.map(({ gross }) => fineText(gross)),
      changed.map(({ fee }) => fineText(fee)),
      changed.map(({ exchanged }) => fineText(exchanged)),
    ],
  );
  await tx.query(
    `update settlement_line l set refund_id = r.id from refund r
     where l.payment_id = any($1::uuid[]) and l.refund_id is null and r.payment_id = l.payment_id and r.provider_id = l.refund_provider_id`,
    [paymentIds],
  );
  await markSettlements(
    tx,
    changed.map(({ settlementId }) => settlementId),
  );
  return [...more.values()];
}

/** A line as its payment's currency has it. The fee of what was exchanged is the settlement's alone. */
function paidOf(line: PaymentLine, paidGross: Fine): { readonly gross: Fine; readonly fee: Fine } {
  return { gross: paidGross, fee: line.isExchanged ? 0n : line.fee };
}

/** What is explained of a line, in the line's currency; and in that of the payment, where the provider exchanged it. */
function inItsCurrency(
  { gross, paidGross, isExchanged }: PaymentLine,
  found: Explained = { gross: 0n, fee: 0n },
): Explained & { readonly exchanged: Fine } {
  if (!isExchanged || paidGross === null) return { ...found, exchanged: 0n };
  return { gross: shareOf(gross, found.gross, paidGross), fee: 0n, exchanged: found.gross };
}

/** A line as far as its payment needs it. */
export interface PaymentLine {
  readonly id: string;
  readonly paymentId: string;
  readonly settlementId: string;
  readonly providerId: string;
  readonly kind: SettlementLine['kind'];
  readonly paymentProviderId: string | null;
  readonly referenceId: string | null;
  readonly refundProviderId: string | null;
  readonly refundId: string | null;
  readonly currency: string;
  readonly gross: Fine;
  readonly fee: Fine;
  /** Of the payment. */
  readonly paidCurrency: Currency;
  /** `gross` in the currency of the payment; null where the provider exchanged it and does not tell. */
  readonly paidGross: Fine | null;
  readonly isExchanged: boolean;
  readonly explainedGross: Fine;
  readonly explainedFee: Fine;
  readonly explainedExchanged: Fine;
  readonly bookedAt: Date;
  readonly ledgerDate: string;
}

/** All lines of these payments, in the order in which they were booked. */
export async function linesOf(tx: Transaction, paymentIds: readonly string[]): Promise<PaymentLine[]> {
  const rows = await tx.query<
    Omit<PaymentLine, FineField | 'paidGross'> & Record<FineField, string> & { readonly paidGross: string | null }
  >(
    `select l.id, l.payment_id as "paymentId", l.settlement_id as "settlementId", l.provider_id as "providerId", l.kind,
       l.payment_provider_id as "paymentProviderId", l.reference_id as "referenceId", l.refund_provider_id as "refundProviderId",
       l.refund_id as "refundId", l.currency, l.gross::text, l.fee::text, p.currency as "paidCurrency", l.currency <> p.currency as "isExchanged",
       (case p.currency when l.currency then l.gross when l.exchanged_currency then l.exchanged_gross end)::text as "paidGross",
       l.explained_gross::text as "explainedGross", l.explained_fee::text as "explainedFee", l.explained_exchanged::text as "explainedExchanged",
       l.booked_at as "bookedAt", l.ledger_date as "ledgerDate"
     from settlement_line l join payment p on p.id = l.payment_id where l.payment_id = any($1::uuid[]) order by l.payment_id, l.booked_at, l.id`,
    [paymentIds],
  );
  return rows.map((row) => ({
    ...row,
    gross: readFine(row.gross),
    fee: readFine(row.fee),
    explainedGross: readFine(row.explainedGross),
    explainedFee: readFine(row.explainedFee),
    explainedExchanged: readFine(row.explainedExchanged),
    paidGross: row.paidGross === null ? null : readFine(row.paidGross),
  }));
}

type FineField = 'gross' | 'fee' | 'explainedGross' | 'explainedFee' | 'explainedExchanged';

interface Totals {
  readonly currency: Currency;
  readonly captured: Fine;
  readonly refunded: Fine;
  readonly everChargedBack: Fine;
  readonly fee: Fine;
}

async function totalsOf(tx: Transaction, paymentIds: readonly string[]): Promise<ReadonlyMap<string, Totals>> {
  const rows = await tx.query<
    Record<'id' | 'captured' | 'refunded' | 'charged_back' | 'won' | 'disputed' | 'fee', string> & { currency: Currency }
  >(
    `select p.id, p.currency, p.captured_minor::text as captured, p.refunded_minor::text as refunded, p.charged_back_minor::text as charged_back,
       coalesce(p.fee_minor, 0)::text as fee,
       coalesce((select sum(d.amount_minor) from dispute d where d.payment_id = p.id and d.state = 'won'), 0)::text as won,
       coalesce((select sum(d.amount_minor) from dispute d where d.payment_id = p.id and d.state <> 'inquiry'), 0)::text as disputed
     from payment p where p.id = any($1::uuid[])`,
    [paymentIds],
  );
  return new Map(
    rows.map(({ id, currency, captured, refunded, charged_back: chargedBack, won, disputed, fee }) => {
      const fine = (minor: string) => fineOf(money(BigInt(minor), currency));
      // What was taken back without a dispute is in no dispute's amount, and comes on top of what was won.
      const [back, objected] = [fine(chargedBack) + fine(won), fine(disputed)];
      return [
        id,
        {
          currency,
          captured: fine(captured),
          refunded: fine(refunded),
          everChargedBack: back > objected ? back : objected,
          fee: fine(fee),
        },
      ];
    }),
  );
}
