/** Payment requests, from the question on the phone to the answer. Their states are in `payment-request.ts`. */
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LockMode } from '@mikro-orm/core';
import type { PaymentSubject, RequestSubject } from '../../../events/catalogue/subjects.ts';
import { EventLog } from '../../../events/event-log.ts';
import { SubjectReaders } from '../../../events/subject-readers.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { isKassaflowError } from '../../../kernel/errors.ts';
import { idOf, newUuid, uuidOf } from '../../../kernel/ids.ts';
import { money, toWire } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import { Database, type Transaction } from '../../../platform/database/transaction.ts';
import { Audit } from '../../../platform/tenancy/audit.ts';
import { Customers } from '../../customers/index.ts';
import {
  Authorizations,
  NewPayment,
  PaymentEntity,
  Payments,
  PaymentSubjects,
  type PaymentRow,
  type PaymentWish,
} from '../../payments/index.ts';
import { paymentRequestErrors } from '../checkout.errors.ts';
import { MethodMenu, type Choice } from '../method-menu.ts';
import { PaymentRequestEntity, type PaymentRequestRow } from './payment-request.entity.ts';
import { dueAt, stateAfter, type Ending } from './payment-request.ts';

/** A request as somebody asks for it. Ids are `uuid`. */
export interface RequestWish extends Pick<
  PaymentWish,
  'invoices' | 'amount' | 'split' | 'customerId' | 'connection' | 'description' | 'metadata' | 'returnUrl' | 'requestKey' | 'actor'
> {
  /** E.164; default: the customer's. */
  readonly phone?: string;
  /** Default: the first way that asks on a phone. */
  readonly method?: string;
  readonly expiresInMinutes: number;
  /** Default: no reminder. */
  readonly remindAfterMinutes?: number;
}

/** A request with the payment behind it, once that is made. */
export interface RequestView {
  readonly request: RequestSubject;
  readonly payment: PaymentSubject | undefined;
}

const MINUTE_MS = 60_000;
/** An end that the provider did not confirm is tried again after this. */
const TRY_AGAIN_MS = MINUTE_MS;

