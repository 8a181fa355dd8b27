import { Injectable } from '@nestjs/common';
import type {
  CustomerSubject,
  InvoiceSubject,
  OrderSubject,
  PaymentSubject,
  ReceiptSubject,
  RefundSubject,
} from '../../events/catalogue/subjects.ts';
import { idOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { Customers } from '../customers/index.ts';
import { Invoices } from '../invoices/index.ts';
import { readConnections } from './payment-connections.ts';
import { PaymentInvoiceEntity, type PaymentRow } from './payment.entity.ts';
import type { RefundRow } from './refund.entity.ts';

/** What events about a payment carry besides it. */
export interface PaymentContext {
  readonly payment: PaymentSubject;
  readonly customer?: CustomerSubject;
  /** The first of the invoices that it pays. */
  readonly invoice?: InvoiceSubject;
  readonly order?: OrderSubject;
  /** As it is after what happened; none before money came. */
  readonly receipt?: ReceiptSubject;
}

/** Finds the orders behind invoices, by the invoices' `uuid`; offered by the orders module, which ranks above this one. */
export type OrdersOfInvoices = (tx: Transaction, invoiceIds: readonly string[]) => Promise<ReadonlyMap<string, OrderSubject>>;

/** Finds the receipt of a payment; offered by the receipts module, which ranks above this one. */
export type ReceiptOfPayment = (tx: Transaction, payment: PaymentRow) => Promise<ReceiptSubject | undefined>;

/** Makes the pictures of payments and refunds that events carry and flows read. */
@Injectable()
export class PaymentSubjects {
  #ordersOf: OrdersOfInvoices = async () => new Map();
  #receiptOf: ReceiptOfPayment = async () => undefined;

  constructor(
    private readonly customers: Customers,
    private readonly invoices: Invoices,
  ) {}

  offerOrders(read: OrdersOfInvoices): void {
    this.#ordersOf = read;
  }

  offerReceipts(read: ReceiptOfPayment): void {
    this.#receiptOf = read;
  }

  /** Several payments at once; the rows must be as they are in the database. */
  async of(tx: Transaction, rows: readonly PaymentRow[]): Promise<PaymentSubject[]> {
    const connections = await readConnections(tx);
    const shares = await tx.em.find(
      PaymentInvoiceEntity,
      { paymentId: { $in: rows.map(({ id }) => id) } },
      { orderBy: { position: 'asc' } },
    );
    return rows.map((row) => {
      const connection = connections.find(({ id }) => id === row.connectionId);
      const invoices = shares.filter(({ paymentId }) => paymentId === row.id).map(({ invoiceId }) => idOf('inv', invoiceId));
      return paymentSubject(row, { plugin: connection?.plugin ?? '', test: connection?.mode !== 'live' }, invoices);
    });
  }

  /** The payment with its customer, its first invoice, the order behind that, and its receipt. */
  async contextOf(tx: Transaction, row: PaymentRow): Promise<PaymentContext> {
    const [payment] = await this.of(tx, [row]);
    const [share] = await tx.em.find(PaymentInvoiceEntity, { paymentId: row.id }, { orderBy: { position: 'asc' }, limit: 1 });
    const customer = row.customerId ? await this.customers.snapshot(tx, row.customerId) : undefined;
    const invoice = share ? (await this.invoices.snapshots(tx, [share.invoiceId])).get(share.invoiceId) : undefined;
    const order = share ? (await this.#ordersOf(tx, [share.invoiceId])).get(share.invoiceId) : undefined;
    const receipt = await this.#receiptOf(tx, row);
    // `of` answers one subject for each row.
    return {
      payment: payment!,
      ...(customer && { customer }),
      ...(invoice && { invoice }),
      ...(order && { order }),
      ...(receipt && { receipt }),
    };
  }
}

export function refundSubject(row: RefundRow): RefundSubject {
  return {
    id: idOf('ref', row.id),
    status: row.state,
    amount: toWire(money(row.amountMinor, row.currency)),
    reason: row.reason,
    payment: idOf('pay', row.paymentId),
    credits: Number(row.credits),
    origin: row.origin,
    waitsFor: waitsFor(row),
    requestedBy: row.requestedBy,
  };
}

function waitsFor({ state, sentAt, atTerminal }: RefundRow): RefundSubject['waitsFor'] {
  if (state !== 'requested') return '';
  if (sentAt === null || sentAt === undefined) return 'approval';
  return atTerminal ? 'terminal' : '';
}

function paymentSubject(
  row: PaymentRow,
  provider: { readonly plugin: string; readonly test: boolean },
  invoices: string[],
): PaymentSubject {
  const wire = (minor: bigint) => toWire(money(minor, row.currency));
  return {
    id: idOf('pay', row.id),
    status: row.state,
    amount: wire(row.amountMinor),
    captured: wire(row.capturedMinor),
    refunded: wire(row.refundedMinor),
    description: row.description,
    reason: row.failure?.reason ?? '',
    method: row.method ?? '',
    provider: provider.plugin,
    providerId: row.providerId ?? '',
    test: provider.test,
    customer: row.customerId ? idOf('cus', row.customerId) : '',
    invoices,
    metadata: { ...row.metadata },
    createdAt: row.createdAt.toISOString(),
    completedAt: row.completedAt?.toISOString() ?? '',
    captureBefore: (row.captureWatchAt && row.captureBefore?.toISOString()) || '',
    finalAt: (row.capturedMinor > 0n && row.provisionalUntil?.toISOString()) || '',
  };
}
