import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { OrderSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { defineErrors } from '../../kernel/errors.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { CreditPackages } from '../credits/index.ts';
import { Customers } from '../customers/index.ts';
import { Invoices, type InvoiceRow } from '../invoices/index.ts';
import { PaymentSubjects } from '../payments/index.ts';
import { OrderEntity, type OrderRow } from './order.entity.ts';

export const orderErrors = defineErrors('order', {
  'not-found': { status: 404, title: 'There is no order with this id', remedy: 'fix' },
});

/** A wish to buy credits. The price comes from the package; a caller sends none. */
export interface OrderWish {
  readonly customerId: string;
  readonly packageId: string;
  /** How many packages. */
  readonly quantity: number;
  readonly requestKey: string;
}

/** An order is due at once: its customer is at the checkout. */
const DUE_IN_DAYS = 0;

/**
 * Orders of credit packages. An order is `created` with an issued invoice, becomes `paid` in the transaction in which that
 * invoice does, and `cancelled` with it. An order that was paid stays so when its money goes back: what was delivered is
 * taken back by a flow, which knows whether it was used.
 */
@Injectable()
export class Orders implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly customers: Customers,
    private readonly invoices: Invoices,
    private readonly packages: CreditPackages,
    private readonly paymentSubjects: PaymentSubjects,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer('order', (tenantId, ids) => this.#read(tenantId, ids));
    this.paymentSubjects.offerOrders(ordersOf);
    this.invoices.whenSettled((tx, invoice) => this.#follow(tx, invoice));
  }

  /** Makes an order with its issued invoice; a repeat returns the first. @throws customer.not-found, credit.package-not-found */
  create(tenantId: string, wish: OrderWish): Promise<OrderSubject> {
    return this.database.transact(tenantId, async (tx) => {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`order-request ${tx.tenantId} ${wish.requestKey}`]);
      const known = await tx.em.findOne(OrderEntity, { requestKey: wish.requestKey });
      if (known) return orderSubject(known);
      const bought = await this.packages.active(tx, wish.packageId);
      const line = {
        description: bought.name,
        quantity: wish.quantity,
        unit: money(bought.netMinor, bought.currency),
        vatRate: bought.vatRate,
      };
      const invoice = await this.invoices.draft(tx, { customerId: wish.customerId, description: bought.name, lines: [line] });
      const order = tx.em.create(OrderEntity, {
        id: newUuid(),
        tenantId,
        customerId: wish.customerId,
        invoiceId: invoice.id,
        state: 'created',
        credits: bought.credits * BigInt(wish.quantity),
        description: bought.name,
        currency: invoice.currency,
        totalMinor: invoice.totalMinor,
        createdAt: this.clock.now(),
        requestKey: wish.requestKey,
        version: 1,
      });
      await tx.em.flush();
      await this.invoices.issueIn(tx, invoice, DUE_IN_DAYS);
      await this.#append(tx, order, 'order.created');
      return orderSubject(order);
    });
  }

  /** @throws order.not-found */
  get(tenantId: string, id: string): Promise<OrderSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(OrderEntity, { id });
      if (!row) throw orderErrors['not-found']();
      return orderSubject(row);
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly customer?: string | undefined },
  ): Promise<OrderSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.customer === undefined ? {} : { customerId: page.customer }),
      };
      return (await tx.em.find(OrderEntity, where, { orderBy: { id: 'desc' }, limit: page.limit })).map(orderSubject);
    });
  }

  async #follow(tx: Transaction, invoice: InvoiceRow): Promise<void> {
    if (invoice.state !== 'paid' && invoice.state !== 'cancelled') return;
    const order = await tx.em.findOne(OrderEntity, { invoiceId: invoice.id, state: 'created' });
    if (!order) return;
    order.state = invoice.state;
    await tx.em.flush();
    await this.#append(tx, order, `order.${order.state}`);
  }

  async #append(tx: Transaction, row: OrderRow, type: string): Promise<void> {
    const customer = await this.customers.snapshot(tx, row.customerId);
    const invoice = row.invoiceId ? (await this.invoices.snapshots(tx, [row.invoiceId])).get(row.invoiceId) : undefined;
    await this.eventLog.append(tx, {
      type,
      subject: `order/${idOf('ord', row.id)}`,
      data: { order: orderSubject(row), customer, ...(invoice && { invoice }) },
    });
  }

  async #read(tenantId: string, ids: readonly string[]): Promise<Map<string, OrderSubject>> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.em.find(OrderEntity, { id: { $in: ids.map((id) => uuidOf('ord', id)) } });
      return new Map(rows.map(orderSubject).map((order) => [order.id, order]));
    });
  }
}

async function ordersOf(tx: Transaction, invoiceIds: readonly string[]): Promise<Map<string, OrderSubject>> {
  const rows = await tx.em.find(OrderEntity, { invoiceId: { $in: [...invoiceIds] } });
  return new Map(rows.map((row) => [row.invoiceId ?? '', orderSubject(row)]));
}

function orderSubject(row: OrderRow): OrderSubject {
  return {
    id: idOf('ord', row.id),
    status: row.state,
    description: row.description,
    total: toWire(money(row.totalMinor, row.currency)),
    credits: Number(row.credits),
    customer: idOf('cus', row.customerId),
    invoice: row.invoiceId ? idOf('inv', row.invoiceId) : '',
  };
}
