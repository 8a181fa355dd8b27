import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LockMode } from '@mikro-orm/core';
import type { CreatedMandate, DeclineReason, MandateFacts, PaymentFailure } from '@kassaflow/plugin-sdk';
import type { Decline } from '../../../events/catalogue/payment.events.ts';
import type { MandateSubject } from '../../../events/catalogue/subjects.ts';
import { EventLog } from '../../../events/event-log.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf, newUuid } from '../../../kernel/ids.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { Audit } from '../../../platform/tenancy/audit.ts';
import { ProviderCalls } from '../../../plugin-host/provider-calls.ts';
import { Customers } from '../../customers/index.ts';
import { CALL_TIMEOUT_MS } from '../payment-attempts.ts';
import { readConnections } from '../payment-connections.ts';
import type { PaymentRow } from '../payment.entity.ts';
import { mandateErrors } from '../payment.errors.ts';
import type { Facts } from '../payment.ts';
import type { ProviderEvent, SignalResult } from '../provider-event.ts';
import { failureIn, recordDecline, RETURN_CODE } from './declines.ts';
import { MOST_RETURNS, returnsInRow } from './returned-debits.ts';
import { lockMandate, mandateIdIn, newestActive, newestInLine, replaceBy, sameAtProvider, withActiveMandate } from './mandate-rows.ts';
import { MandateEntity, type MandateRow } from './mandate.entity.ts';
import { lapsesAt, mandateEvent, mandateState, type MandateState } from './mandate.ts';

/** For how long the provider's last word on a mandate is taken for its present one. */
const FRESH_MS = 3_600_000;
/** Return codes after which a debit mandate is over: withdrawn, account closed, debtor dead. */
const RETURNS_THAT_END: ReadonlySet<string> = new Set(['MD01', 'AC04', 'MD07']);
/** Reasons after which nobody may charge it again: a card whose holder withdrew, an account that is gone. */
const ENDS_MANDATE: readonly DeclineReason[] = ['mandate-revoked', 'account-closed'];

