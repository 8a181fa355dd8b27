import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { CheckoutSessions } from './checkout-sessions.service.ts';
import { PaymentRequests } from './requests/payment-requests.service.ts';

/** How often those whose time is over are looked for. */
const EVERY_MS = 10_000;
/** Of one tenant, before it is the next one's turn. */
const BATCH = 50;

/** Ends sessions and requests that nobody paid in time, and reminds. Several processes may do so at once: what is done is decided under the row's lock. */
@Injectable()
export class EndOverdue extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly sessions: CheckoutSessions,
    private readonly requests: PaymentRequests,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: 'checkout', everyMs: EVERY_MS, problem: 'what is overdue could not be looked up' });
  }

  protected override doDue(): Promise<unknown> {
    return this.endDue();
  }

  /** Looks at what is due now and returns at how much. */
  async endDue(): Promise<number> {
    return (
      (await this.#each('checkout_session', (tenantId, id) => this.sessions.expire(tenantId, id))) +
      (await this.#each('payment_request', (tenantId, id) => this.requests.attend(tenantId, id)))
    );
  }

  async #each(table: 'checkout_session' | 'payment_request', attend: (tenantId: string, id: string) => Promise<void>): Promise<number> {
    const now = this.clock.now();
    const { rows } = await this.pool.query<{ tenant_id: string }>(`select distinct tenant_id from ${table} where due_at <= $1`, [now]);
    let seen = 0;
    for (const { tenant_id: tenantId } of rows) {
      const due = await this.database.transact(tenantId, (tx) =>
        tx.query<{ id: string }>(`select id from ${table} where due_at <= $1 order by due_at limit $2`, [now, BATCH]),
      );
      for (const { id } of due) {
        // One that cannot be attended to now must not hold up the others.
        await attend(tenantId, id).catch((error: unknown) =>
          this.log.error({ message: 'what is overdue could not be ended', table, id, error }),
        );
      }
      seen += due.length;
    }
    return seen;
  }
}
