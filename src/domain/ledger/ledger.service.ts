import { Injectable } from '@nestjs/common';
import type { Currency } from '../../kernel/currency.ts';
import { newUuid } from '../../kernel/ids.ts';
import { money, type Money } from '../../kernel/money.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { normalSideOf, type Side } from './accounts.ts';
import { checkBalanced, reversedLines, type LedgerDraft, type LedgerLine } from './ledger-entry.ts';
import { ledgerErrors } from './ledger.errors.ts';
import { requestHash } from './request-hash.ts';

/** An entry as it stands in the books. */
export interface LedgerEntry extends Omit<LedgerDraft, 'key'> {
  /** `uuid`; `led_…` on the wire. */
  readonly id: string;
  /** The entry that this one takes back. */
  readonly reverses?: string;
  /** The entry that takes this one back. */
  readonly reversedBy?: string;
}

/** The sums of one account in one currency; `balance` counts on the account's normal side. */
export interface AccountBalance {
  readonly account: string;
  readonly normal: Side;
  readonly debits: Money;
  readonly credits: Money;
  readonly balance: Money;
}

/** A page of entries is never larger than this. */
const PAGE = 200;

/**
 * The books: double entry, append-only. Everything here runs in the caller's transaction, so that money moves together
 * with the state and the event that say why. Balances are sums over lines: a running balance of a shared account would
 * make all writers wait for one row (2 to 3 times slower in measurements).
 */
@Injectable()
export class Ledger {
  /**
   * Posts a balanced entry once per key and returns its id; a repeat returns the id of the first.
   * @throws ledger.invalid-line, ledger.unbalanced, ledger.key-reused
   */
  async post(tx: Transaction, draft: LedgerDraft): Promise<string> {
    checkBalanced(draft.lines);
    return this.#insert(tx, draft, undefined);
  }

  /**
   * Posts the opposite of an entry, once.
   * @throws ledger.not-found, ledger.already-reversed, ledger.key-reused
   */
  async reverse(
    tx: Transaction,
    entryId: string,
    reversal: Pick<LedgerDraft, 'key' | 'kind' | 'description' | 'effectiveAt'>,
  ): Promise<string> {
    const [entry] = await this.#read(tx, 'e.id = $1', [entryId]);
    if (!entry) throw ledgerErrors['not-found']();
    return this.#insert(tx, { ...reversal, subject: entry.subject, lines: reversedLines(entry.lines) }, entryId);
  }

  /** Entries about `subject`, oldest first; at most 200. */
  entriesOf(tx: Transaction, subject: string): Promise<LedgerEntry[]> {
    return this.#read(tx, 'e.subject = $1', [subject]);
  }

  /** The sums of every account that has lines. In each currency all debits equal all credits. */
  async trialBalance(tx: Transaction): Promise<AccountBalance[]> {
    const rows = await tx.query<{ code: string; normal: Side; currency: Currency; debits: string; credits: string }>(
      `select a.code, a.normal, a.currency,
         coalesce(sum(l.minor) filter (where l.side = 'debit'), 0)::text as debits, coalesce(sum(l.minor) filter (where l.side = 'credit'), 0)::text as credits
       from ledger_account a join ledger_line l on l.account_id = a.id
       group by a.id order by a.code, a.currency`,
    );
    return rows.map(({ code, normal, currency, ...sums }) => {
      const [debits, credits] = [money(BigInt(sums.debits), currency), money(BigInt(sums.credits), currency)];
      const balance = money(normal === 'debit' ? debits.minor - credits.minor : credits.minor - debits.minor, currency);
      return { account: code, normal, debits, credits, balance };
    });
  }

  /** The balance of one account; zero when nothing was ever posted to it. */
  async balance(tx: Transaction, account: string, currency: Currency): Promise<Money> {
    const [row] = await tx.query<{ minor: string }>(
      `select coalesce(sum(case l.side when a.normal then l.minor else -l.minor end), 0)::text as minor
       from ledger_account a join ledger_line l on l.account_id = a.id where a.code = $1 and a.currency = $2`,
      [account, currency],
    );
    return money(BigInt(row?.minor ?? 0), currency);
  }

