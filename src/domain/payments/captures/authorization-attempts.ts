import { Inject, Injectable } from '@nestjs/common';
import type { Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { EventLog } from '../../../events/event-log.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf } from '../../../kernel/ids.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { crashPoint } from '../../../platform/crash-points.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { ProviderCalls } from '../../../plugin-host/provider-calls.ts';
import { ApplyFacts } from '../apply-facts.ts';
import { lockPayment } from '../lock-payment.ts';
import { recordOutcome, sendRecorded, type Attempt } from '../payment-attempts.ts';
import type { PaymentRow } from '../payment.entity.ts';
import { PaymentSubjects } from '../payment-subjects.ts';
import { readFacts } from '../payment.ts';

/** Sends captures and cancellations that are written down, the first time or again with the same key, and records what they come to. */
@Injectable()
export class AuthorizationAttempts {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly applyFacts: ApplyFacts,
    private readonly subjects: PaymentSubjects,
    private readonly eventLog: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async send(tenantId: string, connectionId: string, attempt: Attempt): Promise<void> {
    await this.#settle(tenantId, attempt, await this.#call(tenantId, connectionId, attempt));
  }

  /**
   * As {@link send}, for a capture that nobody waits for: a provider that cannot be reached now is asked again later, with the same key.
   * @returns whether the provider said no
   */
  async sendDue(tenantId: string, connectionId: string, attempt: Attempt): Promise<boolean> {
    crashPoint('capture.begun.after');
    const outcome = await this.#call(tenantId, connectionId, attempt);
    crashPoint('capture.settled.before');
    const isLater = outcome.kind === 'failed' && outcome.reason !== 'input' && outcome.reason !== 'permanent';
    await this.#settle(tenantId, attempt, isLater ? { kind: 'unknown', message: outcome.message } : outcome);
    return !isLater && (outcome.kind === 'failed' || outcome.kind === 'declined');
  }

  /** Records what an attempt came to. @param row locked */
  async record(tx: Transaction, row: PaymentRow, attempt: Attempt, outcome: Outcome<unknown>): Promise<void> {
    const isFirst = await recordOutcome(tx, attempt, outcome, this.clock.now());
    if (!isFirst || attempt.operation !== 'capture' || outcome.kind === 'unknown') return;
    if (outcome.kind !== 'ok') row.captureAskedMinor -= row.capturePendingMinor;
    row.capturePendingMinor = 0n;
    await tx.em.flush();
    if (outcome.kind === 'ok') return;
    const data = { ...(await this.subjects.contextOf(tx, row)), problem: outcome.message };
    await this.eventLog.append(tx, { type: 'payment.capture-failed', subject: `payment/${idOf('pay', row.id)}`, data });
  }

  #call(tenantId: string, connectionId: string, attempt: Attempt): Promise<Outcome<PaymentFacts>> {
    const { database, calls, clock } = this;
    return sendRecorded<PaymentFacts>({ database, calls, clock }, { tenantId, connectionId }, `payments.${attempt.operation}`, attempt);
  }

  #settle(tenantId: string, attempt: Attempt, outcome: Outcome<PaymentFacts>): Promise<void> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await lockPayment(tx, attempt.paymentId);
      if (outcome.kind === 'ok') await this.applyFacts.apply(tx, row, readFacts(outcome.value));
      await this.record(tx, row, attempt, outcome);
    });
  }
}
