import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { CustomerSubject } from '../../events/catalogue/subjects.ts';
import { EventLog } from '../../events/event-log.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { CustomerEntity, type CustomerRow } from './customer.entity.ts';
import { customerErrors } from './customer.errors.ts';

/** What may be said about a customer, already checked: `phone` is E.164 or empty. */
export interface CustomerDetails {
  readonly reference: string | null;
  readonly name: string;
  readonly firstName: string;
  readonly email: string;
  readonly phone: string;
  readonly locale: string;
}

/** Reads the credit balances of customers; offered by the module that owns them, which ranks above this one. */
export type CreditBalances = (tx: Transaction, customerIds: readonly string[]) => Promise<ReadonlyMap<string, bigint>>;

/** Tells which of the customers can be charged without being there; offered by the payments module. */
export type CustomersWithMandate = (tx: Transaction, customerIds: readonly string[]) => Promise<ReadonlySet<string>>;

/** Customers: a plain record with a checked phone number. */
@Injectable()
export class Customers implements OnModuleInit {
  #creditBalances: CreditBalances = async () => new Map();
  #withMandate: CustomersWithMandate = async () => new Set();

  constructor(
    private readonly database: Database,
    private readonly eventLog: EventLog,
    private readonly readers: SubjectReaders,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.readers.offer('customer', (tenantId, ids) => this.#read(tenantId, ids));
  }

  offerCreditBalances(read: CreditBalances): void {
    this.#creditBalances = read;
  }

  offerMandates(read: CustomersWithMandate): void {
    this.#withMandate = read;
  }

  /** @throws customer.reference-taken */
  create(tenantId: string, details: CustomerDetails): Promise<CustomerSubject> {
    return this.database.transact(tenantId, async (tx) => {
      await refuseTakenReference(tx, details.reference, undefined);
      const row = tx.em.create(CustomerEntity, { id: newUuid(), tenantId, createdAt: this.clock.now(), version: 1, ...details });
      await tx.em.flush();
      return this.#recorded(tx, 'customer.created', customerSubject(row, 0n, false));
    });
  }

  /** @throws customer.not-found, customer.reference-taken */
  update(tenantId: string, id: string, changes: Partial<CustomerDetails>): Promise<CustomerSubject> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await tx.em.findOne(CustomerEntity, { id });
      if (!row) throw customerErrors['not-found']();
      if (changes.reference !== undefined) await refuseTakenReference(tx, changes.reference, id);
      tx.em.assign(row, changes);
      await tx.em.flush();
      return this.#recorded(tx, 'customer.updated', await this.snapshot(tx, id));
    });
  }

  /** @throws customer.not-found */
  get(tenantId: string, id: string): Promise<CustomerSubject> {
    return this.database.transact(tenantId, (tx) => this.snapshot(tx, id));
  }

  /** Customers in the order of their making, newest first, after the one with the id `after`. */
  list(
    tenantId: string,
    page: { readonly limit: number; readonly after?: string | undefined; readonly reference?: string | undefined },
  ): Promise<CustomerSubject[]> {
    return this.database.transact(tenantId, async (tx) => {
      const where = {
        ...(page.after === undefined ? {} : { id: { $lt: page.after } }),
        ...(page.reference === undefined ? {} : { reference: page.reference }),
      };
      const rows = await tx.em.find(CustomerEntity, where, { orderBy: { id: 'desc' }, limit: page.limit });
      return [...(await this.#subjects(tx, rows)).values()];
    });
  }

  /** The customer as events carry it. @throws customer.not-found */
  async snapshot(tx: Transaction, id: string): Promise<CustomerSubject> {
    const customer = (await this.snapshots(tx, [id])).get(id);
    if (!customer) throw customerErrors['not-found']();
    return customer;
  }

  /** Several customers by `uuid`; a missing one is absent. */
  async snapshots(tx: Transaction, ids: readonly string[]): Promise<Map<string, CustomerSubject>> {
    const rows = await tx.em.find(CustomerEntity, { id: { $in: [...ids] } });
    return this.#subjects(tx, rows);
  }

  async #subjects(tx: Transaction, rows: readonly CustomerRow[]): Promise<Map<string, CustomerSubject>> {
    const ids = rows.map(({ id }) => id);
    const [credits, withMandate] = [await this.#creditBalances(tx, ids), await this.#withMandate(tx, ids)];
    return new Map(rows.map((row) => [row.id, customerSubject(row, credits.get(row.id) ?? 0n, withMandate.has(row.id))]));
  }

  async #recorded(tx: Transaction, type: string, customer: CustomerSubject): Promise<CustomerSubject> {
    await this.eventLog.append(tx, { type, subject: `customer/${customer.id}`, data: { customer } });
    return customer;
  }

  async #read(tenantId: string, ids: readonly string[]): Promise<Map<string, CustomerSubject>> {
    const uuids = ids.map((id) => uuidOf('cus', id));
    const found = await this.database.transact(tenantId, (tx) => this.snapshots(tx, uuids));
    return new Map([...found.values()].map((customer) => [customer.id, customer]));
  }
}

async function refuseTakenReference(tx: Transaction, reference: string | null, ownId: string | undefined): Promise<void> {
  if (reference === null) return;
  // Two requests at once for one reference meet here, so that the second sees the first instead of a broken unique rule.
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`customer-reference ${tx.tenantId} ${reference}`]);
  const [other] = await tx.query<{ id: string }>('select id from customer where reference = $1', [reference]);
  if (other && other.id !== ownId) throw customerErrors['reference-taken']({ reference });
}

function customerSubject(row: CustomerRow, credits: bigint, hasMandate: boolean): CustomerSubject {
  return {
    id: idOf('cus', row.id),
    reference: row.reference ?? '',
    name: row.name,
    firstName: row.firstName,
    phone: row.phone,
    email: row.email,
    locale: row.locale,
    hasMandate,
    credits: Number(credits),
  };
}
