/** Brings a settlement to what its lines say: sums, state, ledger and events, in one transaction. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import { EventLog } from '../../events/event-log.ts';
import type { EventDraft } from '../../events/event.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isCurrency, type Currency } from '../../kernel/currency.ts';
import { fineText, minorUnit, readFine, toMinor, type Fine } from '../../kernel/fine-money.ts';
import { idOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { Ledger } from '../ledger/index.ts';
import { findSettlement, settlementSubject, type SettlementRow } from './settlement-rows.ts';
import { exchangedPostingOf, postingOf, statementOf, type Exchanged, type LineSums, type Statement } from './statement.ts';

/** Lines on suspense that an event names; all of them are at the settlement. */
const NAMED_LINES = 20;

@Injectable()
export class SettlementBooks {
  readonly #log = new Logger(SettlementBooks.name);

  constructor(
    private readonly ledger: Ledger,
    private readonly eventLog: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Settlements of a connection whose lines have changed, and the payouts that these may be paid out by; oldest first. */
  async due(tx: Transaction, connectionId: string): Promise<string[]> {
    await tx.query(
      `update settlement n set dirty = true
       from settlement d
       where d.connection_id = $1 and d.dirty and n.id = (
         select f.id from settlement f
         where f.connection_id = d.connection_id and f.currency = d.currency and f.itemized and f.paid_at is not null and f.id <> d.id
           and f.ledger_date >= d.ledger_date
         order by f.ledger_date, f.paid_at, f.id limit 1
       ) and not n.dirty`,
      [connectionId],
    );
    const rows = await tx.query<{ id: string }>(
      `select id from settlement where connection_id = $1 and dirty order by ledger_date, kind, paid_at nulls last, id`,
      [connectionId],
    );
    return rows.map(({ id }) => id);
  }

  /** Applying it again changes nothing. */
  async bring(tx: Transaction, id: string): Promise<void> {
    const before = await findSettlement(tx, id, 'for update of s');
    if (!before) return;
    if (!isCurrency(before.currency)) {
      this.#log.warn({ message: 'a settlement in a currency that we do not know is not booked', settlement: idOf('set', id) });
      await tx.query('update settlement set dirty = false where id = $1', [id]);
      return;
    }
    const sums = await sumsOf(tx, id, before.currency);
    const { paidAt, ledgerDate, lastAt } = await payoutOf(tx, id, before);
    const mustAddUp = before.itemized && paidAt !== null;
    const days = mustAddUp && sums.net !== 0n ? await daysBefore(tx, { ...before, ledgerDate }) : { ids: [], sum: 0n };
    const statement = statementOf(sums, mustAddUp, days.sum, before.currency);
    const exchanged = await exchangedOf(tx, id);
    await this.#save(tx, before, { sums, statement, exchanged, paidAt, ledgerDate });
    await payDays(tx, id, statement.paysDays ? days.ids : []);
    await this.#post(tx, before, statement, exchanged, paidAt ?? lastAt ?? this.clock.now());
    await this.#tell(tx, before);
  }

  async #save(
    tx: Transaction,
    { id }: SettlementRow,
    {
      sums,
      statement,
      exchanged,
      paidAt,
      ledgerDate,
    }: { sums: LineSums; statement: Statement; exchanged: Exchanged; paidAt: Date | null; ledgerDate: string },
  ): Promise<void> {
    const { booked, difference } = statement;
    await tx.query(
      `update settlement set paid_at = $2, ledger_date = $3, line_count = $4, payout = $5, fees = $6, fee_vat = $7, difference = $8,
         unexplained = $9, booked_payout = $10, booked_fees = $11, booked_fee_vat = $12, booked_suspense = $13, booked_rounding = $14,
         received_at = case when $2::timestamptz is null then received_at else coalesce(received_at, $15) end,
         booked_exchange = $16, booked_exchanged = $17,
         dirty = false, version = version + 1
       where id = $1`,
      [
        id,
        paidAt,
        ledgerDate,
        sums.count,
        fineText(-sums.payout),
        fineText(sums.fees),
        fineText(sums.feeVat),
        fineText(difference),
        fineText(sums.unexplained),
        booked.payout.toString(),
        booked.fees.toString(),
        booked.feeVat.toString(),
        booked.suspense.toString(),
        booked.rounding.toString(),
        this.clock.now(),
        booked.exchange.toString(),
        JSON.stringify(Object.fromEntries(Object.entries(exchanged).map(([currency, minor]) => [currency, minor.toString()]))),
      ],
    );
  }

