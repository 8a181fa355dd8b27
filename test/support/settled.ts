/** The import of settlements in a domain world, driven by hand. */
import type { SettlementLine } from '@kassaflow/plugin-sdk';
import { HoldAgainstPayments } from '../../src/domain/settlements/hold-against-payments.ts';
import { ImportSettlements } from '../../src/domain/settlements/import-settlements.ts';
import { PlanNightly } from '../../src/domain/settlements/plan-nightly.ts';
import { SettlementBooks } from '../../src/domain/settlements/settlement-books.ts';
import { Settlements } from '../../src/domain/settlements/settlements.service.ts';
import { SignalledImports } from '../../src/domain/settlements/signalled-imports.ts';
import { newUuid, uuidOf } from '../../src/kernel/ids.ts';
import type { domainWorldWith } from './domain.ts';

type World = Awaited<ReturnType<typeof domainWorldWith>>;

export function settledWorld(world: World) {
  const { db, provider, payments, settledMoney, ledger, eventLog, audit, clock } = world;
  const books = new SettlementBooks(ledger, eventLog, clock);
  /** As another process with the same database has it. */
  const anImporter = (books_ = books) =>
    new ImportSettlements(
      db.database,
      db.enginePool,
      provider,
      new HoldAgainstPayments(provider, payments, settledMoney),
      books_,
      { role: 'web' } as never,
      clock,
    );
  const importer = anImporter();
  const planner = new PlanNightly(db.database, db.enginePool, provider, { role: 'web' } as never, clock);
  const settlements = new Settlements(db.database, provider, importer, audit, clock);
  const signalled = new SignalledImports(db.database, provider, clock);
  return {
    importer,
    signalled,
    anImporter,
    books,
    planner,
    settlements,
    /** Asks for an import by hand, works on it, and returns it. */
    importDays: async (from: string, to = from) => {
      const wish = { connection: 'pay', from, to, requestKey: newUuid(), actor: 'test' };
      const { id } = await settlements.requestImport(db.tenantId, wish);
      await importer.importDue();
      return settlements.getImport(db.tenantId, id);
    },
    all: () => settlements.list(db.tenantId, { limit: 200 }),
    linesOf: (settlement: string) => settlements.lines(db.tenantId, uuidOf('set', settlement), { limit: 200 }),
    entries: async () => {
      const { rows } = await db.ownerPool.query<{ count: string }>(`select count(*) from ledger_entry where kind = 'settlement.booked'`);
      return Number(rows[0]?.count);
    },
    events: async () => {
      const { rows } = await db.ownerPool.query<{ type: string }>(`select type from event where type like 'settlement.%' order by seq`);
      return rows.map(({ type }) => type);
    },
  };
}

/** A line of 20 November with a net that fits. */
export function aLine(more: Partial<SettlementLine> & Pick<SettlementLine, 'providerId' | 'kind'>): SettlementLine {
  const gross = more.gross ?? '0.00';
  const fee = more.fee ?? '0.00';
  return { currency: 'EUR', gross, fee, net: differenceOf(gross, fee), bookedAt: Date.parse('2026-11-20T09:00:00Z'), ...more };
}

function differenceOf(gross: string, fee: string): string {
  const fine = (text: string) => BigInt(Math.round(Number(text) * 1e6));
  const net = fine(gross) - fine(fee);
  const size = (net < 0n ? -net : net).toString().padStart(7, '0');
  return `${net < 0n ? '-' : ''}${size.slice(0, -6)}.${size.slice(-6)}`;
}
