import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventLog } from '../../events/event-log.ts';
import type { EventDraft } from '../../events/event.ts';
import { idOf, newUuid } from '../../kernel/ids.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { Customers } from '../customers/index.ts';
import { requestHash } from '../ledger/index.ts';
import { creditErrors } from './credit.errors.ts';

export type CreditKind = 'grant' | 'use' | 'expiry' | 'correction' | 'claw-back';

/**
 * How far credits are taken back whose money was taken back: not at all, as far as there are any, or all of them, so that the customer owes
 * what was used and can use no more until it is made good.
 */
export type ClawBackPolicy = 'never' | 'to-zero' | 'negative';

/** A change of a credit account. The same key never changes it twice. */
export interface CreditChange {
  readonly customerId: string;
  readonly kind: CreditKind;
  /** Above zero: how many are added or taken; the kind says which. */
  readonly units: number;
  readonly reason: string;
  readonly orderId?: string;
  /** For a claw-back; `to-zero` unless told. */
  readonly policy?: ClawBackPolicy;
  readonly key: string;
}

/** One immutable change, as it stands. `units` is positive for what was added, negative for what was taken. */
export interface CreditEntry {
  readonly id: string;
  readonly kind: CreditKind;
  readonly units: bigint;
  readonly balanceAfter: bigint;
  readonly reason: string;
  readonly orderId: string | null;
  readonly createdAt: Date;
}

export interface CreditAccount {
  readonly customer: string;
  readonly balance: number;
  /** `credit.low` is said when the balance falls below it; 0 when never. */
  readonly lowBelow: number;
}

/** Credit accounts: prepaid whole units, and nobody uses what is not there, because every change holds the account's row. */
@Injectable()
export class Credits implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly customers: Customers,
    private readonly eventLog: EventLog,
    private readonly audit: Audit,
  ) {}

  onModuleInit(): void {
    this.customers.offerCreditBalances(readBalances);
  }

  /**
   * @param actor who asks, for the audit; absent for a run, whose journal tells
   * @throws customer.not-found, credit.insufficient, credit.key-reused
   */
  change(tenantId: string, change: CreditChange, actor?: string): Promise<CreditEntry> {
    return this.database.transact(tenantId, (tx) => this.changeIn(tx, change, actor));
  }

  /** As {@link change}, in the caller's transaction. */
  async changeIn(tx: Transaction, change: CreditChange, actor?: string): Promise<CreditEntry> {
    await this.customers.snapshot(tx, change.customerId);
    const account = await lockAccount(tx, change.customerId);
    const wanted = change.kind === 'grant' ? BigInt(change.units) : -BigInt(change.units);
    const hash = requestHash(change.customerId, change.kind, wanted, change.orderId ?? '');
    const known = await knownEntry(tx, change.key, hash);
    if (known) return known;
    const isClawBack = change.kind === 'claw-back';
    const units = isClawBack ? -clawedBack(account.balance, BigInt(change.units), change.policy ?? 'to-zero') : wanted;
    const balance = account.balance + units;
    if (units < 0n && balance < 0n && !isClawBack) throw creditErrors.insufficient({ balance: account.balance, wanted: change.units });
    await tx.query(
      `update credit_account set balance = $2, version = version + 1,
         owed = case when $3 then greatest(0, -$2::bigint) else least(owed, greatest(0, -$2::bigint)) end
       where id = $1`,
      [account.id, balance.toString(), isClawBack],
    );
    const entry = await insertEntry(tx, account.id, { ...change, units, balance, hash });
    if (units !== 0n) await this.#append(tx, change.customerId, entry, account);
    if (actor !== undefined) {
      const detail = { entry: idOf('cre', entry.id), units: Number(entry.units), reason: entry.reason };
      await this.audit.append(tx, {
        actor,
        action: `credit.${change.kind}`,
        subject: `customer/${idOf('cus', change.customerId)}`,
        detail,
      });
    }
    return entry;
  }

  account(tenantId: string, customerId: string): Promise<CreditAccount> {
    return this.database.transact(tenantId, async (tx) => {
      const customer = await this.customers.snapshot(tx, customerId);
      const [row] = await tx.query<{ low_below: string | null }>('select low_below from credit_account where customer_id = $1', [
        customerId,
      ]);
      return { customer: customer.id, balance: customer.credits, lowBelow: Number(row?.low_below ?? 0) };
    });
  }

  /** Sets the balance below which `credit.low` is said; 0 turns it off. */
  async warnBelow(tenantId: string, customerId: string, units: number): Promise<CreditAccount> {
    await this.database.transact(tenantId, async (tx) => {
      await this.customers.snapshot(tx, customerId);
      const { id } = await lockAccount(tx, customerId);
      await tx.query('update credit_account set low_below = $2, version = version + 1 where id = $1', [id, units === 0 ? null : units]);
    });
    return this.account(tenantId, customerId);
  }

  /** Newest first, before the entry with the id `after`. */
  entries(
    tenantId: string,
    customerId: string,
    page: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<CreditEntry[]> {
    return this.database.transact(tenantId, async (tx) => {
      await this.customers.snapshot(tx, customerId);
      const rows = await tx.query<EntryRow>(
        `select ${ENTRY_COLUMNS} from credit_entry e join credit_account a on a.id = e.account_id
         where a.customer_id = $1 and ($2::uuid is null or e.id < $2) order by e.id desc limit $3`,
        [customerId, page.after ?? null, page.limit],
      );
      return rows.map(entryOf);
    });
  }

  async #append(tx: Transaction, customerId: string, entry: CreditEntry, before: Account): Promise<void> {
    const customer = await this.customers.snapshot(tx, customerId);
    const balance = Number(entry.balanceAfter);
    const credit = { id: idOf('cre', entry.id), kind: entry.kind, units: Math.abs(Number(entry.units)), balance, reason: entry.reason };
    const subject = `customer/${customer.id}`;
    const events: EventDraft[] = [{ type: eventOf(entry), subject, data: { credit, customer } }];
    const threshold = before.lowBelow;
    if (threshold !== null && before.balance >= threshold && entry.balanceAfter < threshold) {
      events.push({ type: 'credit.low', subject, data: { credit, customer, threshold: Number(threshold) } });
    }
    await this.eventLog.append(tx, ...events);
  }
}

