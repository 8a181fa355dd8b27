/** Checkout sessions: what is made by the merchant, and what of it has been paid. Paying one is `pay-session.ts`. */
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LockMode } from '@mikro-orm/core';
import type { CheckoutSubject, PaymentSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { money, toWire, type Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { Customers } from '../customers/index.ts';
import { Orders } from '../orders/index.ts';
import { checkReturnUrls, NewPayment, Payments, PaymentSubjects, WebhookAddresses, type PaymentRow } from '../payments/index.ts';
import { CheckoutSessionEntity, type CheckoutSessionRow } from './checkout-session.entity.ts';
import { extendedEnd, isOver, isUnderWay, MOST_EXTENSIONS, pays, statusOf } from './checkout-session.ts';
import { checkoutErrors } from './checkout.errors.ts';
import { attemptsOf, sessionOfRequest, type SessionAttempt } from './session-attempts.ts';

/** A session as a merchant asks for it. Ids are `uuid`. */
export interface SessionWish {
  readonly invoices: readonly { readonly id: string; readonly amount?: Money }[];
  /** Pays the invoice of this order. */
  readonly orderId?: string;
  /** Default: all that is open on the invoices. */
  readonly amount?: Money;
  readonly split: 'oldest-first' | 'proportional';
  readonly customerId?: string;
  readonly description?: string;
  readonly connection?: string;
  readonly methods?: readonly string[];
  readonly capture: 'automatic' | 'manual';
  /** Default: the customer's, else English. */
  readonly locale?: string;
  readonly returnUrl: string;
  readonly cancelUrl?: string;
  /** The terminal at which the payer stands: the page then offers what is paid there. */
  readonly device?: string;
  /** `uuid` of the mandate whose charge is approved on the page. */
  readonly replacesMandate?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly expiresInMinutes: number;
  readonly mode: 'test' | 'live';
  readonly requestKey: string;
  readonly actor: string;
}

/** A session with what was tried to pay it. */
export interface SessionView {
  readonly session: CheckoutSubject;
  readonly row: CheckoutSessionRow;
  readonly attempts: readonly SessionAttempt[];
}

const MINUTE_MS = 60_000;
/** A session whose payment is with a bank when its time is over is looked at again after this. */
const LOOK_AGAIN_MS = 60 * MINUTE_MS;

@Injectable()
export class CheckoutSessions implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly payments: Payments,
    private readonly newPayment: NewPayment,
    private readonly paymentSubjects: PaymentSubjects,
    private readonly customers: Customers,
    private readonly orders: Orders,
    private readonly eventLog: EventLog,
    private readonly audit: Audit,
    private readonly addresses: WebhookAddresses,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.payments.whenChanged((tx, payment) => this.#follow(tx, payment));
  }

  /**
   * Makes a session; a repeat returns the first. Amount and description are fixed here.
   * @throws payment.* as `NewPayment.plan` does, payment.return-url, payment.return-origin, checkout.order-closed, customer.not-found
   */
  async create(tenantId: string, wish: SessionWish): Promise<SessionView> {
    const invoices = wish.orderId === undefined ? wish.invoices : [{ id: await this.#invoiceOf(tenantId, wish.orderId) }];
    return this.database.transact(tenantId, async (tx) => {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`checkout-request ${tenantId} ${wish.requestKey}`]);
      const known = await tx.em.findOne(CheckoutSessionEntity, { requestKey: wish.requestKey });
      if (known) return this.#view(tx, known);
      await checkReturnUrls(tx, wish, { mode: wish.mode, own: this.addresses.own });
      const row = await this.#insert(tx, { ...wish, invoices });
      await tx.em.flush();
      await this.#append(tx, row, 'checkout.created');
      const subject = subjectOf(row);
      const detail = toWire(money(row.amountMinor, row.currency));
      await this.audit.append(tx, { actor: wish.actor, action: 'checkout.create', subject, detail });
      return this.#view(tx, row);
    });
  }

  /** @throws checkout.not-found */
  get(tenantId: string, id: string): Promise<SessionView> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(CheckoutSessionEntity, { id });
      if (!row) throw checkoutErrors['not-found']();
      return this.#view(tx, row);
    });
  }

  /** Who is paid, and whether it is real money. */
  merchant(tenantId: string): Promise<{ readonly name: string; readonly isTest: boolean }> {
    return this.database.transact(tenantId, async (tx) => {
      const [tenant] = await tx.query<{ name: string; mode: string }>('select name, mode from tenant where id = $1', [tenantId]);
      return { name: tenant?.name ?? '', isTest: tenant?.mode !== 'live' };
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(tenantId: string, page: { readonly limit: number; readonly after?: string | undefined }): Promise<CheckoutSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = page.after === undefined ? {} : { id: { $lt: page.after } };
      const rows = await tx.em.find(CheckoutSessionEntity, where, { orderBy: { id: 'desc' }, limit: page.limit });
      const sessions: CheckoutSubject[] = [];
      for (const row of rows) sessions.push((await this.#view(tx, row)).session);
      return sessions;
    });
  }

  /** Takes an open session back. A payment that is with its provider is not touched. @throws checkout.not-found, checkout.closed */
  cancel(tenantId: string, id: string, actor: string): Promise<SessionView> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await this.lock(tx, id);
      if (row.state === 'cancelled') return this.#view(tx, row);
      const attempts = await attemptsOf(tx, id);
      if (row.state !== 'open') throw checkoutErrors.closed({ status: row.state });
      if (attempts.some(({ payment }) => payment && isUnderWay(payment))) throw checkoutErrors['under-way']();
      await this.#end(tx, row, 'cancelled');
      await this.audit.append(tx, { actor, action: 'checkout.cancel', subject: subjectOf(row) });
      return this.#view(tx, row);
    });
  }

  /** Gives a payer who asks for it more time; one who has enough keeps what he has. @throws checkout.not-found, checkout.closed, checkout.extended-enough */
  extend(tenantId: string, id: string, actor: string): Promise<SessionView> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await this.lock(tx, id);
      const now = this.clock.now();
      if (row.state !== 'open') throw checkoutErrors.closed({ status: row.state });
      if (row.expiresAt <= now) throw checkoutErrors.closed({ status: 'expired' });
      const end = extendedEnd(row, now);
      if (!end) return this.#view(tx, row);
      if (row.extensions >= MOST_EXTENSIONS) throw checkoutErrors['extended-enough']({ most: MOST_EXTENSIONS });
      Object.assign(row, { expiresAt: end, dueAt: end, extensions: row.extensions + 1 });
      await tx.em.flush();
      await this.#append(tx, row, 'checkout.extended');
      await this.audit.append(tx, { actor, action: 'checkout.extend', subject: subjectOf(row), detail: { times: row.extensions } });
      return this.#view(tx, row);
    });
  }

  /** Ends a session whose time is over; one whose payment is with a bank waits for that. */
  expire(tenantId: string, id: string): Promise<void> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await this.lock(tx, id);
      if (row.state !== 'open') return;
      const attempts = await attemptsOf(tx, id);
      if (row.expiresAt <= this.clock.now() && !attempts.some(({ payment }) => payment && isUnderWay(payment)))
        return this.#end(tx, row, 'expired');
      row.dueAt = new Date(Math.max(row.expiresAt.getTime(), this.clock.now().getTime() + LOOK_AGAIN_MS));
    });
  }

  /** Locks a session until the transaction ends. @throws checkout.not-found */
  async lock(tx: Transaction, id: string): Promise<CheckoutSessionRow> {
    const row = await tx.em.findOne(CheckoutSessionEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
    if (!row) throw checkoutErrors['not-found']();
    return row;
  }

  async #invoiceOf(tenantId: string, orderId: string): Promise<string> {
    const order = await this.orders.get(tenantId, orderId);
    if (order.status !== 'created' || order.invoice === '') throw checkoutErrors['order-closed']({ status: order.status });
    return uuidOf('inv', order.invoice);
  }

  async #insert(tx: Transaction, wish: SessionWish): Promise<CheckoutSessionRow> {
    const plan = await this.newPayment.plan(tx, wish);
    const customer = plan.customerId === undefined ? undefined : await this.customers.snapshot(tx, plan.customerId);
    const now = this.clock.now();
    const expiresAt = new Date(now.getTime() + wish.expiresInMinutes * MINUTE_MS);
    return tx.em.create(CheckoutSessionEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      customerId: plan.customerId ?? null,
      state: 'open',
      description: plan.description,
      currency: plan.amount.currency,
      amountMinor: plan.amount.minor,
      invoices: wish.invoices.map(({ id, amount }) => ({ id, ...(amount && { amount: toWire(amount) }) })),
      split: wish.split,
      capture: wish.capture,
      connection: wish.connection ?? null,
      methods: wish.methods ?? null,
      locale: wish.locale ?? customer?.locale ?? '',
      returnUrl: wish.returnUrl,
      cancelUrl: wish.cancelUrl ?? null,
      metadata: wish.metadata,
      createdAt: now,
      expiresAt,
      completedAt: null,
      dueAt: expiresAt,
      extensions: 0,
      device: wish.device ?? null,
      replacesMandateId: wish.replacesMandate ?? null,
      requestKey: wish.requestKey,
      version: 1,
    });
  }

  /** A payment of ours has changed: the session may be paid by it, also after its own end. */
  async #follow(tx: Transaction, payment: PaymentRow): Promise<void> {
    const id = payment.requestKey === null ? undefined : await sessionOfRequest(tx, payment.requestKey ?? '');
    if (id === undefined) return;
    const row = await this.lock(tx, id);
    if (row.state === 'completed') return;
    const [subject] = await this.paymentSubjects.of(tx, [payment]);
    // Whoever follows the session sees it wait for a bank, and open again after a refusal.
    if (!pays(payment, row.capture)) return this.#append(tx, row, 'checkout.updated', subject);
    row.completedAt = this.clock.now();
    await this.#end(tx, row, 'completed', subject);
  }

  async #end(
    tx: Transaction,
    row: CheckoutSessionRow,
    state: 'completed' | 'cancelled' | 'expired',
    payment?: PaymentSubject,
  ): Promise<void> {
    Object.assign(row, { state, dueAt: null });
    await tx.em.flush();
    await this.#append(tx, row, `checkout.${state}`, payment);
  }

  async #append(tx: Transaction, row: CheckoutSessionRow, type: string, payment?: PaymentSubject): Promise<void> {
    const { session } = await this.#view(tx, row);
    const customer = row.customerId ? await this.customers.snapshot(tx, row.customerId) : undefined;
    const data = { checkout: session, ...(customer && { customer }), ...(payment && { payment }) };
    await this.eventLog.append(tx, { type, subject: subjectOf(row), data });
  }

  async #view(tx: Transaction, row: CheckoutSessionRow): Promise<SessionView> {
    const attempts = await attemptsOf(tx, row.id);
    return { row, attempts, session: sessionSubject(row, attempts) };
  }
}

export function subjectOf({ id }: { readonly id: string }): string {
  return `checkout/${idOf('chk', id)}`;
}

/** The payment that counts: the one that paid, else the last that can still come to something. */
export function currentPayment(attempts: readonly SessionAttempt[], capture: 'automatic' | 'manual'): SessionAttempt['payment'] {
  const made = attempts.flatMap(({ payment }) => (payment ? [payment] : []));
  return made.find((payment) => pays(payment, capture)) ?? made.findLast((payment) => !isOver(payment));
}

function sessionSubject(row: CheckoutSessionRow, attempts: readonly SessionAttempt[]): CheckoutSubject {
  const payment = currentPayment(attempts, row.capture);
  const made = attempts.flatMap((attempt) => (attempt.payment ? [attempt.payment] : []));
  return {
    id: idOf('chk', row.id),
    status: statusOf(row.state, made),
    amount: toWire(money(row.amountMinor, row.currency)),
    description: row.description,
    customer: row.customerId ? idOf('cus', row.customerId) : '',
    invoices: row.invoices.map(({ id }) => idOf('inv', id)),
    payment: payment ? idOf('pay', payment.id) : '',
    metadata: { ...row.metadata },
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    completedAt: row.completedAt?.toISOString() ?? '',
  };
}