  async #post(tx: Transaction, before: SettlementRow, { booked }: Statement, exchanged: Exchanged, effectiveAt: Date): Promise<void> {
    const currency = before.currency as Currency; // `bring` has looked
    const lines = [
      ...postingOf(before.booked, booked, before.connectionId, currency),
      ...exchangedPostingOf(before.exchanged, exchanged, before.connectionId),
    ];
    if (lines.length === 0) return;
    const id = idOf('set', before.id);
    await this.ledger.post(tx, {
      // The version counts changes of this settlement, so one that is corrected and corrected back posts twice.
      key: `${id}:${before.version}`,
      kind: 'settlement.booked',
      subject: `settlement/${id}`,
      description: before.kind === 'payout' ? `Payout ${before.providerId}` : `Day ${before.providerId}`,
      effectiveAt,
      lines,
    });
  }

  /** What people have to know: a payout came; its lines do not add up, or do at last; there is money that nobody can place. */
  async #tell(tx: Transaction, before: SettlementRow): Promise<void> {
    const row = await findSettlement(tx, before.id);
    if (!row) return;
    const { difference, unexplained } = row;
    const settlement = settlementSubject(row);
    const events: Omit<EventDraft, 'subject'>[] = [];
    if (row.receivedAt && !before.receivedAt) events.push({ type: 'settlement.received', data: { settlement } });
    if (difference !== before.difference && difference !== 0n) events.push({ type: 'settlement.unbalanced', data: { settlement } });
    if (difference === 0n && before.difference !== 0n) events.push({ type: 'settlement.balanced', data: { settlement } });
    if (unexplained !== before.unexplained && unexplained !== 0n)
      events.push({ type: 'settlement.unexplained', data: { settlement, ...(await unexplainedLines(tx, row)) } });
    await this.eventLog.append(tx, ...events.map((event) => ({ ...event, subject: `settlement/${settlement.id}` })));
  }
}

/** Money of a line that our books do not have; see `statement.ts`. Fees are booked as such whatever the kind. */
const UNEXPLAINED = `case
  when kind in ('payment', 'refund', 'chargeback', 'chargeback-reversal') then net + fee - explained_gross
  when kind in ('unknown', 'fee') then net + fee
  when kind = 'adjustment' and abs(gross) > $2 and mod(gross, $2) = 0 then net + fee
  else 0 end`;

async function sumsOf(tx: Transaction, id: string, currency: Currency): Promise<LineSums> {
  const [row] = await tx.query<Record<Exclude<keyof LineSums, 'count'>, string> & { count: number }>(
    `select count(*)::int as count, coalesce(sum(net), 0)::text as net,
       coalesce(sum(net + fee) filter (where kind = 'payout'), 0)::text as payout,
       coalesce(sum(fee), 0)::text as fees, coalesce(sum(fee_vat), 0)::text as "feeVat", coalesce(sum(explained_fee), 0)::text as "explainedFees",
       coalesce(sum(fee_vat) filter (where explained_fee = 0), 0)::text as "bookedVat",
       coalesce(sum(${UNEXPLAINED}), 0)::text as unexplained,
       coalesce(sum(explained_gross) filter (where explained_exchanged <> 0), 0)::text as exchanged,
       coalesce(sum(net + fee) filter (where kind = 'adjustment' and not (abs(gross) > $2 and mod(gross, $2) = 0)), 0)::text as rounding
     from settlement_line where settlement_id = $1`,
    [id, fineText(minorUnit(currency))],
  );
  const fine = (text: string | undefined) => readFine(text ?? '0');
  return {
    count: row?.count ?? 0,
    net: fine(row?.net),
    payout: fine(row?.payout),
    fees: fine(row?.fees),
    feeVat: fine(row?.feeVat),
    explainedFees: fine(row?.explainedFees),
    bookedVat: fine(row?.bookedVat),
    unexplained: fine(row?.unexplained),
    exchanged: fine(row?.exchanged),
    rounding: fine(row?.rounding),
  };
}