  async #insert(tx: Transaction, draft: LedgerDraft, reverses: string | undefined): Promise<string> {
    const id = newUuid();
    const hash = requestHash(
      draft.kind,
      draft.subject,
      reverses ?? '',
      ...draft.lines.flatMap(({ account, side, amount }) => [account, side, amount.minor, amount.currency]),
    );
    // No conflict target: both unique rules, the key and one reversal per entry, are answered below instead of aborting the transaction.
    const inserted = await tx.query(
      `insert into ledger_entry (id, tenant_id, idempotency_key, request_hash, kind, subject, description, effective_at, reverses)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning id`,
      [id, tx.tenantId, draft.key, hash, draft.kind, draft.subject, draft.description, draft.effectiveAt, reverses ?? null],
    );
    if (inserted.length === 0) return this.#known(tx, draft.key, hash);
    const accountIds = await this.#accountIds(tx, draft.lines);
    await tx.query(
      `insert into ledger_line (entry_id, line, tenant_id, account_id, side, minor, currency)
       select $1, n, $2, account_id, side, minor, currency
       from unnest($3::uuid[], $4::text[], $5::bigint[], $6::text[]) with ordinality as t (account_id, side, minor, currency, n)`,
      [
        id,
        tx.tenantId,
        accountIds,
        draft.lines.map(({ side }) => side),
        draft.lines.map(({ amount }) => amount.minor.toString()),
        draft.lines.map(({ amount }) => amount.currency),
      ],
    );
    return id;
  }

  async #known(tx: Transaction, key: string, hash: Buffer): Promise<string> {
    const [row] = await tx.query<{ id: string; request_hash: Uint8Array }>(
      'select id, request_hash from ledger_entry where idempotency_key = $1',
      [key],
    );
    if (!row) throw ledgerErrors['already-reversed']();
    if (!hash.equals(row.request_hash)) throw ledgerErrors['key-reused']({ key });
    return row.id;
  }

  async #accountIds(tx: Transaction, lines: readonly LedgerLine[]): Promise<string[]> {
    // Sorted, so that two transactions that make the same accounts wait for each other in one order.
    const wanted = [...new Map(lines.map((line) => [`${line.account} ${line.amount.currency}`, line]))]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, line]) => line);
    const codes = wanted.map(({ account }) => account);
    const currencies = wanted.map(({ amount }) => amount.currency);
    const find = async () =>
      tx.query<{ id: string; code: string; currency: string }>(
        'select id, code, currency from ledger_account where (code, currency) in (select * from unnest($1::text[], $2::text[]))',
        [codes, currencies],
      );
    let found = await find();
    if (found.length < wanted.length) {
      await tx.query(
        `insert into ledger_account (id, tenant_id, code, currency, normal)
         select id, $1, code, currency, normal from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as t (id, code, currency, normal)
         on conflict (tenant_id, code, currency) do nothing`,
        [tx.tenantId, wanted.map(() => newUuid()), codes, currencies, codes.map(normalSideOf)],
      );
      found = await find();
    }
    const ids = new Map(found.map(({ id, code, currency }) => [`${code} ${currency}`, id]));
    return lines.map(({ account, amount }) => ids.get(`${account} ${amount.currency}`) ?? '');
  }

  async #read(tx: Transaction, where: 'e.id = $1' | 'e.subject = $1', values: readonly unknown[]): Promise<LedgerEntry[]> {
    const rows = await tx.query<EntryRow>(
      `select e.id, e.kind, e.subject, e.description, e.effective_at, e.reverses, r.id as reversed_by,
         json_agg(json_build_object('account', a.code, 'side', l.side, 'minor', l.minor::text, 'currency', l.currency) order by l.line) as lines
       from ledger_entry e join ledger_line l on l.entry_id = e.id join ledger_account a on a.id = l.account_id
       left join ledger_entry r on r.reverses = e.id
       where ${where} group by e.id, r.id order by e.id limit ${PAGE}`,
      values,
    );
    return rows.map(entryOf);
  }
}

interface EntryRow {
  id: string;
  kind: string;
  subject: string;
  description: string;
  effective_at: Date;
  reverses: string | null;
  reversed_by: string | null;
  lines: { account: string; side: Side; minor: string; currency: Currency }[];
}

function entryOf(row: EntryRow): LedgerEntry {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    description: row.description,
    effectiveAt: row.effective_at,
    lines: row.lines.map(({ account, side, minor, currency }) => ({ account, side, amount: money(BigInt(minor), currency) })),
    ...(row.reverses === null ? {} : { reverses: row.reverses }),
    ...(row.reversed_by === null ? {} : { reversedBy: row.reversed_by }),
  };
}
