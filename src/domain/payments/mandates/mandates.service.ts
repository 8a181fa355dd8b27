import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LockMode } from '@mikro-orm/core';
import type { DeclineReason, MandateFacts } from '@kassaflow/plugin-sdk';
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
import type { ProviderEvent, SignalResult } from '../provider-event.ts';
import { MandateEntity, type MandateRow } from './mandate.entity.ts';
import { lapsesAt, mandateEvent, mandateState, type MandateState } from './mandate.ts';

/** Reasons after which nobody may charge it again: SEPA MD01 and AC04, a card whose holder withdrew. */
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
    if (known) return this.#apply(tx, known, facts, fetchedAt);
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
      version: 1,
    });
    await this.#apply(tx, row, facts, fetchedAt);
  }

  /** Learns from a provider's signal that a mandate may have changed, and asks for the truth. */
  async applyProviderEvent(tenantId: string, connectionId: string, event: ProviderEvent): Promise<SignalResult> {
    const { providerId } = event;
    if (providerId === undefined) return { kind: 'orphan' };
    const row = await this.database.transact(tenantId, (tx) => tx.em.findOne(MandateEntity, { connectionId, providerId }));
    return row ? this.refresh(tenantId, row.id) : { kind: 'orphan' };
  }

  /** Asks the provider how a mandate stands. @throws mandate.not-found */
  async refresh(tenantId: string, id: string): Promise<SignalResult> {
    const row = await this.#find(tenantId, id);
    if (!(await this.calls.has(row.connectionId, 'mandates.fetch'))) return { kind: 'refused', message: 'The provider cannot be asked' };
    return this.#call(tenantId, row, 'mandates.fetch', '');
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
    if (await this.calls.has(row.connectionId, 'mandates.revoke')) {
      await this.#call(tenantId, row, 'mandates.revoke', `${idOf('man', id)}:revoke`);
    }
    return this.get(tenantId, id);
  }

  /** A charge of the mandate failed: for some reasons it is no permission any more. */
  async chargeFailed(tx: Transaction, id: string, reason: DeclineReason): Promise<void> {
    if (!ENDS_MANDATE.includes(reason)) return;
    const row = await lockMandate(tx, { id });
    if (row && (row.state === 'active' || row.state === 'pending')) await this.#enter(tx, row, 'revoked');
  }

  /** The mandate to charge, locked: the one named, or the customer's newest. @throws mandate.not-found, mandate.not-active, mandate.none */
  async lockToCharge(tx: Transaction, wanted: { readonly id?: string; readonly customerId?: string }): Promise<MandateRow> {
    const id = wanted.id ?? (await newestActive(tx, wanted.customerId, this.clock.now()));
    if (id === undefined) throw mandateErrors.none();
    const row = await lockMandate(tx, { id });
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

  async #find(tenantId: string, id: string): Promise<MandateRow> {
    const row = await this.database.transact(tenantId, (tx) => tx.em.findOne(MandateEntity, { id }));
    if (!row) throw mandateErrors['not-found']();
    return row;
  }

  async #call(
    tenantId: string,
    row: MandateRow,
    method: 'mandates.fetch' | 'mandates.revoke',
    idempotencyKey: string,
  ): Promise<SignalResult> {
    const fetchedAt = this.clock.now();
    const { connectionId, providerId, providerCustomer } = row;
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
    const validUntil = facts.validUntil === undefined ? (row.validUntil ?? null) : new Date(facts.validUntil);
    Object.assign(row, {
      providerCustomer: facts.customer ?? row.providerCustomer,
      label: facts.label ?? row.label,
      fingerprint: facts.fingerprint ?? row.fingerprint,
      validUntil,
      lapsesAt: lapsesAt(row.usedAt, validUntil ?? undefined),
      factsFetchedAt: fetchedAt,
    });
    await this.#enter(tx, row, state, known === undefined);
  }

  async #enter(tx: Transaction, row: MandateRow, state: MandateState, isNew = false): Promise<void> {
    const type = mandateEvent(isNew ? undefined : row.state, state);
    const isOver = state === 'revoked' || state === 'expired';
    Object.assign(row, { state, endedAt: isOver ? (row.endedAt ?? this.clock.now()) : null });
    await tx.em.flush();
    if (!type) return;
    const [mandate] = await this.#subjects(tx, [row]);
    const customer = await this.customers.snapshot(tx, row.customerId);
    await this.eventLog.append(tx, { type, subject: subjectOf(row), data: { mandate, customer } });
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

function lockMandate(
  tx: Transaction,
  where: { readonly id: string } | { readonly connectionId: string; readonly providerId: string },
): Promise<MandateRow | null> {
  return tx.em.findOne(MandateEntity, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
}

async function newestActive(tx: Transaction, customerId: string | undefined, now: Date): Promise<string | undefined> {
  if (customerId === undefined) return undefined;
  const where = { customerId, state: 'active' as const, lapsesAt: { $gt: now } };
  const [row] = await tx.em.find(MandateEntity, where, { orderBy: { id: 'desc' }, limit: 1 });
  return row?.id;
}

async function withActiveMandate(tx: Transaction, customerIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>(
    `select distinct customer_id as id from mandate where customer_id = any($1::uuid[]) and state = 'active'`,
    [[...customerIds]],
  );
  return new Set(rows.map(({ id }) => id));
}

function subjectOf(row: MandateRow): string {
  return `mandate/${idOf('man', row.id)}`;
}