/** What our books had of the lines in the currencies that were paid in. */
async function exchangedOf(tx: Transaction, id: string): Promise<Exchanged> {
  const rows = await tx.query<{ currency: string; sum: string }>(
    `select exchanged_currency as currency, sum(explained_exchanged)::text as sum from settlement_line
     where settlement_id = $1 and explained_exchanged <> 0 group by 1`,
    [id],
  );
  // A payment has it, so the currency is one that we know.
  return Object.fromEntries(rows.map(({ currency, sum }) => [currency, toMinor(readFine(sum), currency as Currency)]));
}

/** When the payout was booked, on which day of the provider's, and when the last line was. */
async function payoutOf(
  tx: Transaction,
  id: string,
  before: SettlementRow,
): Promise<{ readonly paidAt: Date | null; readonly ledgerDate: string; readonly lastAt: Date | null }> {
  const [row] = await tx.query<{ paid_at: Date | null; day: string | null; last_at: Date | null }>(
    `select max(booked_at) filter (where kind = 'payout') as paid_at, coalesce(max(ledger_date) filter (where kind = 'payout'), max(ledger_date)) as day,
       max(booked_at) as last_at
     from settlement_line where settlement_id = $1`,
    [id],
  );
  // Money that came back from the bank does not make a day a payout.
  return {
    paidAt: before.kind === 'payout' ? (row?.paid_at ?? null) : null,
    ledgerDate: row?.day ?? before.ledgerDate,
    lastAt: row?.last_at ?? null,
  };
}

/** The days without a payout since the payout before this one, up to its own day, and the sum of their lines. */
async function daysBefore(tx: Transaction, payout: SettlementRow): Promise<{ readonly ids: readonly string[]; readonly sum: Fine }> {
  const rows = await tx.query<{ id: string; net: string }>(
    `select d.id, coalesce((select sum(net) from settlement_line l where l.settlement_id = d.id), 0)::text as net
     from settlement d
     where d.connection_id = $1 and d.currency = $2 and d.kind = 'day' and d.ledger_date <= $3 and (d.paid_by is null or d.paid_by = $4)
       and d.ledger_date > coalesce((
         select max(b.ledger_date) from settlement b
         where b.connection_id = $1 and b.currency = $2 and b.itemized and b.paid_at is not null and b.id <> $4 and b.ledger_date < $3
       ), '-infinity'::date)`,
    [payout.connectionId, payout.currency, payout.ledgerDate, payout.id],
  );
  return { ids: rows.map(({ id }) => id), sum: rows.reduce((sum, { net }) => sum + readFine(net), 0n) };
}

async function payDays(tx: Transaction, payout: string, days: readonly string[]): Promise<void> {
  await tx.query(
    `update settlement set paid_by = case when id = any($2::uuid[]) then $1::uuid end
     where (paid_by = $1 and not id = any($2::uuid[])) or (id = any($2::uuid[]) and paid_by is distinct from $1)`,
    [payout, days],
  );
}

async function unexplainedLines(tx: Transaction, { id, currency }: SettlementRow) {
  if (!isCurrency(currency)) return { lines: [] };
  const coin = fineText(minorUnit(currency));
  const rows = await tx.query<{ provider_id: string; kind: string; provider_type: string; amount: string }>(
    `select provider_id, kind, provider_type, (${UNEXPLAINED})::text as amount from settlement_line
     where settlement_id = $1 and ${UNEXPLAINED} <> 0 order by booked_at, id limit ${NAMED_LINES}`,
    [id, coin],
  );
  return {
    lines: rows.map(({ provider_id: providerId, kind, provider_type: providerType, amount }) => ({
      providerId,
      kind,
      providerType,
      amount: toWire(money(toMinor(readFine(amount), currency), currency)),
    })),
  };
}
