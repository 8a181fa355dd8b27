import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { WorkerLoop } from '../../platform/worker-loop.ts';
import { CheckoutSessions } from './checkout-sessions.service.ts';

/** How often sessions whose time is over are looked for. */
const EVERY_MS = 10_000;
/** Of one tenant, before it is the next one's turn. */
const BATCH = 50;

/** Ends what nobody paid in time. Several processes may do so at once: each ends under the row's lock what is still open. */
@Injectable()
export class EndOverdue implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('checkout');
  readonly #loop = new WorkerLoop(
    () => this.endDue().then(() => EVERY_MS),
    EVERY_MS,
    (error) => this.#log.error({ message: 'overdue sessions could not be ended', error }),
  );

  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly sessions: CheckoutSessions,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.role !== 'web') this.#loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#loop.stop();
  }

  /** Looks at what is due now and returns at how much. */
  async endDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>('select distinct tenant_id from checkout_session where due_at <= $1', [
      this.clock.now(),
    ]);
    let seen = 0;
    for (const { tenant_id: tenantId } of rows) {
      const due = await this.database.transact(tenantId, (tx) =>
        tx.query<{ id: string }>('select id from checkout_session where due_at <= $1 order by due_at limit $2', [this.clock.now(), BATCH]),
      );
      for (const { id } of due) await this.#end(tenantId, id);
      seen += due.length;
    }
    return seen;
  }

  /** One that cannot be ended now must not hold up the others. */
  async #end(tenantId: string, id: string): Promise<void> {
    try {
      await this.sessions.expire(tenantId, id);
    } catch (error) {
      this.#log.error({ message: 'an overdue session could not be ended', checkout: idOf('chk', id), error });
    }
  }
}
