import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Outcome, RefundResult } from '@kassaflow/plugin-sdk';
import type { RefundSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { money, toWire, type Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { amountsOf, viewOf } from './apply-facts.ts';
import { beginAttempt, isOurs, recordOutcome, sendRecorded, type Attempt } from './payment-attempts.ts';
import { beginChecks } from './payment-checks.ts';
import { PaymentEntity, type PaymentRow } from './payment.entity.ts';
import { refundErrors } from './payment.errors.ts';
import { PaymentSubjects, refundSubject } from './payment-subjects.ts';
import { tookMoney } from './payment.ts';
import { Payments } from './payments.service.ts';
import { RefundEntity, type RefundRow } from './refund.entity.ts';
import { refundable } from './refund.ts';

/** A refund as a caller asks for it. */
export interface RefundWish {
  readonly paymentId: string;
  /** Default: all that is left. */
  readonly amount?: Money;
  readonly reason: string;
  /** Credits that go back with the money; a flow takes them. */
  readonly credits: number;
  /** Only record it, with the event that asks somebody to approve; {@link Refunds.send} carries it out. */
  readonly awaitApproval: boolean;
  readonly requestKey: string;
  /** Who asks, for the audit. */
  readonly actor: string;
}

/** Refunds: never more than was captured, however many ask at once, because each holds the payment's row while it counts. */
@Injectable()
export class Refunds implements OnModuleInit {
  readonly #log = new Logger(Refunds.name);

  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly payments: Payments,
    private readonly subjects: PaymentSubjects,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer('refund', (tenantId, ids) => this.#read(tenantId, ids));
  }

  /** @throws payment.not-found, refund.payment-state, refund.exceeds, refund.currency-mix, refund.not-supported */
  async request(tenantId: string, wish: RefundWish): Promise<RefundSubject> {
    const payment = await this.database.transact(tenantId, (tx) => tx.em.findOne(PaymentEntity, { id: wish.paymentId }));
    if (payment && !(await this.calls.has(payment.connectionId, 'payments.refund'))) throw refundErrors['not-supported']();
    const { id, connectionId, attempt } = await this.database.transact(tenantId, (tx) => this.#begin(tx, wish));
    if (attempt) await this.sendAttempt(tenantId, connectionId, attempt);
    return this.get(tenantId, id);
  }

  /** Sends a refund that awaited approval; one that was sent before is only shown. @throws refund.not-found, refund.four-eyes, refund.cancel-state */
  async send(tenantId: string, id: string, actor: string): Promise<RefundSubject> {
    const { connectionId, attempt } = await this.database.transact(tenantId, async (tx) => {
      const { row, refund } = await this.#lock(tx, id);
      const { connectionId } = row;
      if (refund.state === 'cancelled') throw refundErrors['cancel-state']({ status: refund.state });
      if (refund.sentAt !== null || refund.state !== 'requested') return { connectionId };
      if (refund.requestedBy === actor) throw refundErrors['four-eyes']();
      await this.audit.append(tx, { actor, action: 'refund.send', subject: subjectOf(refund) });
      return { connectionId, attempt: await this.#attempt(tx, row, refund) };
    });
    if (attempt) await this.sendAttempt(tenantId, connectionId, attempt);
    return this.get(tenantId, id);
  }

  /**
   * Calls off a refund that waits for approval, or for the card at a terminal. One that was called off before is only shown.
   *
   * @throws refund.not-found, refund.cancel-state
   */
  async cancel(tenantId: string, id: string, by: { readonly actor: string; readonly reason: string }): Promise<RefundSubject> {
    await this.database.transact(tenantId, async (tx) => {
      const { row, refund } = await this.#lock(tx, id);
      if (refund.state === 'cancelled') return;
      const { status, waitsFor } = refundSubject(refund);
      if (waitsFor === '') throw refundErrors['cancel-state']({ status });
      refund.state = 'cancelled';
      await tx.em.flush();
      await this.#append(tx, row, refund, 'refund.cancelled');
      await this.audit.append(tx, { actor: by.actor, action: 'refund.cancel', subject: subjectOf(refund), detail: { reason: by.reason } });
    });
    return this.get(tenantId, id);
  }

  /** Sends a recorded attempt, the first time or again with the same key, and then looks what became of the payment. */
  async sendAttempt(tenantId: string, connectionId: string, attempt: Attempt): Promise<void> {
    const { database, calls, clock } = this;
    const outcome = await sendRecorded<RefundResult>({ database, calls, clock }, { tenantId, connectionId }, 'payments.refund', attempt);
    const { refundsAtTerminal = false } = await this.calls.traits(connectionId);
    await this.database.transact(tenantId, (tx) => this.#settle(tx, attempt, outcome, refundsAtTerminal));
    // Accepted is not done: only the provider's own totals complete a refund. Without an answer now, its webhook brings them.
    if (outcome.kind === 'ok') await this.payments.refresh(tenantId, attempt.paymentId);
  }

  /**
   * Looks whether the provider's totals contain a refund that can no longer be repeated. It cannot be asked for by itself, so
   * one that they do not contain stays unknown: it may be under way.
   */
  async decideByFacts(tenantId: string, attempt: Attempt): Promise<void> {
    await this.payments.refresh(tenantId, attempt.paymentId);
    await this.database.transact(tenantId, async (tx) => {
      const { refund } = await this.#lock(tx, attempt.refundId ?? '');
      const isDone = refund.state === 'completed';
      const outcome: Outcome<undefined> = isDone
        ? { kind: 'ok', value: undefined, reference: '' }
        : { kind: 'unknown', message: 'not found out' };
      await recordOutcome(tx, attempt, outcome, this.clock.now());
      if (!isDone) this.#log.warn({ message: 'the outcome of a refund is unknown', key: attempt.idempotencyKey });
    });
  }

  /** @throws refund.not-found */
  get(tenantId: string, id: string): Promise<RefundSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const refund = await tx.em.findOne(RefundEntity, { id });
      if (!refund) throw refundErrors['not-found']();
      return refundSubject(refund);
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly payment?: string | undefined },
  ): Promise<RefundSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.payment === undefined ? {} : { paymentId: page.payment }),
      };
      return (await tx.em.find(RefundEntity, where, { orderBy: { id: 'desc' }, limit: page.limit })).map(refundSubject);
    });
  }

  async #begin(tx: Transaction, wish: RefundWish): Promise<{ id: string; connectionId: string; attempt?: Attempt }> {
    const row = await this.payments.lock(tx, wish.paymentId);
    const refunds = await tx.em.find(RefundEntity, { paymentId: row.id });
    const known = refunds.find(({ requestKey }) => requestKey === wish.requestKey);
    if (known) return { id: known.id, connectionId: row.connectionId };
    const refund = this.#insert(tx, row, wish, refundAmount(row, refunds, wish));
    await tx.em.flush();
    const attempt = wish.awaitApproval ? undefined : await this.#attempt(tx, row, refund);
    await this.#append(tx, row, refund, 'refund.requested');
    await this.#auditRequest(tx, refund, wish);
    return { id: refund.id, connectionId: row.connectionId, ...(attempt && { attempt }) };
  }

  async #auditRequest(tx: Transaction, refund: RefundRow, { actor, awaitApproval }: RefundWish): Promise<void> {
    const { amount, currency } = toWire(money(refund.amountMinor, refund.currency));
    const detail = { payment: idOf('pay', refund.paymentId), amount, currency, awaitApproval };
    await this.audit.append(tx, { actor, action: 'refund.request', subject: subjectOf(refund), detail });
  }

  #insert(tx: Transaction, row: PaymentRow, wish: RefundWish, amountMinor: bigint): RefundRow {
    return tx.em.create(RefundEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      paymentId: row.id,
      currency: row.currency,
      amountMinor,
      state: 'requested',
      origin: 'kassaflow',
      providerId: null,
      reason: wish.reason,
      requestedBy: wish.actor,
      atTerminal: false,
      credits: BigInt(wish.credits),
      createdAt: this.clock.now(),
      sentAt: null,
      acceptedAt: null,
      requestKey: wish.requestKey,
      version: 1,
    });
  }

  async #attempt(tx: Transaction, row: PaymentRow, refund: RefundRow): Promise<Attempt> {
    refund.sentAt = this.clock.now();
    await tx.em.flush();
    await beginChecks(tx, row, refund.sentAt);
    const request = {
      providerId: row.providerId,
      reference: idOf('ref', refund.id),
      amount: toWire(money(refund.amountMinor, refund.currency)),
      ...(refund.reason === '' ? {} : { reason: refund.reason }),
    };
    return beginAttempt(tx, { paymentId: row.id, operation: 'refund', request, refundId: refund.id, now: refund.sentAt });
  }

  async #settle(tx: Transaction, attempt: Attempt, outcome: Outcome<RefundResult>, refundsAtTerminal: boolean): Promise<void> {
    const { row, refund } = await this.#lock(tx, attempt.refundId ?? '');
    await recordOutcome(tx, attempt, outcome, this.clock.now());
    if (outcome.kind === 'unknown') return;
    if (outcome.kind === 'ok') refund.providerId = outcome.value.providerId;
    // A webhook may have completed it before this answer came; then there is nothing to move.
    if (refund.state !== 'requested') return;
    if (refundsAtTerminal && wantsTheCard(outcome)) {
      refund.atTerminal = true;
      await tx.em.flush();
      return this.#append(tx, row, refund, 'refund.tap-required');
    }
    const isAccepted = outcome.kind === 'ok' && outcome.value.state !== 'failed';
    Object.assign(refund, isAccepted ? { state: 'pending', acceptedAt: this.clock.now() } : { state: 'failed' });
    await tx.em.flush();
    if (!isAccepted) await this.#append(tx, row, refund, 'refund.failed');
  }

  /** The payment's row first, then the refund, as everywhere. */
  async #lock(tx: Transaction, refundId: string): Promise<{ row: PaymentRow; refund: RefundRow }> {
    const found = await tx.em.findOne(RefundEntity, { id: refundId });
    if (!found) throw refundErrors['not-found']();
    const row = await this.payments.lock(tx, found.paymentId);
    const refund = await tx.em.findOneOrFail(RefundEntity, { id: refundId }, { refresh: true });
    return { row, refund };
  }

  async #append(tx: Transaction, row: PaymentRow, refund: RefundRow, type: string): Promise<void> {
    const data = { ...(await this.subjects.contextOf(tx, row)), refund: refundSubject(refund) };
    await this.eventLog.append(tx, { type, subject: subjectOf(refund), data });
  }

  async #read(tenantId: string, ids: readonly string[]): Promise<Map<string, RefundSubject>> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.em.find(RefundEntity, { id: { $in: ids.map((id) => uuidOf('ref', id)) } });
      return new Map(rows.map(refundSubject).map((refund) => [refund.id, refund]));
    });
  }
}

/** A provider whose refunds are made at the terminal says no to being asked from here; everything else is a failure. */
function wantsTheCard(outcome: Outcome<RefundResult>): boolean {
  return outcome.kind === 'failed' && outcome.reason === 'permanent' && !isOurs(outcome);
}

function subjectOf(refund: RefundRow): string {
  return `refund/${idOf('ref', refund.id)}`;
}

/** @throws refund.payment-state, refund.currency-mix, refund.exceeds */
function refundAmount(row: PaymentRow, refunds: readonly RefundRow[], wish: RefundWish): bigint {
  if (!tookMoney(row.state)) throw refundErrors['payment-state']({ state: row.state });
  if (wish.amount && wish.amount.currency !== row.currency)
    throw refundErrors['currency-mix']({ payment: row.currency, refund: wish.amount.currency });
  const left = refundable(amountsOf(row), refunds.map(viewOf));
  const amount = wish.amount?.minor ?? left;
  if (amount <= 0n || amount > left) throw refundErrors.exceeds({ left: toWire(money(left, row.currency)).amount, currency: row.currency });
  return amount;
}
