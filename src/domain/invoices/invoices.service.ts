import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LockMode } from '@mikro-orm/core';
import type { InvoiceSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Currency } from '../../kernel/currency.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { money, negate, toWire, type Money } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { Customers } from '../customers/index.ts';
import { accounts, debit, Ledger, signed } from '../ledger/index.ts';
import { InvoiceEntity, InvoiceLineEntity, type InvoiceLineRow, type InvoiceRow, type InvoiceState } from './invoice.entity.ts';
import { checkTransition, covered, invoiceSubject, isAskedFor, openOf } from './invoice.ts';
import { invoiceErrors } from './invoice.errors.ts';
import { newLinkSecret, payUrlOf } from './pay-url.ts';
import { netOf, totalsOf, type InvoiceLine, type InvoiceTotals, type VatTotal } from './vat.ts';

/** A draft to be made. `lines` has at least one, all in one currency. */
export interface NewInvoice {
  readonly customerId: string;
  readonly description: string;
  readonly lines: readonly [InvoiceLine, ...InvoiceLine[]];
  /** The request that asks for it; a repeat returns the first invoice. */
  readonly requestKey?: string;
}

/** What an invoice asks for, with its VAT by rate. */
export type InvoiceBill = Pick<InvoiceSubject, 'id' | 'number' | 'description' | 'total'> & { readonly vat: readonly VatTotal[] };

/** Called in the transaction in which an invoice becomes paid, stops being so, or is cancelled. */
export type InvoiceListener = (tx: Transaction, invoice: InvoiceRow) => Promise<void>;

/** Invoices, from draft to paid. Money is put on them by the payments module through {@link Invoices.cover}. */
@Injectable()
export class Invoices implements OnModuleInit {
  readonly #stateListeners: InvoiceListener[] = [];

