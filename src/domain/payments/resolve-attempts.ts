import { Inject, Injectable } from '@nestjs/common';
import type { CreatedPayment } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Database } from '../../platform/database/transaction.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { Authorizations } from './authorizations.service.ts';
import { AuthorizationAttempts } from './captures/authorization-attempts.ts';
import { CALL_TIMEOUT_MS, takeDueAttempt, type Attempt } from './payment-attempts.ts';
import { PaymentEntity } from './payment.entity.ts';
import { Payments } from './payments.service.ts';
import { Refunds } from './refunds.service.ts';

/** How often due attempts are looked for. */
const EVERY_MS = 1_000;
/** Of one tenant at the same time: a process that died may have left thousands of calls without an answer. */
const AT_ONCE = 8;
/** By each of them, before it is the next tenant's turn. */
const BATCH = 20;
/** After this part of a provider's memory for keys a repeat could be taken for something new: clocks and replicas differ. */
const SAFE_PART_OF_MEMORY = 0.8;

/**
 * Finds out what became of calls whose answer never came: the process died, the connection broke, the time was over. Safe in
 * several processes, because taking an attempt is a lease.
 */
@Injectable()
export class ResolveAttempts extends RegularWork {
  constructor(
    private readonly database: Database,
    private readonly pool: EnginePool,
    private readonly calls: ProviderCalls,
    private readonly payments: Payments,
    private readonly refunds: Refunds,
    private readonly authorizations: Authorizations,
    private readonly authorizationAttempts: AuthorizationAttempts,
    config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: ResolveAttempts.name, everyMs: EVERY_MS, problem: 'attempts could not be resolved' });
  }

  protected override doDue(): Promise<unknown> {
    return this.resolveDue();
  }

  /** Resolves what is due now and returns how many attempts it looked at. */
  async resolveDue(): Promise<number> {
    const { rows } = await this.pool.query<{ tenant_id: string }>(
      `select distinct tenant_id from payment_attempt where next_at <= $1 and state in ('sending', 'unknown')`,
      [this.clock.now()],
    );
    let seen = 0;
    for (const { tenant_id: tenantId } of rows) {
      const counts = await Promise.all(Array.from({ length: AT_ONCE }, () => this.#resolveSome(tenantId)));
      seen += counts.reduce((sum, count) => sum + count, 0);
    }
    return seen;
  }

  async #resolveSome(tenantId: string): Promise<number> {
    for (let seen = 0; seen < BATCH; seen += 1) {
      // Taken one at a time: the lease of one that waits behind another's call would run out.
      const attempt = await this.database.transact(tenantId, (tx) => takeDueAttempt(tx, this.clock.now()));
      if (!attempt) return seen;
      // One that cannot be resolved keeps its lease and comes back; it must not hold up the others.
      await this.#resolve(tenantId, attempt).catch((error: unknown) => {
        this.log.error({ message: 'an attempt could not be resolved', key: attempt.idempotencyKey, error });
      });
    }
    return BATCH;
  }

  async #resolve(tenantId: string, attempt: Attempt): Promise<void> {
    const connectionId = await this.database.transact(
      tenantId,
      async (tx) => (await tx.em.findOneOrFail(PaymentEntity, { id: attempt.paymentId })).connectionId,
    );
    const replayWithinMs = SAFE_PART_OF_MEMORY * (await this.calls.keyTtlMs(connectionId));
    const isRemembered = this.clock.now().getTime() - attempt.startedAt.getTime() <= replayWithinMs;
    switch (attempt.operation) {
      case 'create':
      case 'charge':
        return isRemembered ? this.payments.sendCreate(tenantId, connectionId, attempt) : this.#find(tenantId, connectionId, attempt);
      case 'refund':
        return isRemembered ? this.refunds.sendAttempt(tenantId, connectionId, attempt) : this.refunds.decideByFacts(tenantId, attempt);
      case 'capture':
      case 'cancel':
        return isRemembered
          ? this.authorizationAttempts.send(tenantId, connectionId, attempt)
          : this.authorizations.decideByFacts(tenantId, attempt);
    }
  }

  /** After the key window only asking is safe. What cannot be asked stays unknown and is said so, daily. */
  async #find(tenantId: string, connectionId: string, attempt: Attempt): Promise<void> {
    // The request is our own, written by `Payments`.
    const { reference } = JSON.parse(attempt.request) as { reference: string };
    const input = { reference, notBefore: attempt.startedAt.getTime() };
    const found = (await this.calls.has(connectionId, 'payments.find'))
      ? await this.calls.call<CreatedPayment | undefined>({
          tenantId,
          connectionId,
          method: 'payments.find',
          input,
          idempotencyKey: '',
          attempt: attempt.tries,
          timeoutMs: CALL_TIMEOUT_MS,
        })
      : undefined;
    if (found?.kind !== 'ok') {
      this.log.warn({ message: 'the outcome of a payment is unknown', key: attempt.idempotencyKey });
      await this.payments.settleCreate(tenantId, attempt, { kind: 'unknown', message: 'not found out' });
    } else if (found.value) {
      await this.payments.settleCreate(tenantId, attempt, { ...found, value: found.value });
    } else {
      await this.payments.settleCreate(tenantId, attempt, {
        kind: 'failed',
        reason: 'temporary',
        message: 'The provider never received it',
      });
    }
  }
}
