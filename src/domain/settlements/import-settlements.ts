import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Outcome, SettlementPage } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { underLease } from '../../platform/lease.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { HoldAgainstPayments, type InImport } from './hold-against-payments.ts';
import {
  advanceImport,
  endImport,
  holdImport,
  IMPORT_LEASE_MS,
  postponeImport,
  takeDueImport,
  type SettlementImport,
} from './import-rows.ts';
import { storeLines } from './line-rows.ts';
import { SettlementBooks } from './settlement-books.ts';
import { readLine } from './settlement-lines.ts';

/** How often due imports are looked for. */
const EVERY_MS = 15_000;
/** A page may take the provider hundreds of questions. */
const PAGE_TIMEOUT_MS = 60_000;
/** 20 million lines: a plugin that never comes to its end. */
const MOST_PAGES = 10_000;
/** After reading that did not come to its end; the provider's own word counts more. */
const FIRST_PAUSE_MS = 300_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** So often reading begins anew when a page in the middle is refused. */
const MOST_FRESH_STARTS = 5;

type NotOk = Exclude<Outcome<SettlementPage>, { kind: 'ok' }>;

/** The import belongs to somebody else by now. */
class TakenOver extends Error {}

/**
 * Reads what providers settled, page by page, then holds it against our payments and books it. Safe in several processes and over
 * deaths: a page is stored together with where reading goes on, and every step after the reading can be done again.
 */
@Injectable()
export class ImportSettlements extends RegularWork {
  readonly #worker = randomUUID();

  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly calls: ProviderCalls,
    private readonly against: HoldAgainstPayments,
    private readonly books: SettlementBooks,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: ImportSettlements.name, everyMs: EVERY_MS, problem: 'settlements could not be imported' });
  }

  protected override doDue(): Promise<unknown> {
    return this.importDue();
  }

  /** Works on what is due now, one import after the other, and returns how many it took. */
  async importDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>('select distinct tenant_id from settlement_import where next_at <= $1', [
      this.clock.now(),
    ]);
    let taken = 0;
    for (const { tenant_id: tenantId } of rows) {
      for (;;) {
        const job = await this.database.transact(tenantId, (tx) => takeDueImport(tx, this.#worker, this.clock.now()));
        if (!job) break;
        taken += 1;
        const renew = () => this.database.transact(tenantId, (tx) => holdImport(tx, job.id, this.#worker, this.clock.now()));
        await underLease(renew, () => this.#work(tenantId, job), IMPORT_LEASE_MS);
      }
    }
    return taken;
  }

  async #work(tenantId: string, job: SettlementImport): Promise<void> {
    const inImport: InImport = (work) =>
      this.database.transact(tenantId, async (tx) => {
        if (!(await holdImport(tx, job.id, this.#worker, this.clock.now()))) throw new TakenOver();
        return work(tx);
      });
    try {
      if (!(await this.#read(tenantId, job, inImport))) return;
      await this.against.hold(tenantId, job, inImport);
      const due = await inImport((tx) => this.books.due(tx, job.connectionId));
      crashPoint('settlement.booked.before');
      for (const id of due) await inImport((tx) => this.books.bring(tx, id));
      crashPoint('settlement.booked.after');
      await inImport((tx) => endImport(tx, job.id, 'done', null, this.clock.now()));
    } catch (error) {
      if (error instanceof TakenOver) return;
      this.log.error({ message: 'a settlement could not be imported', connection: job.connectionId, error });
      await inImport((tx) => this.#postpone(tx, job, 'It could not be worked on; the log says why')).catch(() => undefined);
    }
  }

  /** Stores all pages. `false` when it did not come to the end, and the import says why. */
  async #read(tenantId: string, job: SettlementImport, inImport: InImport): Promise<boolean> {
    // A worker that died after the last page left no place to go on at; then all is read again, which changes nothing.
    let page = job.page ?? undefined;
    for (let pages = job.pages; pages < MOST_PAGES; pages += 1) {
      const outcome = await this.#ask(tenantId, job, page);
      if (outcome.kind !== 'ok') {
        await inImport((tx) => this.#stop(tx, job, outcome, page));
        return false;
      }
      const { lines, next } = outcome.value;
      await inImport(async (tx) => {
        await storeLines(tx, job.connectionId, lines.map(readLine), this.clock.now());
        await advanceImport(tx, job.id, next, lines.length);
      });
      crashPoint('settlement.page.after');
      if (next === undefined) return true;
      if (next === page) break;
      page = next;
    }
    await inImport((tx) => endImport(tx, job.id, 'failed', 'The plugin gives pages without an end', this.clock.now()));
    return false;
  }

  #ask(tenantId: string, job: SettlementImport, page: string | undefined): Promise<Outcome<SettlementPage>> {
    return this.calls.call<SettlementPage>({
      tenantId,
      connectionId: job.connectionId,
      method: 'payments.settlements',
      input: { from: job.firstDay, to: job.lastDay, ...(page === undefined ? {} : { page }) },
      idempotencyKey: '',
      attempt: job.failures + 1,
      timeoutMs: PAGE_TIMEOUT_MS,
    });
  }

  async #stop(tx: Transaction, job: SettlementImport, outcome: NotOk, page: string | undefined): Promise<void> {
    const isFinal =
      outcome.kind === 'declined' || (outcome.kind === 'failed' && outcome.reason !== 'temporary' && outcome.reason !== 'rate-limited');
    // What is refused in the middle may be the page alone: it was kept over a death, and the provider does not know it any more.
    if (isFinal && (page === undefined || job.failures >= MOST_FRESH_STARTS))
      await endImport(tx, job.id, 'failed', outcome.message, this.clock.now());
    else await this.#postpone(tx, job, outcome.message, outcome.kind === 'failed' ? outcome.retryAfterMs : undefined);
  }

  async #postpone(tx: Transaction, job: SettlementImport, problem: string, retryAfterMs?: number): Promise<void> {
    const pause = retryAfterMs ?? Math.min(FIRST_PAUSE_MS * 2 ** Math.min(job.failures, 10), LONGEST_PAUSE_MS);
    await postponeImport(tx, job.id, problem, new Date(this.clock.now().getTime() + pause));
  }
}
