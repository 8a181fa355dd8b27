import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import {
  DECLINE_REASONS,
  type CreatedPayment,
  type NextStep,
  type Outcome,
  type PaymentFacts,
  type PaymentFailure,
} from '@kassaflow/plugin-sdk';
import type { PaymentSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { adviceFor } from '../dunning/index.ts';
import { ApplyFacts, type Applied, type PaymentListener } from './apply-facts.ts';
import { AuthorizationAttempts } from './captures/authorization-attempts.ts';
import { FailOver } from './failover/fail-over.ts';
import { openingAttempts, type ShownAttempt } from './failover/opening-attempts.ts';
import { lockPayment } from './lock-payment.ts';
import { Mandates } from './mandates/mandates.service.ts';
import type { MoneyListener } from './money-moved.ts';
import { NewPayment, type PaymentWish } from './new-payment.ts';
import { OneFetch } from './one-fetch.ts';
import { OpenPayment, paymentOfRequest } from './open-payment.ts';
import { CALL_TIMEOUT_MS, recordOutcome, sendRecorded, type Attempt } from './payment-attempts.ts';
import { readConnections } from './payment-connections.ts';
import { PaymentEntity, type PaymentRow } from './payment.entity.ts';
import { SECOND_FETCH_AFTER_MS } from './payment-change.ts';
import { checkBy } from './payment-checks.ts';
import { paymentErrors } from './payment.errors.ts';
import { paymentIdIn } from './payment-reference.ts';
import { PaymentSubjects } from './payment-subjects.ts';
import type { ProviderEvent, SignalResult } from './provider-event.ts';
import { readFacts, transition, type PaymentState } from './payment.ts';

/** A payment as the API shows it: what flows see, and what the customer has to do next. */
export interface PaymentView {
  readonly payment: PaymentSubject;
  readonly next: NextStep | null;
  /** Why it failed, with the provider's own code. */
  readonly failure: PaymentFailure | null;
  /** The calls that were to open it; more than one when a connection took it over from another. */
  readonly attempts: readonly ShownAttempt[];
}

const PASSED_OVER =
  'Another connection took this payment over, because this one had said that nothing was done. Look whether it was paid at both.';

/** What became of a fetch. `isNews` is `false` when it told what was known before. */
type Fetched = SignalResult & { readonly isNews?: boolean };

/** What follows from the end of an attempt to open a payment. */
interface Settled {
  readonly connectionId: string;
  readonly applied?: Applied;
  /** The attempt at the connection that takes the payment over. */
  readonly again?: Attempt;
}

/** Payments, from the request to the last chargeback. Calls to providers are never made inside a transaction. */
@Injectable()
export class Payments implements OnModuleInit {
  readonly #fetches = new OneFetch<Fetched>();

  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly newPayment: NewPayment,
    private readonly failOver: FailOver,
    private readonly openPayment: OpenPayment,
    private readonly applyFacts: ApplyFacts,
    private readonly authorizationAttempts: AuthorizationAttempts,
    private readonly subjects: PaymentSubjects,
    private readonly mandates: Mandates,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer('payment', (tenantId, ids) => this.#read(tenantId, ids));
  }

  /** Calls `listener` in the transaction in which a payment's state changes, after everything else that follows from it. */
  whenChanged(listener: PaymentListener): void {
    this.applyFacts.whenChanged(listener);
  }

  whenMoneyMoved(listener: MoneyListener): void {
    this.applyFacts.whenMoneyMoved(listener);
  }

  /**
   * Makes a payment and opens it at the provider. Written down before the call, so that whatever dies here is resolved by
   * `ResolveAttempts`; an answer that does not come leaves the payment `created`.
   */
  async create(tenantId: string, wish: PaymentWish): Promise<PaymentView> {
    const before = await this.database.transact(tenantId, async (tx) => ({
      known: await paymentOfRequest(tx, wish.requestKey),
      connections: await readConnections(tx),
      routed: await this.failOver.routed(tx, wish),
    }));
    if (before.known) return this.get(tenantId, before.known.id);
    const { connection, fallbacks } = await this.failOver.route(before.connections, before.routed, wish);
    const habits = await this.newPayment.habitsOf(connection, wish);
    const begun = await this.database.transact(tenantId, async (tx) => {
      const written = await this.openPayment.write(tx, wish, connection, habits);
      if (written.attempt) await this.failOver.keep(tx, written.id, fallbacks);
      return written;
    });
    crashPoint('payment.attempt.after');
    if (begun.attempt) await this.sendCreate(tenantId, connection.id, begun.attempt);
    return this.get(tenantId, begun.id);
  }

  /** The payment that a request made, when it did. */
  async ofRequest(tenantId: string, requestKey: string): Promise<PaymentView | undefined> {
    const row = await this.database.transact(tenantId, (tx) => paymentOfRequest(tx, requestKey));
    return row ? this.get(tenantId, row.id) : undefined;
  }

  /** Sends an attempt to create a payment, the first time or again with the same key, and records what it comes to. */
  async sendCreate(tenantId: string, connectionId: string, attempt: Attempt): Promise<void> {
    const { database, calls, clock } = this;
    const outcome = await sendRecorded<CreatedPayment>(
      { database, calls, clock },
      { tenantId, connectionId },
      attempt.operation === 'charge' ? 'payments.charge' : 'payments.create',
      attempt,
    );
    crashPoint('payment.created.before');
    await this.settleCreate(tenantId, attempt, outcome);
  }

  /**
   * Records the outcome of an attempt to create a payment: its facts, or that no payment came of it; where another connection can take
   * the payment over, its attempt follows.
   */
  async settleCreate(tenantId: string, attempt: Attempt, outcome: Outcome<CreatedPayment>): Promise<void> {
    const successor = await this.failOver.successor(tenantId, attempt, outcome);
    const { connectionId, applied, again } = await this.database.transact<Settled>(tenantId, async (tx) => {
      const row = await this.lock(tx, attempt.paymentId);
      const { connectionId } = row;
      const wasOpen = await recordOutcome(tx, attempt, outcome, this.clock.now());
      if (outcome.kind === 'ok') {
        row.providerId ??= outcome.value.providerId;
        row.next = outcome.value.next;
        return { connectionId, applied: await this.applyFacts.apply(tx, row, readFacts(outcome.value.facts)) };
      }
      // One that somebody else has settled may have been followed by another.
      if (outcome.kind === 'unknown' || row.providerId !== null || !wasOpen) return { connectionId };
      const next = successor && (await this.failOver.begin(tx, row, attempt, outcome, successor));
      if (next) return { connectionId: row.connectionId, again: next };
      await this.#fail(tx, row, failureOf(outcome));
      return { connectionId };
    });
    if (again) {
      crashPoint('payment.failover.after');
      return this.sendCreate(tenantId, connectionId, again);
    }
    await this.#capture(tenantId, connectionId, applied);
  }

  /**
   * Learns from a provider's signal that something may have changed: finds the payment, fetches the truth, applies it.
   * What the signal itself says is never believed. But where the fetch knows no more than before, the signal may have been faster than the
   * provider's replicas: it is looked once more after half a minute, written down before the signal counts as applied. Once for each signal,
   * because that look is no signal.
   */
  async applyProviderEvent(tenantId: string, connectionId: string, event: ProviderEvent): Promise<SignalResult> {
    const { found, isPassedOver } = await this.database.transact(tenantId, async (tx) => {
      const row = await findPayment(tx, connectionId, event);
      const named = event.reference === undefined ? undefined : paymentIdIn(event.reference);
      return { found: row, isPassedOver: !row && (await this.failOver.isPassedOver(tx, connectionId, named)) };
    });
    if (isPassedOver) return { kind: 'refused', message: PASSED_OVER };
    const providerId = found?.providerId ?? event.providerId;
    if (!found || providerId === undefined) return { kind: 'orphan' };
    const { isNews, ...result } = await this.#refresh(tenantId, { id: found.id, connectionId, providerId });
    if (result.kind === 'applied' && isNews === false && !event.isOld) await this.#lookAgain(tenantId, found.id);
    return result;
  }

  /** Fetches a payment's truth and applies it. One that the provider does not know yet stays as it is. @throws payment.not-found */
  async refresh(tenantId: string, id: string): Promise<SignalResult> {
    const row = await this.database.transact(tenantId, (tx) => tx.em.findOne(PaymentEntity, { id }));
    if (!row) throw paymentErrors['not-found']();
    if (row.providerId === null || row.providerId === undefined) return { kind: 'orphan' };
    const { isNews: _, ...result } = await this.#refresh(tenantId, {
      id,
      connectionId: row.connectionId,
      providerId: row.providerId,
    });
    return result;
  }

  /** @throws payment.not-found */
  get(tenantId: string, id: string): Promise<PaymentView> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(PaymentEntity, { id });
      if (!row) throw paymentErrors['not-found']();
      const [payment] = await this.subjects.of(tx, [row]);
      return { payment: payment!, next: row.next ?? null, failure: row.failure ?? null, attempts: await openingAttempts(tx, id) };
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: {
      readonly limit: number;
      readonly after?: string | undefined;
      readonly state?: PaymentState | undefined;
      readonly customer?: string | undefined;
    },
  ): Promise<PaymentSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.state === undefined ? {} : { state: page.state }),
        ...(page.customer === undefined ? {} : { customerId: page.customer }),
      };
      return this.subjects.of(tx, await tx.em.find(PaymentEntity, where, { orderBy: { id: 'desc' }, limit: page.limit }));
    });
  }

  /** Locks a payment until the transaction ends: everything that changes one starts here. @throws payment.not-found */
  lock(tx: Transaction, id: string): Promise<PaymentRow> {
    return lockPayment(tx, id);
  }

  #lookAgain(tenantId: string, id: string): Promise<void> {
    const now = this.clock.now();
    return this.database.transact(tenantId, (tx) => checkBy(tx, id, new Date(now.getTime() + SECOND_FETCH_AFTER_MS), now));
  }

  #refresh(tenantId: string, at: { id: string; connectionId: string; providerId: string }): Promise<Fetched> {
    return this.#fetches.run(`${at.id} ${at.providerId}`, () => this.#fetch(tenantId, at));
  }

  async #fetch(tenantId: string, at: { id: string; connectionId: string; providerId: string }): Promise<Fetched> {
    const outcome = await this.calls.call<PaymentFacts>({
      tenantId,
      connectionId: at.connectionId,
      method: 'payments.fetch',
      input: { providerId: at.providerId },
      idempotencyKey: '',
      attempt: 1,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    if (outcome.kind === 'ok') {
      const applied = await this.database.transact(tenantId, async (tx) => {
        const row = await this.lock(tx, at.id);
        row.providerId ??= at.providerId;
        return this.applyFacts.apply(tx, row, readFacts(outcome.value));
      });
      await this.#capture(tenantId, at.connectionId, applied);
      if (applied.kind === 'again') return applied;
      return { kind: 'applied', isNews: applied.kind === 'applied' && applied.isNews };
    }
    const isFinal =
      outcome.kind === 'declined' || (outcome.kind === 'failed' && (outcome.reason === 'input' || outcome.reason === 'permanent'));
    if (isFinal) return { kind: 'refused', message: outcome.message };
    return { kind: 'again', afterMs: (outcome.kind === 'failed' ? outcome.retryAfterMs : undefined) ?? 5_000, problem: outcome.message };
  }

  /** Sends the capture that new facts have led to. */
  async #capture(tenantId: string, connectionId: string, applied: Applied | undefined): Promise<void> {
    if (applied?.kind !== 'applied' || !applied.capture) return;
    const { paymentId: id, request } = applied.capture;
    const isRefused = await this.authorizationAttempts.sendDue(tenantId, connectionId, applied.capture);
    // What a no means for the payment is the provider's to tell: the hold may be gone, or the customer has to choose another way.
    const { providerId } = JSON.parse(request) as { providerId: string }; // written by beginDueCapture
    if (isRefused) await this.#fetch(tenantId, { id, connectionId, providerId });
  }

  async #fail(tx: Transaction, row: PaymentRow, failure: PaymentFailure): Promise<void> {
    Object.assign(row, { state: transition(row.state, 'failed'), failure });
    await tx.em.flush();
    if (row.mandateId) await this.mandates.chargeFailed(tx, row.mandateId, failure);
    const decline = await this.mandates.declined(tx, row, { failure, chargedBack: 0n, disputes: undefined });
    await this.#append(tx, row, 'payment.failed', { decline });
    await this.applyFacts.tellListeners(tx, row);
  }

  async #append(tx: Transaction, row: PaymentRow, type: string, more: object = {}): Promise<void> {
    await this.eventLog.append(tx, {
      type,
      subject: subjectOf(row),
      data: { ...(await this.subjects.contextOf(tx, row)), ...more },
    });
  }

  async #read(tenantId: string, ids: readonly string[]): Promise<Map<string, PaymentSubject>> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.em.find(PaymentEntity, { id: { $in: ids.map((id) => uuidOf('pay', id)) } });
      return new Map((await this.subjects.of(tx, rows)).map((payment) => [payment.id, payment]));
    });
  }
}

