import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * What the pretend provider knows, in one SQLite file. Every answer it gives is on disk first (`synchronous = FULL`), so a
 * test may kill it at any moment and still compare its books with ours. A test that never kills it goes without: a write to disk for each
 * transaction is most of what it costs.
 */
export class Store {
  readonly #database: DatabaseSync;

  constructor(dataDir: string, isDurable = true) {
    mkdirSync(dataDir, { recursive: true });
    this.#database = new DatabaseSync(path.join(dataDir, 'sandbox.sqlite'));
    this.#database.exec(`pragma journal_mode = wal; pragma synchronous = ${isDurable ? 'full' : 'off'}; pragma foreign_keys = on;`);
    this.#database.exec(SCHEMA);
    for (const [table, column] of COLUMNS_SINCE) this.#addColumn(table, column);
  }

  /** Runs `work` in one transaction; what it throws undoes it. Not nestable. */
  transact<T>(work: () => T): T {
    this.#database.exec('begin immediate');
    try {
      const result = work();
      this.#database.exec('commit');
      return result;
    } catch (error) {
      this.#database.exec('rollback');
      throw error;
    }
  }

  /** Runs a statement and tells how many rows it changed. */
  run(sql: string, ...values: readonly (string | number | null)[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes);
  }

  /** Writes a row. The names of table and columns are the caller's own, never from outside. */
  insert(table: string, row: Readonly<Record<string, string | number | null>>): void {
    const names = Object.keys(row);
    this.run(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`, ...Object.values(row));
  }

  /** The first row. The caller names the row's shape, which the schema below fixes. */
  one<Row>(sql: string, ...values: readonly (string | number | null)[]): Row | undefined {
    return this.#database.prepare(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: readonly (string | number | null)[]): readonly Row[] {
    return this.#database.prepare(sql).all(...values) as unknown as readonly Row[];
  }

  close(): void {
    this.#database.close();
  }

  /** A file of an earlier version gets what has come since. */
  #addColumn(table: string, column: string): void {
    const known = this.all<{ name: string }>(`select name from pragma_table_info('${table}')`);
    const name = column.slice(0, column.indexOf(' '));
    if (!known.some((one) => one.name === name)) this.#database.exec(`alter table ${table} add column ${column}`);
  }
}

/** Amounts are whole minor units; times are epoch milliseconds; `digits` is the number of decimals of the currency. */
const SCHEMA = `
  create table if not exists account (
    id text primary key, webhook_secrets text not null default '[]'
  ) strict;
  create table if not exists payment (
    id text primary key, account text not null, reference text not null, amount integer not null, digits integer not null, currency text not null,
    description text not null, return_url text not null, cancel_url text not null, webhook_url text not null, methods text not null, capture text not null,
    state text not null, method text, captured integer not null default 0, voided integer not null default 0, charged_back integer not null default 0,
    failure text, created_at integer not null, expires_at integer not null, unique (account, reference)
  ) strict;
  create table if not exists refund (
    id text primary key, payment text not null references payment, reference text not null, amount integer not null, created_at integer not null
  ) strict;
  create table if not exists dispute (
    id text primary key, payment text not null references payment, amount integer not null, state text not null, reason text not null,
    respond_by integer, created_at integer not null
  ) strict;
  create table if not exists mandate (
    id text primary key, account text not null, reference text not null, customer text not null, kind text not null, state text not null,
    label text not null, fingerprint text not null, description text not null, return_url text not null, webhook_url text not null,
    created_at integer not null, valid_until integer, unique (account, reference)
  ) strict;
  create table if not exists booking (
    account text not null, kind text not null, payment text not null, reference text not null, refund text, gross integer not null,
    fee integer not null, digits integer not null, currency text not null, booked_at integer not null
  ) strict;
  create index if not exists booking_day on booking (account, booked_at);
  create table if not exists message (
    id text primary key, account text not null, recipient text not null, text text not null, parts integer not null, created_at integer not null
  ) strict;
  create table if not exists mail (
    id text primary key, account text not null, recipient text not null, subject text not null, text text not null, html text, created_at integer not null
  ) strict;
  create table if not exists entry (
    id text primary key, number integer not null unique, account text not null, reference text not null, journal text not null, date text not null,
    description text not null, reverses text, created_at integer not null, unique (account, reference)
  ) strict;
  create table if not exists entry_line (
    entry text not null references entry, position integer not null, ledger_account text not null, description text not null,
    debit integer not null, credit integer not null, digits integer not null, currency text not null, primary key (entry, position)
  ) strict;
  create table if not exists idempotency (
    account text not null, key text not null, request text not null, status integer not null, body text not null, created_at integer not null,
    primary key (account, key)
  ) strict;
  create table if not exists webhook (
    id text primary key, account text not null, url text not null, type text not null, body text not null, attempts integer not null default 0,
    due_at integer not null, delivered_at integer, last_answer text
  ) strict;
  create index if not exists webhook_due on webhook (due_at) where delivered_at is null;
`;

/** Columns that tables did not have in their first version. */
const COLUMNS_SINCE: readonly (readonly [table: string, column: string])[] = [
  ['payment', "flow text not null default 'redirect'"],
  ['payment', 'fee integer not null default 0'],
  ['payment', 'customer text'],
  ['payment', 'saves integer not null default 0'],
  ['payment', 'mandate text'],
  ['payment', 'charge integer not null default 0'],
  ['payment', 'paid_at integer'],
  ['payment', 'due_at integer'],
  ['refund', "state text not null default 'done'"],
  ['refund', 'failure text'],
  ['refund', 'due_at integer'],
];
