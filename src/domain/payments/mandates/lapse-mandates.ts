import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf } from '../../../kernel/ids.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Config } from '../../../platform/config/config.ts';
import { EnginePool } from '../../../platform/database/engine-pool.ts';
import { Database } from '../../../platform/database/transaction.ts';
import { RegularWork } from '../../../platform/regular-work.ts';
import { Mandates } from './mandates.service.ts';

/** A mandate that has lapsed is refused at once (`lockToCharge`); this only brings its state and its event. */
const EVERY_MS = 600_000;
/** Of one tenant in one transaction. */
const BATCH = 100;

/** Of one tenant in one turn: providers are asked one after the other. */
const ASKED = 20;

/**
 * Ends mandates whose time is over: their term, 36 months without use, or a week without being confirmed. Asks about those that wait for
 * being confirmed: not every provider has a webhook for that.
 */
@Injectable()
export class LapseMandates extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly mandates: Mandates,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: LapseMandates.name, everyMs: EVERY_MS, problem: 'mandates could not be ended' });
  }

  protected override async doDue(): Promise<unknown> {
    await this.lapseDue();
    return this.askPending();
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

  /** Asks the providers about the oldest looks at mandates that are not confirmed, and returns how many it asked about. */
  async askPending(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>(
      `select distinct tenant_id from mandate where state = 'pending' and lapses_at > $1`,
      [this.clock.now()],
    );
    let asked = 0;
    for (const { tenant_id: tenantId } of rows) {
      const due = await this.database.transact(tenantId, (tx) =>
        tx.query<{ id: string }>(
          `select id from mandate where state = 'pending' and provider_id is not null order by facts_fetched_at nulls first limit $1`,
          [ASKED],
        ),
      );
      for (const { id } of due) {
        await this.mandates.refresh(tenantId, id).catch((error: unknown) => {
          this.log.error({ message: 'a mandate could not be asked about', mandate: idOf('man', id), error });
        });
      }
      asked += due.length;
    }
    return asked;
  }
}
