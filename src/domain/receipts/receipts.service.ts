import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ReceiptSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Currency } from '../../kernel/currency.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { money, toWire } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { methodClass } from '../dunning/index.ts';
import { Invoices, type InvoiceBill } from '../invoices/index.ts';
import { Payments, PaymentSubjects, type MoneyMoved, type PaymentRow } from '../payments/index.ts';
import { receiptErrors } from './receipt.errors.ts';
import {
  insertVersions,
  lastVersions,
  listReceipts,
  newestVersions,
  receiptSubject,
  versionRow,
  versionsAfter,
  type ReceiptFilter,
  type ReceiptRow,
} from './receipt-rows.ts';
import { receiptNumber, versionsOf } from './receipt.ts';
import type { ReceiptPage } from './page/receipt-page.ts';

/** 128 bits: nobody finds a page by trying. */
const SECRET_BYTES = 16;

/** Versions on a page. A payment has a handful; a provider that changes its mind every hour shall not make a page of megabytes. */
const MOST_SHOWN = 50;

type PageFacts = Pick<ReceiptPage, 'payee' | 'timeZone' | 'test' | 'description'> & { readonly locale: string };
const PAGE_FACTS = `select t.name as payee, t.time_zone as "timeZone", t.mode <> 'live' as test, p.description,
    coalesce(c.locale, '') as locale
  from payment p join tenant t on t.id = p.tenant_id left join customer c on c.id = p.customer_id where p.id = $1`;

/**
 * Receipts follow the money of payments: a version for each move, written and told in the transaction in which the books follow it. The payment is
 * locked then, so two writers never make the same version.
 */
@Injectable()
export class Receipts implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly payments: Payments,
    private readonly subjects: PaymentSubjects,
    private readonly invoices: Invoices,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    private readonly audit: Audit,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.payments.whenMoneyMoved((tx, payment, moved) => this.#follow(tx, payment, moved));
    this.subjects.offerReceipts((tx, payment) => this.#receiptOf(tx, payment));
    this.readers.offer('receipt', (tenantId, ids) => this.#read(tenantId, ids));
  }

  /** In its newest version. @throws receipt.not-found */
  get(tenantId: string, paymentId: string): Promise<ReceiptSubject> {
    return this.database.transact(tenantId, async (tx) => this.#subject(await newest(tx, paymentId)));
  }

  /** The versions after the one with the number `after`, oldest first. @throws receipt.not-found */
  versions(tenantId: string, paymentId: string, page: { readonly limit: number; readonly after: number }): Promise<ReceiptSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      await newest(tx, paymentId);
      return (await versionsAfter(tx, paymentId, page.after, page.limit)).map((row) => this.#subject(row));
    });
  }

  /** Newest payment first, each receipt in its newest version. */
  list(tenantId: string, filter: ReceiptFilter): Promise<ReceiptSubject[]> {
    return this.database.transact(tenantId, async (tx) => (await listReceipts(tx, filter)).map((row) => this.#subject(row)));
  }

  /** Gives the page another address; the old one opens nothing from then on. @throws receipt.not-found */
  renewLink(tenantId: string, paymentId: string, actor: string): Promise<ReceiptSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const row = { ...(await newest(tx, paymentId)), linkSecret: newSecret() };
      await tx.query('update receipt set link_secret = $2 where payment_id = $1', [paymentId, row.linkSecret]);
      await this.audit.append(tx, { actor, action: 'receipt.renew-link', subject: subjectOf(row) });
      return this.#subject(row);
    });
  }

  /** What its page says; `locale` is the customer's. */
  shown(tenantId: string, paymentId: string): Promise<(Omit<ReceiptPage, 'locale'> & { readonly locale: string }) | undefined> {
    return this.database.transact(tenantId, async (tx) => {
      const [first, ...rest] = (await lastVersions(tx, paymentId, MOST_SHOWN)).map((row) => this.#subject(row));
      const [about] = await tx.query<PageFacts>(PAGE_FACTS, [paymentId]);
      return first && about && { ...about, versions: [first, ...rest] };
    });
  }

  async #follow(tx: Transaction, payment: PaymentRow, moved: MoneyMoved): Promise<void> {
    const [last] = await newestVersions(tx, [payment.id]);
    const versions = versionsOf(last, moved, methodClass(payment.method ?? '') === 'direct-debit');
    if (versions.length === 0) return;
    const bills = await this.invoices.bills(tx, moved.invoiceIds);
    const context = await this.subjects.contextOf(tx, payment);
    const now = this.clock.now();
    const shared = {
      paymentId: payment.id,
      number: last?.number ?? receiptNumber(payment.id),
      linkSecret: last?.linkSecret ?? newSecret(),
      currency: payment.currency,
      orderId: context.order?.id ?? '',
      movedAt: moved.at,
      issuedAt: now,
    };
    const rows = versions.map((version) =>
      versionRow(version, { ...shared, invoices: invoicesOf(moved, version.parts, bills, payment.currency) }),
    );
    await insertVersions(tx, rows, last === undefined);
    await this.eventLog.append(
      tx,
      ...rows.map((row) => ({
        type: row.version === 1 ? 'receipt.issued' : 'receipt.corrected',
        subject: subjectOf(row),
        data: { ...context, receipt: this.#subject(row), unattended: payment.mandateId !== null && payment.mandateId !== undefined },
      })),
    );
  }

  /** None is looked for before money can have come. */
  async #receiptOf(tx: Transaction, { id, state }: PaymentRow): Promise<ReceiptSubject | undefined> {
    if (state === 'created' || state === 'pending' || state === 'authorized') return undefined;
    const [row] = await newestVersions(tx, [id]);
    return row && this.#subject(row);
  }

  #read(tenantId: string, ids: readonly string[]): Promise<Map<string, ReceiptSubject>> {
    return this.database.transact(tenantId, async (tx) => {
      const rows = await newestVersions(
        tx,
        ids.map((id) => uuidOf('rcp', id)),
      );
      return new Map(rows.map((row) => [idOf('rcp', row.paymentId), this.#subject(row)]));
    });
  }

  #subject(row: ReceiptRow): ReceiptSubject {
    return receiptSubject(row, this.config.publicUrl);
  }
}

async function newest(tx: Transaction, paymentId: string): Promise<ReceiptRow> {
  const [row] = await newestVersions(tx, [paymentId]);
  if (!row) throw receiptErrors['not-found']();
  return row;
}

function subjectOf({ paymentId }: ReceiptRow): string {
  return `receipt/${idOf('rcp', paymentId)}`;
}

/** What it was for: each invoice as it asks for money, with the part that lies on it. */
function invoicesOf(
  { invoiceIds }: MoneyMoved,
  parts: readonly bigint[],
  bills: ReadonlyMap<string, InvoiceBill>,
  currency: Currency,
): ReceiptSubject['invoices'] {
  return invoiceIds.flatMap((invoiceId, index) => {
    const bill = bills.get(invoiceId);
    if (!bill) return [];
    const { id, number, description, total } = bill;
    const part = toWire(money(parts[index] ?? 0n, currency));
    return [
      { id, number, description, total, part, vat: bill.vat.map(({ rate, net, vat }) => ({ rate, net: toWire(net), vat: toWire(vat) })) },
    ];
  });
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}
