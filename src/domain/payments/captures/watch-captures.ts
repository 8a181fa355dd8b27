import { Inject, Injectable } from '@nestjs/common';
import { EventLog } from '../../../events/event-log.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf } from '../../../kernel/ids.ts';
import { money, toWire } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Config } from '../../../platform/config/config.ts';
import { EnginePool } from '../../../platform/database/engine-pool.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { RegularWork } from '../../../platform/regular-work.ts';
import type { PaymentRow } from '../payment.entity.ts';
import { PaymentSubjects } from '../payment-subjects.ts';
import { Payments } from '../payments.service.ts';

/** How often payments whose moment has come are looked for. */
const EVERY_MS = 10_000;
/** Of one tenant, before it is the next one's turn. */
const BATCH = 50;
/** When the provider cannot be asked whether the time is over. */
const AGAIN_MS = 600_000;

/**
 * Tells that reserved money has to be taken soon, and that its time is over; `capture-watch.ts` has the moments. Several processes may do so
 * at once: what is told is decided under the payment's lock, and once.
 */
@Injectable()
export class WatchCaptures extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly payments: Payments,
    private readonly subjects: PaymentSubjects,
    private readonly eventLog: EventLog,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: WatchCaptures.name, everyMs: EVERY_MS, problem: 'deadlines of captures could not be looked up' });
  }

  protected override doDue(): Promise<unknown> {
    return this.watchDue();
  }

  /** Looks at what is due now and returns at how many payments. */
  async watchDue(): Promise<number> {
    const now = this.clock.now();
    const { rows } = await this.pool.query<{ tenant_id: string }>('select distinct tenant_id from payment where capture_watch_at <= $1', [
      now,
    ]);
    let seen = 0;
    for (const { tenant_id: tenantId } of rows) {
      const due = await this.database.transact(tenantId, (tx) =>
        tx.query<{ id: string }>('select id from payment where capture_watch_at <= $1 order by capture_watch_at limit $2', [now, BATCH]),
      );
      for (const { id } of due) {
        // One that cannot be looked at now must not hold up the others.
        await this.#look(tenantId, id).catch((error: unknown) => {
          this.log.error({ message: 'the deadline of a capture could not be looked at', payment: idOf('pay', id), error });
        });
      }
      seen += due.length;
    }
    return seen;
  }

  async #look(tenantId: string, id: string): Promise<void> {
    const isOver = await this.#underLock(tenantId, id, async (tx, row, before) => {
      if (this.clock.now() >= before) return true;
      row.captureWatchAt = before;
      await this.#tell(tx, row, 'payment.capture-due');
      return false;
    });
    if (isOver !== true) return;
    const { kind } = await this.payments.refresh(tenantId, id);
    await this.#underLock(tenantId, id, async (tx, row) => {
      if (kind === 'again') {
        row.captureWatchAt = new Date(this.clock.now().getTime() + AGAIN_MS);
        return tx.em.flush();
      }
      // The provider has no word for it: it still calls the money reserved.
      Object.assign(row, { captureWatchAt: null, lapsedAt: this.clock.now() });
      await this.#tell(tx, row, 'payment.authorization-expired');
    });
  }

  /** With the payment locked, if it is due by now; what was due when it was looked for may have been seen to meanwhile. */
  #underLock<T>(
    tenantId: string,
    id: string,
    work: (tx: Transaction, row: PaymentRow, before: Date) => Promise<T>,
  ): Promise<T | undefined> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await this.payments.lock(tx, id);
      const isDue = row.captureWatchAt && row.captureBefore && row.captureWatchAt <= this.clock.now();
      return isDue && row.captureBefore ? work(tx, row, row.captureBefore) : undefined;
    });
  }

  async #tell(tx: Transaction, row: PaymentRow, type: 'payment.capture-due' | 'payment.authorization-expired'): Promise<void> {
    await tx.em.flush();
    const left = toWire(money(row.authorizedMinor - row.voidedMinor - row.capturedMinor, row.currency));
    const data = { ...(await this.subjects.contextOf(tx, row)), left };
    await this.eventLog.append(tx, { type, subject: `payment/${idOf('pay', row.id)}`, data });
  }
}