@Injectable()
export class PaymentRequests implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly payments: Payments,
    private readonly authorizations: Authorizations,
    private readonly newPayment: NewPayment,
    private readonly paymentSubjects: PaymentSubjects,
    private readonly menu: MethodMenu,
    private readonly customers: Customers,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer('request', (tenantId, ids) => this.#read(tenantId, ids));
    this.payments.whenChanged((tx, payment) => this.#follow(tx, payment));
  }

  /**
   * Asks for a payment on a phone; a repeat returns the first. The request is written down before its payment is made, so that
   * a process that dies in between leaves one that a repeat completes, and that expires otherwise.
   *
   * @throws payment-request.no-phone, payment-request.no-connection, payment-request.reminder, payment.* as `Payments.create` does
   */
  async create(tenantId: string, wish: RequestWish): Promise<RequestView> {
    if (wish.remindAfterMinutes !== undefined && wish.remindAfterMinutes >= wish.expiresInMinutes) throw paymentRequestErrors.reminder();
    const planned = await this.database.transact(tenantId, (tx) => this.#plan(tx, wish));
    const choice = planned.known ? undefined : await this.#choice(tenantId, wish, planned);
    const row = planned.known ?? (await this.database.transact(tenantId, (tx) => this.#begin(tx, wish)));
    if (row.state === 'created' && row.ending === null) await this.#ask(tenantId, wish, row, choice);
    return this.get(tenantId, row.id);
  }

  /** @throws payment-request.not-found */
  get(tenantId: string, id: string): Promise<RequestView> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(PaymentRequestEntity, { id });
      if (!row) throw paymentRequestErrors['not-found']();
      return this.#view(tx, row);
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(tenantId: string, page: { readonly limit: number; readonly after?: string | undefined }): Promise<RequestSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = page.after === undefined ? {} : { id: { $lt: page.after } };
      const rows = await tx.em.find(PaymentRequestEntity, where, { orderBy: { id: 'desc' }, limit: page.limit });
      const requests: RequestSubject[] = [];
      for (const row of rows) requests.push((await this.#view(tx, row)).request);
      return requests;
    });
  }

  /**
   * Takes a request back before it is approved. An answer that does not come leaves it `created`, and it is tried again.
   * @throws payment-request.not-found, payment-request.already-approved when the customer was faster, payment-request.ended
   */
  async cancel(tenantId: string, id: string, actor: string): Promise<RequestView> {
    const state = await this.database.transact(tenantId, async (tx) => {
      const row = await this.#lock(tx, id);
      if (row.state !== 'created' || row.ending === 'cancel') return row.state;
      Object.assign(row, { ending: 'cancel' satisfies Ending, dueAt: this.clock.now() });
      await this.audit.append(tx, { actor, action: 'payment-request.cancel', subject: subjectOf(row) });
      return row.state;
    });
    if (state === 'approved') throw paymentRequestErrors['already-approved']();
    if (state === 'expired' || state === 'failed') throw paymentRequestErrors.ended({ status: state });
    if (state === 'created') await this.#end(tenantId, id, actor);
    const view = await this.get(tenantId, id);
    if (view.request.status === 'approved') throw paymentRequestErrors['already-approved']();
    return view;
  }

  /** Does what is due: the reminder, or the end. */
  async attend(tenantId: string, id: string): Promise<void> {
    const ends = await this.database.transact(tenantId, async (tx) => {
      const row = await this.#lock(tx, id);
      const now = this.clock.now();
      if (row.state !== 'created' || !row.dueAt || row.dueAt > now) return false;
      if (row.remindAt && row.remindAt <= now) {
        row.remindAt = null;
        row.dueAt = row.expiresAt;
        await tx.em.flush();
        if (row.expiresAt > now) await this.#append(tx, row, 'request.reminder-due');
      }
      if (row.ending === null && row.expiresAt > now) return false;
      // The next moment is set before the provider is asked: a process that dies meanwhile does not end the trying.
      Object.assign(row, { ending: row.ending ?? 'expire', dueAt: new Date(now.getTime() + TRY_AGAIN_MS) });
      return true;
    });
    if (ends) await this.#end(tenantId, id, 'system');
  }

  /** Has the provider cancel the payment, and goes by its word. */
  async #end(tenantId: string, id: string, actor: string): Promise<void> {
    const { row, payment } = await this.database.transact(tenantId, async (tx) => {
      const found = await this.#lock(tx, id);
      return { row: found, payment: await paymentOf(tx, found) };
    });
    if (payment) {
      try {
        const requestKey = `${row.requestKey}:end:${row.version}`;
        await this.authorizations.cancel(tenantId, { paymentId: payment.id, requestKey, actor });
        return;
      } catch (error) {
        if (!isKassaflowError(error) || !error.code.startsWith('payment.')) throw error;
        // The answer to an earlier call is still awaited: nothing is known, and it is tried again.
        if (error.code === 'payment.busy') return;
      }
      const result = await this.payments.refresh(tenantId, payment.id);
      // An answer that is still awaited is not a no.
      if (result.kind === 'again') return;
    }
    await this.database.transact(tenantId, async (tx) => {
      const found = await this.#lock(tx, id);
      const now = await paymentOf(tx, found);
      // Nobody has begun, or there is nothing to begin: it ends with us. A bank that is busy has the last word, later.
      const nobody = !now || (now.state === 'created' && now.providerId !== null);
      if (found.state === 'created' && nobody) await this.#move(tx, found, found.ending === 'expire' ? 'expired' : 'cancelled');
    });
  }

  async #plan(tx: Transaction, wish: RequestWish) {
    const known = await tx.em.findOne(PaymentRequestEntity, { requestKey: wish.requestKey });
    return { known, amount: known ? money(known.amountMinor, known.currency) : (await this.newPayment.plan(tx, wish)).amount };
  }

  /** @throws payment-request.no-connection */
  async #choice(tenantId: string, wish: RequestWish, { amount }: { amount: ReturnType<typeof money> }): Promise<Choice> {
    const { connection, method } = wish;
    const choices = await this.menu.of(tenantId, {
      amount,
      locale: 'en',
      capture: 'automatic',
      connection,
      ...(method !== undefined && { methods: [method] }),
    });
    const found = choices.find(({ flows }) => flows.includes('push'));
    if (!found) throw paymentRequestErrors['no-connection']({ connection, method });
    return found;
  }

  async #begin(tx: Transaction, wish: RequestWish): Promise<PaymentRequestRow> {
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`payment-request ${tx.tenantId} ${wish.requestKey}`]);
    const known = await tx.em.findOne(PaymentRequestEntity, { requestKey: wish.requestKey });
    if (known) return known;
    const plan = await this.newPayment.plan(tx, wish);
    const customer = plan.customerId === undefined ? undefined : await this.customers.snapshot(tx, plan.customerId);
    const phone = wish.phone ?? customer?.phone ?? '';
    if (phone === '') throw paymentRequestErrors['no-phone']({ field: 'phone' });
    const now = this.clock.now();
    const after = (minutes: number) => new Date(now.getTime() + minutes * MINUTE_MS);
    const times = {
      expiresAt: after(wish.expiresInMinutes),
      remindAt: wish.remindAfterMinutes === undefined ? null : after(wish.remindAfterMinutes),
    };
    const row = tx.em.create(PaymentRequestEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      customerId: plan.customerId ?? null,
      state: 'created',
      phone,
      description: plan.description,
      currency: plan.amount.currency,
      amountMinor: plan.amount.minor,
      ending: null,
      createdAt: now,
      ...times,
      dueAt: dueAt(times),
      requestKey: wish.requestKey,
      version: 1,
    });
    await tx.em.flush();
    await this.#append(tx, row, 'request.created');
    await this.audit.append(tx, {
      actor: wish.actor,
      action: 'payment-request.create',
      subject: subjectOf(row),
      detail: toWire(plan.amount),
    });
    return row;
  }

  /** Makes the payment, under the request's own key. A payment that cannot be made ends the request. */
  async #ask(tenantId: string, wish: RequestWish, row: PaymentRequestRow, chosen: Choice | undefined): Promise<void> {
    const amount = money(row.amountMinor, row.currency);
    const choice = chosen ?? (await this.#choice(tenantId, wish, { amount }));
    try {
      await this.payments.create(tenantId, {
        ...wish,
        amount,
        connection: choice.connection,
        fallBack: wish.connection === undefined,
        description: row.description,
        flow: 'push',
        phone: row.phone,
        expiresAt: row.expiresAt,
        ...(choice.method !== undefined && { methods: [choice.method] }),
      });
    } catch (error) {
      if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
      await this.database.transact(tenantId, async (tx) => {
        const found = await this.#lock(tx, row.id);
        if (found.state === 'created' && !(await paymentOf(tx, found))) await this.#move(tx, found, 'failed');
      });
      throw error;
    }
  }

  async #follow(tx: Transaction, payment: PaymentRow): Promise<void> {
    if (payment.requestKey === null || payment.requestKey === undefined) return;
    const known = await tx.em.findOne(PaymentRequestEntity, { requestKey: payment.requestKey });
    if (!known) return;
    const row = await this.#lock(tx, known.id);
    const state = stateAfter(row.state, payment, row.ending ?? null);
    if (state !== undefined) await this.#move(tx, row, state);
  }

  async #move(tx: Transaction, row: PaymentRequestRow, state: PaymentRequestRow['state']): Promise<void> {
    Object.assign(row, { state, dueAt: null, remindAt: null });
    await tx.em.flush();
    await this.#append(tx, row, `request.${state}`);
  }

  async #append(tx: Transaction, row: PaymentRequestRow, type: string): Promise<void> {
    const { request, payment } = await this.#view(tx, row);
    const customer = row.customerId ? await this.customers.snapshot(tx, row.customerId) : undefined;
    await this.eventLog.append(tx, {
      type,
      subject: subjectOf(row),
      data: { request, ...(payment && { payment }), ...(customer && { customer }) },
    });
  }

  async #view(tx: Transaction, row: PaymentRequestRow): Promise<RequestView> {
    const made = await paymentOf(tx, row);
    const [payment] = made ? await this.paymentSubjects.of(tx, [made]) : [];
    return { request: requestSubject(row, payment?.id ?? ''), payment };
  }

  async #lock(tx: Transaction, id: string): Promise<PaymentRequestRow> {
    const row = await tx.em.findOne(PaymentRequestEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
    if (!row) throw paymentRequestErrors['not-found']();
    return row;
  }

  async #read(tenantId: string, ids: readonly string[]): Promise<Map<string, RequestSubject>> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.em.find(PaymentRequestEntity, { id: { $in: ids.map((id) => uuidOf('req', id)) } });
      const requests: RequestSubject[] = [];
      for (const row of rows) requests.push((await this.#view(tx, row)).request);
      return new Map(requests.map((request) => [request.id, request]));
    });
  }
}

function subjectOf({ id }: { readonly id: string }): string {
  return `request/${idOf('req', id)}`;
}

function paymentOf(tx: Transaction, { requestKey }: PaymentRequestRow): Promise<PaymentRow | null> {
  return tx.em.findOne(PaymentEntity, { requestKey });
}

function requestSubject(row: PaymentRequestRow, payment: string): RequestSubject {
  return {
    id: idOf('req', row.id),
    status: row.state,
    amount: toWire(money(row.amountMinor, row.currency)),
    phone: row.phone,
    payment,
    expiresAt: row.expiresAt.toISOString(),
  };
}
