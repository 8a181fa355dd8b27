import { Inject, Injectable } from '@nestjs/common';
import type { SettlementSubject } from '../../events/catalogue/subjects.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { readConnections, type PaymentConnection } from '../payments/index.ts';
import { ImportSettlements } from './import-settlements.ts';
import { findImport, insertImport, listImports, type SettlementImport } from './import-rows.ts';
import { settlementErrors } from './settlement.errors.ts';
import { isDay } from './settlement-lines.ts';
import { findSettlement, listLines, listSettlements, settlementSubject, type LineView } from './settlement-rows.ts';
import type { SettlementKind, SettlementState } from './statement.ts';

/** What somebody wants imported. */
export interface ImportWish {
  /** Name or id. */
  readonly connection: string;
  /** As `2026-11-30`, by the provider's calendar; both included. */
  readonly from: string;
  readonly to: string;
  readonly requestKey: string;
  readonly actor: string;
}

const MOST_DAYS = 31;
const DAY_MS = 86_400_000;

/** What providers paid out, to look at; and imports by hand. */
@Injectable()
export class Settlements {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly imports: ImportSettlements,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Newest first, after the one with the id `after`. @throws settlement.connection */
  list(
    tenantId: string,
    page: {
      readonly limit: number;
      readonly after?: string | undefined;
      readonly connection?: string | undefined;
      readonly kind?: SettlementKind | undefined;
      readonly state?: SettlementState | undefined;
    },
  ): Promise<SettlementSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const connectionId = page.connection === undefined ? undefined : (await connectionOf(tx, page.connection)).id;
      return (await listSettlements(tx, { ...page, connectionId })).map(settlementSubject);
    });
  }

  /** @throws settlement.not-found */
  get(tenantId: string, id: string): Promise<SettlementSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await findSettlement(tx, id);
      if (!row) throw settlementErrors['not-found']();
      return settlementSubject(row);
    });
  }

  /** In the order in which they were booked. @throws settlement.not-found */
  lines(tenantId: string, id: string, page: Parameters<typeof listLines>[2]): Promise<LineView[]> {
    return this.database.transact(tenantId, async (tx) => {
      if (!(await findSettlement(tx, id))) throw settlementErrors['not-found']();
      return listLines(tx, id, page);
    });
  }

  /**
   * Writes down that these days are to be read; a worker does it. Days that were read before are read again, and only what is new or
   * other changes anything.
   * @throws settlement.connection, settlement.not-supported, settlement.days
   */
  async requestImport(tenantId: string, wish: ImportWish): Promise<SettlementImport> {
    this.#checkDays(wish);
    const { known, connection } = await this.database.transact(tenantId, async (tx) => ({
      known: await findImport(tx, { requestKey: wish.requestKey }),
      connection: await connectionOf(tx, wish.connection),
    }));
    if (known) return known;
    if (!(await this.calls.has(connection.id, 'payments.settlements')))
      throw settlementErrors['not-supported']({ connection: connection.name });
    const found = await this.database.transact(tenantId, async (tx) => {
      const now = this.clock.now();
      const id = await insertImport(tx, {
        connectionId: connection.id,
        origin: 'hand',
        firstDay: wish.from,
        lastDay: wish.to,
        actor: wish.actor,
        nextAt: now,
        now,
        requestKey: wish.requestKey,
      });
      if (id !== undefined)
        await this.audit.append(tx, {
          actor: wish.actor,
          action: 'settlement.import',
          subject: `settlement-import/${idOf('imp', id)}`,
          detail: { connection: connection.name, from: wish.from, to: wish.to },
        });
      tx.afterCommit(() => this.imports.wake());
      return findImport(tx, { requestKey: wish.requestKey });
    });
    if (!found) throw settlementErrors['no-import']();
    return found;
  }

  /** @throws settlement.no-import */
  getImport(tenantId: string, id: string): Promise<SettlementImport> {
    return this.database.transact(tenantId, async (tx) => {
      const found = await findImport(tx, { id });
      if (!found) throw settlementErrors['no-import']();
      return found;
    });
  }

  /** Newest first, after the one with the id `after`. @throws settlement.connection */
  listImports(
    tenantId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly connection?: string | undefined },
  ): Promise<SettlementImport[]> {
    return this.database.transact(tenantId, async (tx) => {
      const connectionId = page.connection === undefined ? undefined : (await connectionOf(tx, page.connection)).id;
      return listImports(tx, { ...page, connectionId });
    });
  }

  /** A day may be over at the provider and not in London, so tomorrow is refused and today is left to the provider. */
  #checkDays({ from, to }: Pick<ImportWish, 'from' | 'to'>): void {
    const latest = new Date(this.clock.now().getTime() + DAY_MS).toISOString().slice(0, 10);
    const days = isDay(from) && isDay(to) ? (Date.parse(to) - Date.parse(from)) / DAY_MS + 1 : 0;
    if (days < 1 || days > MOST_DAYS || to >= latest) throw settlementErrors.days({ from, to, most: MOST_DAYS });
  }
}

async function connectionOf(tx: Transaction, wanted: string): Promise<PaymentConnection> {
  const id = wanted.startsWith('con_') ? uuidOf('con', wanted) : undefined;
  const found = (await readConnections(tx)).find((one) => one.active && (one.id === id || one.name === wanted));
  if (!found) throw settlementErrors.connection({ found: wanted.slice(0, 70) });
  return found;
}