/** Mandates: what payments and providers report of them, and their end. */
@Injectable()
export class Mandates implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly calls: ProviderCalls,
    private readonly customers: Customers,
    private readonly eventLog: EventLog,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.customers.offerMandates(withActiveMandate);
  }

  /** Records the mandate that a payment left behind or was made under. The payment is locked. */
  async record(tx: Transaction, payment: PaymentRow, facts: MandateFacts, fetchedAt: Date): Promise<void> {
    const { connectionId, customerId } = payment;
    // Two payments that report one mandate at once meet here.
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`mandate ${connectionId} ${facts.providerId}`]);
    const known = await lockMandate(tx, { connectionId, providerId: facts.providerId });
    if (known) {
      await this.#apply(tx, known, facts, fetchedAt);
      return replaceBy(tx, payment.replacesMandateId, known);
    }
    // Nobody to charge later: a mandate belongs to a customer.
    if (!customerId) return;
    const now = this.clock.now();
    const row = tx.em.create(MandateEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      customerId,
      connectionId,
      paymentId: payment.id,
      providerId: facts.providerId,
      providerCustomer: facts.customer ?? null,
      kind: facts.kind,
      state: 'pending',
      label: facts.label ?? '',
      fingerprint: facts.fingerprint ?? null,
      validUntil: null,
      factsFetchedAt: null,
      createdAt: now,
      usedAt: now,
      lapsesAt: lapsesAt(now, undefined),
      endedAt: null,
      description: '',
      next: null,
      requestKey: null,
      providerRetries: false,
      resumedAt: null,
      replacedById: null,
      version: 1,
    });
    await this.#apply(tx, row, facts, fetchedAt);
    await replaceBy(tx, payment.replacesMandateId, row);
  }

  /**
   * Learns from a provider's signal that a mandate may have changed, and asks for the truth. A signal about a payment may mean a mandate
   * too: a provider that makes mandates by payments of nothing tells of them in the same words.
   */
  async applyProviderEvent(tenantId: string, connectionId: string, { providerId, reference }: ProviderEvent): Promise<SignalResult> {
    const named = reference === undefined ? undefined : mandateIdIn(reference);
    const row = await this.database.transact(tenantId, async (tx) => {
      // The connection is part of the question: no account can speak about a mandate that was given to another.
      const ours = named === undefined ? null : await tx.em.findOne(MandateEntity, { id: named, connectionId });
      return ours ?? (providerId === undefined ? null : tx.em.findOne(MandateEntity, { connectionId, providerId }));
    });
    if (!row) return { kind: 'orphan' };
    return this.#fetch(tenantId, row, row.providerId ?? providerId);
  }

  /** Asks the provider how a mandate stands. @throws mandate.not-found */
  async refresh(tenantId: string, id: string): Promise<SignalResult> {
    const row = await this.#find(tenantId, id);
    return this.#fetch(tenantId, row, row.providerId ?? undefined);
  }

  /**
   * Looks before a charge whether the provider still has the permission, where that was last known more than {@link FRESH_MS} ago, and
   * whether it repeats charges by itself. A provider that does not answer is no reason not to charge: it refuses what it has to.
   */
  async lookBeforeCharge(tenantId: string, { id, connectionId, factsFetchedAt, providerRetries }: MandateRow): Promise<void> {
    const { retriesCharges = false } = await this.calls.traits(connectionId);
    if (retriesCharges !== providerRetries)
      await this.database.transact(tenantId, (tx) =>
        tx.query('update mandate set provider_retries = $2 where id = $1', [id, retriesCharges]),
      );
    const age = this.clock.now().getTime() - (factsFetchedAt?.getTime() ?? 0);
    if (age > FRESH_MS) await this.refresh(tenantId, id);
  }

  async #fetch(tenantId: string, row: MandateRow, providerId: string | undefined): Promise<SignalResult> {
    if (providerId === undefined) return { kind: 'orphan' };
    if (!(await this.calls.has(row.connectionId, 'mandates.fetch'))) return { kind: 'refused', message: 'The provider cannot be asked' };
    return this.#call(tenantId, row, providerId, 'mandates.fetch', '');
  }

  /**
   * Ends a mandate at its provider. It is ours that counts: it is not charged any more even when the provider does not answer.
   *
   * @throws mandate.not-found
   */
  async revoke(tenantId: string, id: string, actor: string): Promise<MandateSubject> {
    const row = await this.#find(tenantId, id);
    await this.database.transact(tenantId, async (tx) => {
      const locked = await lockMandate(tx, { id });
      if (!locked || locked.state === 'revoked') return;
      await this.audit.append(tx, { actor, action: 'mandate.revoke', subject: subjectOf(locked) });
      await this.#enter(tx, locked, 'revoked');
    });
    if (row.providerId && (await this.calls.has(row.connectionId, 'mandates.revoke'))) {
      await this.#call(tenantId, row, row.providerId, 'mandates.revoke', `${idOf('man', id)}:revoke`);
    }
    return this.get(tenantId, id);
  }

  /** Lets a mandate be charged again of which too many debits came back. @throws mandate.not-found */
  resume(tenantId: string, id: string, actor: string): Promise<MandateSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await lockMandate(tx, { id });
      if (!row) throw mandateErrors['not-found']();
      row.resumedAt = this.clock.now();
      await tx.em.flush();
      await this.audit.append(tx, { actor, action: 'mandate.resume', subject: subjectOf(row) });
      return this.subjectIn(tx, row);
    });
  }

  /** Records what a provider made of a mandate that we asked it for. The row is locked. */
  async made(tx: Transaction, row: MandateRow, { facts, next }: CreatedMandate, fetchedAt: Date): Promise<void> {
    row.next = next;
    await this.#apply(tx, row, facts, fetchedAt);
  }

  /** Ends a mandate of which nothing came. The row is locked. */
  async notMade(tx: Transaction, row: MandateRow): Promise<void> {
    await this.#enter(tx, row, 'expired');
  }

  /** A charge of the mandate failed: for some reasons it is no permission any more. A bank's return code says so more exactly than a reason. */
  async chargeFailed(
    tx: Transaction,
    id: string,
    { reason, providerCode = '' }: Pick<PaymentFailure, 'reason' | 'providerCode'>,
  ): Promise<void> {
    const ends = RETURN_CODE.test(providerCode) ? RETURNS_THAT_END.has(providerCode) : ENDS_MANDATE.includes(reason);
    if (!ends) return;
    const row = await lockMandate(tx, { id });
    if (row && (row.state === 'active' || row.state === 'pending')) await this.#enter(tx, row, 'revoked');
  }

  /**
   * Writes down what is to be done about a payment that failed or was charged back, and returns it for its event; `undefined` when neither
   * is so. The payment is saved with the facts.
   */
  async declined(
    tx: Transaction,
    payment: PaymentRow,
    facts: Pick<Facts, 'failure' | 'chargedBack' | 'disputes'>,
  ): Promise<Decline | undefined> {
    const failure = failureIn(payment, facts);
    if (!failure) return undefined;
    const decline = await recordDecline(tx, payment, failure, this.clock.now());
    if (payment.mandateId) await this.#tellOfReturns(tx, payment.mandateId);
    return decline;
  }

  /** The debit that makes it too many is told once: nothing new is collected from then on. */
  async #tellOfReturns(tx: Transaction, id: string): Promise<void> {
    const row = await lockMandate(tx, { id });
    if (row?.kind !== 'sepa-debit' || row.state !== 'active' || (await returnsInRow(tx, id)) !== MOST_RETURNS) return;
    await this.#append(tx, row, 'mandate.suspended');
  }

  /** The mandate to charge, locked: the one named, or what took its place, or the customer's newest. @throws mandate.not-found, mandate.not-active, mandate.none */
  async lockToCharge(tx: Transaction, wanted: { readonly id?: string; readonly customerId?: string }): Promise<MandateRow> {
    const id = wanted.id ?? (await newestActive(tx, wanted.customerId, this.clock.now()));
    if (id === undefined) throw mandateErrors.none();
    const row = await lockMandate(tx, { id: await newestInLine(tx, id, this.clock.now()) });
    if (!row) throw mandateErrors['not-found']();
    if (row.state !== 'active' || row.lapsesAt <= this.clock.now()) throw mandateErrors['not-active']({ status: row.state });
    return row;
  }

  /** A mandate is charged: its 36 months begin anew. */
  async used(tx: Transaction, row: MandateRow): Promise<void> {
    row.usedAt = this.clock.now();
    row.lapsesAt = lapsesAt(row.usedAt, row.validUntil ?? undefined);
    await tx.em.flush();
  }

  /** Ends those that have lapsed, up to `limit`, and returns how many. */
  async lapse(tx: Transaction, limit: number): Promise<number> {
    const rows = await tx.em.find(
      MandateEntity,
      { state: { $in: ['pending', 'active'] }, lapsesAt: { $lte: this.clock.now() } },
      { orderBy: { lapsesAt: 'asc' }, limit, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE },
    );
    for (const row of rows) await this.#enter(tx, row, 'expired');
    return rows.length;
  }

  /** @throws mandate.not-found */
  get(tenantId: string, id: string): Promise<MandateSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const [mandate] = await this.#subjects(tx, await tx.em.find(MandateEntity, { id }));
      if (!mandate) throw mandateErrors['not-found']();
      return mandate;
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: {
      readonly limit: number;
      readonly after?: string | undefined;
      readonly customer?: string | undefined;
      readonly state?: MandateState | undefined;
    },
  ): Promise<MandateSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.customer === undefined ? {} : { customerId: page.customer }),
        ...(page.state === undefined ? {} : { state: page.state }),
      };
      return this.#subjects(tx, await tx.em.find(MandateEntity, where, { orderBy: { id: 'desc' }, limit: page.limit }));
    });
  }

  /** A mandate as events carry it. */
  async subjectIn(tx: Transaction, row: MandateRow): Promise<MandateSubject> {
    const [mandate] = await this.#subjects(tx, [row]);
    // One row, one subject.
    return mandate!;
  }

  async #find(tenantId: string, id: string): Promise<MandateRow> {
    const row = await this.database.transact(tenantId, (tx) => tx.em.findOne(MandateEntity, { id }));
    if (!row) throw mandateErrors['not-found']();
    return row;
  }

  async #call(
    tenantId: string,
    row: MandateRow,
    providerId: string,
    method: 'mandates.fetch' | 'mandates.revoke',
    idempotencyKey: string,
  ): Promise<SignalResult> {
    const fetchedAt = this.clock.now();
    const { connectionId, providerCustomer } = row;
    const outcome = await this.calls.call<MandateFacts>({
      tenantId,
      connectionId,
      method,
      input: { providerId, ...(providerCustomer && { customer: providerCustomer }) },
      idempotencyKey,
      attempt: 1,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    if (outcome.kind === 'ok') {
      await this.database.transact(tenantId, async (tx) => {
        const locked = await lockMandate(tx, { id: row.id });
        if (locked) await this.#apply(tx, locked, outcome.value, fetchedAt);
      });
      return { kind: 'applied' };
    }
    const mayChange = outcome.kind === 'unknown' || (outcome.kind === 'failed' && !['input', 'permanent'].includes(outcome.reason));
    if (!mayChange) return { kind: 'refused', message: outcome.message };
    return { kind: 'again', afterMs: (outcome.kind === 'failed' ? outcome.retryAfterMs : undefined) ?? 5_000, problem: outcome.message };
  }

  async #apply(tx: Transaction, row: MandateRow, facts: MandateFacts, fetchedAt: Date): Promise<void> {
    const known = row.factsFetchedAt ? { state: row.state, usedAt: row.usedAt, fetchedAt: row.factsFetchedAt } : undefined;
    const state = mandateState(known, facts, { fetchedAt, now: this.clock.now() });
    if (state === undefined) return;
    const other = await sameAtProvider(tx, row, facts.providerId);
    if (other) return this.#yieldTo(tx, row, other, facts, fetchedAt);
    const validUntil = facts.validUntil === undefined ? (row.validUntil ?? null) : new Date(facts.validUntil);
    Object.assign(row, {
      // The provider may have known it by the id of the step that led to it until the customer approved.
      providerId: facts.providerId,
      kind: facts.kind,
      providerCustomer: facts.customer ?? row.providerCustomer,
      label: facts.label ?? row.label,
      fingerprint: facts.fingerprint ?? row.fingerprint,
      validUntil,
      // One that was asked for has a week to be confirmed.
      lapsesAt: state === 'pending' && row.requestKey ? row.lapsesAt : lapsesAt(row.usedAt, validUntil ?? undefined),
      factsFetchedAt: fetchedAt,
    });
    await this.#enter(tx, row, state, known === undefined);
  }

  /** The provider gave a permission that it had given before: that one stays, and the new request for it is over. */
  async #yieldTo(tx: Transaction, row: MandateRow, other: MandateRow, facts: MandateFacts, fetchedAt: Date): Promise<void> {
    Object.assign(row, { state: 'expired', endedAt: this.clock.now(), next: null, factsFetchedAt: fetchedAt });
    await tx.em.flush();
    await this.#apply(tx, other, facts, fetchedAt);
  }

  async #enter(tx: Transaction, row: MandateRow, state: MandateState, isNew = false): Promise<void> {
    const type = mandateEvent(isNew ? undefined : row.state, state);
    const isOver = state === 'revoked' || state === 'expired';
    Object.assign(row, {
      state,
      endedAt: isOver ? (row.endedAt ?? this.clock.now()) : null,
      next: state === 'pending' ? row.next : null,
    });
    await tx.em.flush();
    if (type) await this.#append(tx, row, type);
  }

  async #append(tx: Transaction, row: MandateRow, type: string): Promise<void> {
    const customer = await this.customers.snapshot(tx, row.customerId);
    await this.eventLog.append(tx, { type, subject: subjectOf(row), data: { mandate: await this.subjectIn(tx, row), customer } });
  }

  async #subjects(tx: Transaction, rows: readonly MandateRow[]): Promise<MandateSubject[]> {
    const connections = new Map((await readConnections(tx)).map(({ id, plugin }) => [id, plugin]));
    return rows.map((row) => ({
      id: idOf('man', row.id),
      status: row.state,
      method: row.kind,
      label: row.label,
      provider: connections.get(row.connectionId) ?? '',
      customer: idOf('cus', row.customerId),
      validUntil: row.validUntil?.toISOString() ?? '',
      createdAt: row.createdAt.toISOString(),
      lastUsedAt: row.usedAt.toISOString(),
    }));
  }
}

function subjectOf(row: MandateRow): string {
  return `mandate/${idOf('man', row.id)}`;
}
