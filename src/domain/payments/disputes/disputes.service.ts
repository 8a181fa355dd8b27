import { Inject, Injectable } from '@nestjs/common';
import type { DisputeFacts } from '@kassaflow/plugin-sdk';
import type { DisputeSubject } from '../../../events/catalogue/subjects.ts';
import { EventLog } from '../../../events/event-log.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf, newUuid } from '../../../kernel/ids.ts';
import { money, toWire } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { Mandates } from '../mandates/mandates.service.ts';
import { disputeErrors } from '../payment.errors.ts';
import type { PaymentRow } from '../payment.entity.ts';
import { PaymentSubjects } from '../payment-subjects.ts';
import { DisputeEntity, type DisputeRow } from './dispute.entity.ts';
import { disputeEvent, isDecided } from './dispute.ts';

/** Disputes and chargebacks, as providers report them with the payment. */
@Injectable()
export class Disputes {
  constructor(
    private readonly database: Database,
    private readonly eventLog: EventLog,
    private readonly subjects: PaymentSubjects,
    private readonly mandates: Mandates,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Brings the disputes of a payment, which is locked and saved, to what its provider lists. */
  async record(tx: Transaction, payment: PaymentRow, listed: readonly DisputeFacts[]): Promise<void> {
    const known = await tx.em.find(DisputeEntity, { paymentId: payment.id });
    for (const facts of listed) {
      const row = known.find(({ providerId }) => providerId === facts.providerId);
      await this.#apply(tx, payment, row, facts);
    }
  }

  /** @throws dispute.not-found */
  get(tenantId: string, id: string): Promise<DisputeSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(DisputeEntity, { id });
      if (!row) throw disputeErrors['not-found']();
      return disputeSubject(row);
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly payment?: string | undefined },
  ): Promise<DisputeSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.payment === undefined ? {} : { paymentId: page.payment }),
      };
      return (await tx.em.find(DisputeEntity, where, { orderBy: { id: 'desc' }, limit: page.limit })).map(disputeSubject);
    });
  }

  async #apply(tx: Transaction, payment: PaymentRow, known: DisputeRow | undefined, facts: DisputeFacts): Promise<void> {
    const event = disputeEvent(known?.state, facts.state);
    const now = this.clock.now();
    const row = known ?? newDispute(tx, payment, facts, now);
    Object.assign(row, {
      state: facts.state,
      amountMinor: BigInt(facts.amount),
      reason: facts.reason ?? row.reason,
      respondBy: facts.respondBy === undefined ? row.respondBy : new Date(facts.respondBy),
      closedAt: isDecided(facts.state) ? (row.closedAt ?? now) : null,
    });
    await tx.em.flush();
    if (!event) return;
    const context = await this.subjects.contextOf(tx, payment);
    await this.eventLog.append(tx, {
      type: event,
      subject: event === 'payment.disputed' ? `payment/${idOf('pay', payment.id)}` : `dispute/${idOf('dis', row.id)}`,
      data: { ...context, dispute: disputeSubject(row) },
    });
    // Some providers call a returned debit lost at once, because nobody can object to it.
    if ((event === 'dispute.opened' || event === 'dispute.lost') && payment.mandateId)
      await this.mandates.chargeFailed(tx, payment.mandateId, { reason: 'other', providerCode: row.reason });
  }
}

function newDispute(tx: Transaction, payment: PaymentRow, facts: DisputeFacts, now: Date): DisputeRow {
  return tx.em.create(DisputeEntity, {
    id: newUuid(),
    tenantId: tx.tenantId,
    paymentId: payment.id,
    providerId: facts.providerId,
    state: facts.state,
    currency: payment.currency,
    amountMinor: BigInt(facts.amount),
    reason: '',
    respondBy: null,
    openedAt: now,
    closedAt: null,
    version: 1,
  });
}

function disputeSubject(row: DisputeRow): DisputeSubject {
  return {
    id: idOf('dis', row.id),
    status: row.state,
    amount: toWire(money(row.amountMinor, row.currency)),
    reason: row.reason,
    payment: idOf('pay', row.paymentId),
    respondBy: row.respondBy?.toISOString() ?? '',
    openedAt: row.openedAt.toISOString(),
    closedAt: row.closedAt?.toISOString() ?? '',
  };
}