function subjectOf(row: PaymentRow): string {
  return `payment/${idOf('pay', row.id)}`;
}

/**
 * By our own reference, else by the provider's id. A provider may have several ids for one payment (the page, the charge),
 * of which we keep the first; and a webhook may come before the answer that tells us any.
 */
async function findPayment(
  tx: Transaction,
  connectionId: string,
  event: ProviderEvent,
): Promise<{ id: string; providerId: string | undefined } | undefined> {
  const row =
    (await byReference(tx, connectionId, event.reference)) ??
    (event.providerId === undefined ? null : await tx.em.findOne(PaymentEntity, { connectionId, providerId: event.providerId }));
  return row ? { id: row.id, providerId: row.providerId ?? undefined } : undefined;
}

async function byReference(tx: Transaction, connectionId: string, reference: string | undefined): Promise<PaymentRow | null> {
  const id = reference === undefined ? undefined : paymentIdIn(reference);
  // The connection is part of the question: no account can speak about a payment that went through another.
  return id === undefined ? null : tx.em.findOne(PaymentEntity, { id, connectionId });
}

function failureOf(outcome: Exclude<Outcome<unknown>, { kind: 'ok' | 'unknown' }>): PaymentFailure {
  if (outcome.kind === 'declined') {
    const reason = DECLINE_REASONS.find((known) => known === outcome.code) ?? 'other';
    return { reason, providerCode: outcome.code, retryable: adviceFor({ method: '', reason }).retryOnDays.length > 0 };
  }
  return {
    reason: 'technical',
    retryable: outcome.reason === 'temporary' || outcome.reason === 'rate-limited',
    ...(outcome.code !== undefined && { providerCode: outcome.code }),
  };
}