/** How many of `units` are taken back from what is there. */
export function clawedBack(balance: bigint, units: bigint, policy: ClawBackPolicy): bigint {
  const there = balance > 0n ? balance : 0n;
  switch (policy) {
    case 'never':
      return 0n;
    case 'to-zero':
      return units < there ? units : there;
    case 'negative':
      return units;
  }
}

function eventOf({ kind, units }: CreditEntry): 'credit.added' | 'credit.used' | 'credit.clawed-back' {
  if (kind === 'claw-back') return 'credit.clawed-back';
  return units > 0n ? 'credit.added' : 'credit.used';
}

interface Account {
  readonly id: string;
  readonly balance: bigint;
  readonly lowBelow: bigint | null;
}

/** The customer's account, made when it is the first time, and locked until the transaction ends. */
async function lockAccount(tx: Transaction, customerId: string): Promise<Account> {
  await tx.query(
    'insert into credit_account (id, tenant_id, customer_id) values ($1, $2, $3) on conflict (tenant_id, customer_id) do nothing',
    [newUuid(), tx.tenantId, customerId],
  );
  const [row] = await tx.query<{ id: string; balance: string; low_below: string | null }>(
    'select id, balance, low_below from credit_account where customer_id = $1 for update',
    [customerId],
  );
  return {
    id: row?.id ?? '',
    balance: BigInt(row?.balance ?? 0),
    lowBelow: typeof row?.low_below === 'string' ? BigInt(row.low_below) : null,
  };
}

async function knownEntry(tx: Transaction, key: string, hash: Buffer): Promise<CreditEntry | undefined> {
  const [row] = await tx.query<EntryRow & { request_hash: Uint8Array }>(
    `select ${ENTRY_COLUMNS}, e.request_hash from credit_entry e where e.idempotency_key = $1`,
    [key],
  );
  if (row && !hash.equals(row.request_hash)) throw creditErrors['key-reused']({ key });
  return row && entryOf(row);
}

async function insertEntry(
  tx: Transaction,
  accountId: string,
  entry: { kind: CreditKind; units: bigint; balance: bigint; key: string; hash: Buffer; reason: string; orderId?: string },
): Promise<CreditEntry> {
  const [row] = await tx.query<EntryRow>(
    `insert into credit_entry as e (id, tenant_id, account_id, kind, units, balance_after, idempotency_key, request_hash, reason, order_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (tenant_id, idempotency_key) do nothing returning ${ENTRY_COLUMNS}`,
    [
      newUuid(),
      tx.tenantId,
      accountId,
      entry.kind,
      entry.units.toString(),
      entry.balance.toString(),
      entry.key,
      entry.hash,
      entry.reason,
      entry.orderId ?? null,
    ],
  );
  // The account is locked, so only a change of another customer's account can have taken the key meanwhile.
  if (!row) throw creditErrors['key-reused']({ key: entry.key });
  return entryOf(row);
}

async function readBalances(tx: Transaction, customerIds: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await tx.query<{ customer_id: string; balance: string }>(
    'select customer_id, balance from credit_account where customer_id = any($1::uuid[])',
    [customerIds],
  );
  return new Map(rows.map(({ customer_id: id, balance }) => [id, BigInt(balance)]));
}

const ENTRY_COLUMNS = 'e.id, e.kind, e.units, e.balance_after, e.reason, e.order_id, e.created_at';

interface EntryRow {
  id: string;
  kind: CreditKind;
  units: string;
  balance_after: string;
  reason: string;
  order_id: string | null;
  created_at: Date;
}

function entryOf(row: EntryRow): CreditEntry {
  return {
    id: row.id,
    kind: row.kind,
    units: BigInt(row.units),
    balanceAfter: BigInt(row.balance_after),
    reason: row.reason,
    orderId: row.order_id,
    createdAt: row.created_at,
  };
}