  constructor(
    private readonly database: Database,
    private readonly ledger: Ledger,
    private readonly customers: Customers,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    private readonly audit: Audit,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer('invoice', (tenantId, ids) => this.#read(tenantId, ids));
  }

  /** Adds a listener for invoices that became paid, stopped being so, or were cancelled: the row says which. */
  whenSettled(listener: InvoiceListener): void {
    this.#stateListeners.push(listener);
  }

  create(tenantId: string, invoice: NewInvoice): Promise<InvoiceSubject> {
    return this.database.transact(tenantId, async (tx) => this.#subject(await this.draft(tx, invoice)));
  }

  /**
   * Makes a draft in the caller's transaction.
   * @throws customer.not-found, invoice.currency-mix, invoice.nothing-to-pay
   */
  async draft(tx: Transaction, invoice: NewInvoice): Promise<InvoiceRow> {
    const known = invoice.requestKey === undefined ? null : await tx.em.findOne(InvoiceEntity, { requestKey: invoice.requestKey });
    if (known) return known;
    await this.customers.snapshot(tx, invoice.customerId);
    const totals = checkedTotals(invoice.lines);
    const row = tx.em.create(InvoiceEntity, {
      id: newUuid(),
      tenantId: tx.tenantId,
      customerId: invoice.customerId,
      number: null,
      state: 'draft',
      description: invoice.description,
      currency: totals.total.currency,
      netMinor: totals.net.minor,
      vatMinor: totals.vat.minor,
      totalMinor: totals.total.minor,
      paidMinor: 0n,
      writtenOffMinor: 0n,
      linkSecret: newLinkSecret(),
      issuedOn: null,
      dueOn: null,
      paidAt: null,
      createdAt: this.clock.now(),
      requestKey: invoice.requestKey ?? null,
      version: 1,
    });
    await tx.em.flush();
    for (const [position, line] of invoice.lines.entries()) {
      tx.em.create(InvoiceLineEntity, {
        invoiceId: row.id,
        position,
        tenantId: tx.tenantId,
        description: line.description,
        quantity: line.quantity,
        unitMinor: line.unit.minor,
        vatRate: line.vatRate,
        netMinor: netOf(line).minor,
      });
    }
    await this.#save(tx, row, 'invoice.created');
    return row;
  }

  /** Gives a draft its number and puts it in the books. @throws invoice.not-found, invoice.illegal-transition */
  issue(tenantId: string, id: string, dueInDays: number, actor: string): Promise<InvoiceSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const [row] = await this.lock(tx, [id]);
      if (!row) throw invoiceErrors['not-found']();
      // Issued before: a repeat of the request, answered as the first time.
      if (row.state !== 'issued' && row.state !== 'paid') {
        await this.issueIn(tx, row, dueInDays);
        await this.audit.append(tx, { actor, action: 'invoice.issue', subject: subjectOf(row), detail: { number: row.number ?? '' } });
      }
      return this.#subject(row);
    });
  }

  /** As {@link issue}, in the caller's transaction. */
  async issueIn(tx: Transaction, row: InvoiceRow, dueInDays: number): Promise<void> {
    checkTransition(row.state, 'issued');
    const { today, due, year } = await datesOf(tx, this.clock.now(), dueInDays);
    Object.assign(row, { state: 'issued' satisfies InvoiceState, number: await nextNumber(tx, year), issuedOn: today, dueOn: due });
    await this.#save(tx, row, 'invoice.issued');
    const lines = await this.lines(tx, row);
    const { total, rates } = totalsOf(lines, row.currency);
    await this.ledger.post(tx, {
      key: `${idOf('inv', row.id)}:issued`,
      kind: 'invoice.issued',
      subject: subjectOf(row),
      description: `Invoice ${row.number ?? ''}`,
      effectiveAt: this.clock.now(),
      lines: [
        debit(accounts.receivable, total),
        ...signed(accounts.sales, 'credit', money(row.netMinor, row.currency)),
        ...rates.flatMap(({ rate, vat }) => signed(accounts.vat(rate), 'credit', vat)),
      ],
    });
  }

  /** Drops a draft, or takes back an issued invoice on which nothing was paid. @throws invoice.has-payments, invoice.illegal-transition */
  cancel(tenantId: string, id: string, actor: string): Promise<InvoiceSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const [row] = await this.lock(tx, [id]);
      if (!row) throw invoiceErrors['not-found']();
      if (row.state === 'cancelled') return this.#subject(row);
      if (row.paidMinor > 0n) throw invoiceErrors['has-payments']({ number: row.number ?? '' });
      checkTransition(row.state, 'cancelled');
      const wasIssued = row.state === 'issued';
      row.state = 'cancelled';
      await this.#save(tx, row, 'invoice.cancelled');
      if (wasIssued) await this.#takeBackEntry(tx, row);
      await this.audit.append(tx, { actor, action: 'invoice.cancel', subject: subjectOf(row), detail: { number: row.number ?? '' } });
      for (const listener of this.#stateListeners) await listener(tx, row);
      return this.#subject(row);
    });
  }

  /**
   * Gives up what is open: a loss in the books. A repeat changes nothing.
   * @throws invoice.not-found, invoice.nothing-open
   */
  writeOff(tenantId: string, id: string, reason: string, actor: string): Promise<InvoiceSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const [row] = await this.lock(tx, [id]);
      if (!row) throw invoiceErrors['not-found']();
      if (row.state === 'written-off') return this.#subject(row);
      const loss = openOf(row);
      if (loss.minor <= 0n) throw invoiceErrors['nothing-open']({ status: row.state });
      checkTransition(row.state, 'written-off');
      Object.assign(row, { state: 'written-off' satisfies InvoiceState, writtenOffMinor: row.writtenOffMinor + loss.minor });
      await this.#save(tx, row, 'invoice.written-off');
      await this.#bookLoss(tx, row, loss);
      const { amount, currency } = toWire(loss);
      await this.audit.append(tx, { actor, action: 'invoice.write-off', subject: subjectOf(row), detail: { amount, currency, reason } });
      return this.#subject(row);
    });
  }

  /** @throws invoice.not-found */
  get(tenantId: string, id: string): Promise<{ invoice: InvoiceSubject; lines: readonly InvoiceLine[] }> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(InvoiceEntity, { id });
      if (!row) throw invoiceErrors['not-found']();
      return { invoice: this.#subject(row), lines: await this.lines(tx, row) };
    });
  }

  /** Newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: {
      readonly limit: number;
      readonly after?: string | undefined;
      readonly customer?: string | undefined;
      readonly state?: InvoiceState | undefined;
    },
  ): Promise<InvoiceSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.customer === undefined ? {} : { customerId: page.customer }),
        ...(page.state === undefined ? {} : { state: page.state }),
      };
      return (await tx.em.find(InvoiceEntity, where, { orderBy: { id: 'desc' }, limit: page.limit })).map((row) => this.#subject(row));
    });
  }

  /** Locks invoices until the transaction ends, always in the order of their ids, so that two payments never deadlock. */
  lock(tx: Transaction, ids: readonly string[]): Promise<InvoiceRow[]> {
    return tx.em.find(
      InvoiceEntity,
      { id: { $in: [...ids] } },
      { orderBy: { id: 'asc' }, lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
  }

  /** Invoices by `uuid`, without a lock; a missing one is absent. */
  async snapshots(tx: Transaction, ids: readonly string[]): Promise<Map<string, InvoiceSubject>> {
    const rows = await tx.em.find(InvoiceEntity, { id: { $in: [...ids] } });
    return new Map(rows.map((row) => [row.id, this.#subject(row)]));
  }

  /** What an invoice asks for, by `uuid` and without a lock: what never changes once it is issued. A missing one is absent. */
  async bills(tx: Transaction, ids: readonly string[]): Promise<Map<string, InvoiceBill>> {
    if (ids.length === 0) return new Map();
    const rows = await tx.em.find(InvoiceEntity, { id: { $in: [...ids] } });
    const lines = await tx.em.find(InvoiceLineEntity, { invoiceId: { $in: [...ids] } });
    return new Map(
      rows.map((row) => {
        const own = lines.filter(({ invoiceId }) => invoiceId === row.id).map((line) => lineOf(line, row));
        const { id, number, description, total } = invoiceSubject(row);
        return [row.id, { id, number, description, total, vat: totalsOf(own, row.currency).rates }];
      }),
    );
  }

  async lines(tx: Transaction, row: InvoiceRow): Promise<InvoiceLine[]> {
    const lines = await tx.em.find(InvoiceLineEntity, { invoiceId: row.id }, { orderBy: { position: 'asc' } });
    return lines.map((line) => lineOf(line, row));
  }

  /**
   * Puts `change` of a payment on a locked invoice; negative takes it back. The caller posts the ledger entry.
   * @throws invoice.overpaid, invoice.illegal-transition
   */
  async cover(tx: Transaction, row: InvoiceRow, change: Money): Promise<void> {
    const before = row.state;
    const { state, paid, writtenOff } = covered(row, change);
    const recovered = money(row.writtenOffMinor - writtenOff.minor, row.currency);
    const paidAt = state === 'paid' ? (row.paidAt ?? this.clock.now()) : null;
    Object.assign(row, { state, paidMinor: paid.minor, writtenOffMinor: writtenOff.minor, paidAt });
    await tx.em.flush();
    if (recovered.minor > 0n) await this.#bookLoss(tx, row, negate(recovered));
    if (state === before) return;
    await this.#append(tx, row, ON_COVER[state] ?? 'invoice.reopened');
    for (const listener of this.#stateListeners) await listener(tx, row);
  }

  /** A loss, or with a negative amount the part of it that came after all. */
  async #bookLoss(tx: Transaction, row: InvoiceRow, loss: Money): Promise<void> {
    const kind = loss.minor > 0n ? 'invoice.written-off' : 'invoice.recovered';
    await this.ledger.post(tx, {
      // Each change of the amount that is given up has a version of its own.
      key: `${idOf('inv', row.id)}:${kind}:${row.version}`,
      kind,
      subject: subjectOf(row),
      description: `Invoice ${row.number ?? ''}`,
      effectiveAt: this.clock.now(),
      lines: [...signed(accounts.badDebts, 'debit', loss), ...signed(accounts.receivable, 'credit', loss)],
    });
  }

  async #save(tx: Transaction, row: InvoiceRow, event: string): Promise<void> {
    await tx.em.flush();
    await this.#append(tx, row, event);
  }

  async #append(tx: Transaction, row: InvoiceRow, type: string): Promise<void> {
    const customer = await this.customers.snapshot(tx, row.customerId);
    await this.eventLog.append(tx, { type, subject: subjectOf(row), data: { invoice: this.#subject(row), customer } });
  }

  #subject(row: InvoiceRow): InvoiceSubject {
    return { ...invoiceSubject(row), payUrl: isAskedFor(row) ? payUrlOf(row, this.config.publicUrl) : '' };
  }

  async #takeBackEntry(tx: Transaction, row: InvoiceRow): Promise<void> {
    const issued = (await this.ledger.entriesOf(tx, subjectOf(row))).find(({ kind }) => kind === 'invoice.issued');
    if (!issued) return;
    await this.ledger.reverse(tx, issued.id, {
      key: `${idOf('inv', row.id)}:cancelled`,
      kind: 'invoice.cancelled',
      description: `Invoice ${row.number ?? ''} cancelled`,
      effectiveAt: this.clock.now(),
    });
  }

  async #read(tenantId: string, ids: readonly string[]): Promise<Map<string, InvoiceSubject>> {
    const found = await this.database.transact(tenantId, (tx) =>
      this.snapshots(
        tx,
        ids.map((id) => uuidOf('inv', id)),
      ),
    );
    return new Map([...found.values()].map((invoice) => [invoice.id, invoice]));
  }
}

/** The event of money that changes the state; of a chargeback after a loss there is none but the reopening. */
const ON_COVER: Partial<Record<InvoiceState, string>> = { paid: 'invoice.paid', 'written-off': 'invoice.written-off' };

function subjectOf(row: InvoiceRow): string {
  return `invoice/${idOf('inv', row.id)}`;
}

function lineOf({ description, quantity, unitMinor, vatRate }: InvoiceLineRow, { currency }: InvoiceRow): InvoiceLine {
  return { description, quantity, unit: money(unitMinor, currency), vatRate };
}

function checkedTotals(lines: NewInvoice['lines']): InvoiceTotals {
  const currency: Currency = lines[0].unit.currency;
  if (lines.some(({ unit }) => unit.currency !== currency)) throw invoiceErrors['currency-mix']();
  const totals = totalsOf(lines, currency);
  if (totals.total.minor <= 0n) throw invoiceErrors['nothing-to-pay']();
  return totals;
}

/** Today and the due date by the calendar of the tenant: an invoice of 23:30 UTC on New Year's Eve has next year's number in Amsterdam. */
async function datesOf(tx: Transaction, now: Date, dueInDays: number): Promise<{ today: string; due: string; year: number }> {
  const [row] = await tx.query<{ today: string; due: string }>(
    `select to_char($1::timestamptz at time zone time_zone, 'YYYY-MM-DD') as today,
       to_char(($1::timestamptz at time zone time_zone)::date + $2::integer, 'YYYY-MM-DD') as due
     from tenant where id = $3`,
    [now, dueInDays, tx.tenantId],
  );
  const { today = '', due = '' } = row ?? {};
  return { today, due, year: Number(today.slice(0, 4)) };
}

/** The next number of the tenant's year. The counter row is locked until commit, so a rollback leaves no gap. */
async function nextNumber(tx: Transaction, year: number): Promise<string> {
  const [row] = await tx.query<{ last: number }>(
    `insert into invoice_sequence as s (tenant_id, year, last) values ($1, $2, 1)
     on conflict (tenant_id, year) do update set last = s.last + 1 returning last`,
    [tx.tenantId, year],
  );
  return `${year}-${String(row?.last ?? 0).padStart(6, '0')}`;
}
