import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { endClaim, takeDueChecks, type DueCheck } from './payment-checks.ts';
import { Payments } from './payments.service.ts';

/** How often due payments are looked for. */
const EVERY_MS = 1_000;
/** Of one tenant at once. */
const BATCH = 20;

/** Asks providers about payments whose webhook may have been lost. When, is decided in `payment-checks.ts`. */
@Injectable()
export class CheckOpenPayments extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly payments: Payments,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: CheckOpenPayments.name, everyMs: EVERY_MS, problem: 'open payments could not be looked up' });
  }

  protected override doDue(): Promise<unknown> {
    return this.checkDue();
  }

  /** Asks about what is due now and returns of how many payments. */
  async checkDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>('select distinct tenant_id from payment_check where next_at <= $1', [
      this.clock.now(),
    ]);
    let asked = 0;
    for (const { tenant_id: tenantId } of rows) {
      const due = await this.database.transact(tenantId, (tx) => takeDueChecks(tx, this.clock.now(), BATCH));
      crashPoint('payment.check.after');
      const [polled, others] = [due.filter((one) => one.polled), due.filter((one) => !one.polled)];
      // Somebody waits for a polled one. The others are asked about one after the other: a backlog must not use up a provider's rate limit.
      await Promise.all([...polled.map((one) => this.#check(tenantId, one)), this.#inTurn(tenantId, others)]);
      asked += due.length;
    }
    return asked;
  }

  async #inTurn(tenantId: string, due: readonly DueCheck[]): Promise<void> {
    for (const one of due) await this.#check(tenantId, one);
  }

  /** One that cannot be asked about now gets its next moment all the same; it must not hold up the others. */
  async #check(tenantId: string, due: DueCheck): Promise<void> {
    // The others took so long that this one is anybody's again.
    if (due.claim && due.claim.until <= this.clock.now()) return;
    const payment = idOf('pay', due.id);
    try {
      const result = await this.payments.refresh(tenantId, due.id);
      if (result.kind === 'refused')
        this.log.warn({ message: 'a provider does not say how a payment stands', payment, problem: result.message });
    } catch (error) {
      this.log.error({ message: 'an open payment could not be brought up to date', payment, error });
    }
    if (due.claim) await this.database.transact(tenantId, (tx) => endClaim(tx, due));
  }
}
