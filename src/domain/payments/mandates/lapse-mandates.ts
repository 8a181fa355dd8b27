import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '../../../kernel/clock.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Config } from '../../../platform/config/config.ts';
import { EnginePool } from '../../../platform/database/engine-pool.ts';
import { Database } from '../../../platform/database/transaction.ts';
import { WorkerLoop } from '../../../platform/worker-loop.ts';
import { Mandates } from './mandates.service.ts';

/** A mandate that has lapsed is refused at once (`lockToCharge`); this only brings its state and its event. */
const EVERY_MS = 600_000;
/** Of one tenant in one transaction. */
const BATCH = 100;

/** Ends mandates whose time is over: their term, or 36 months without use. */
@Injectable()
export class LapseMandates implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger(LapseMandates.name);
  readonly #loop = new WorkerLoop(
    () => this.lapseDue().then(() => EVERY_MS),
    EVERY_MS,
    (error) => this.#log.error({ message: 'mandates could not be ended', error }),
  );

  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly mandates: Mandates,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.role !== 'web') this.#loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#loop.stop();
  }

  /** Ends what has lapsed by now and returns how many. */
  async lapseDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>(
      `select distinct tenant_id from mandate where state in ('pending', 'active') and lapses_at <= $1`,
      [this.clock.now()],
    );
    let ended = 0;
    for (const { tenant_id: tenantId } of rows) {
      for (;;) {
        const some = await this.database.transact(tenantId, (tx) => this.mandates.lapse(tx, BATCH));
        ended += some;
        if (some < BATCH) break;
      }
    }
    return ended;
  }
}
