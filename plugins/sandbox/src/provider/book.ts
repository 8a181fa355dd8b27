import { randomUUID } from 'node:crypto';
import { readAmount, writeAmount, type Amount } from './amount.ts';
import { onlyFields, Problem, text, type Fields } from './problem.ts';
import type { Store } from './store.ts';

export interface EntryRow {
  readonly id: string;
  readonly number: number;
  readonly reference: string;
  readonly journal: string;
  readonly date: string;
  readonly description: string;
  readonly reverses: string | null;
  readonly created_at: number;
}

export interface LineRow {
  readonly ledger_account: string;
  readonly description: string;
  readonly debit: number;
  readonly credit: number;
  readonly digits: number;
  readonly currency: string;
}

type Line = { readonly account: string; readonly description: string; readonly debit: number; readonly credit: number } & Pick<
  Amount,
  'digits' | 'currency'
>;

/** The pretend accounting package: balanced entries, numbered, unique by the caller's reference, never changed. */
export class Book {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws Problem 400 for a field, 422 `unbalanced`, 409 `reference_taken` */
  post(account: string, fields: Fields): EntryRow {
    onlyFields(fields, 'reference', 'journal', 'date', 'description', 'lines');
    const lines = readLines(fields['lines']);
    const date = text(fields, 'date', 10);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new Problem(400, 'field_invalid', 'The date must be in the form 2026-11-20.', 'date');
    return this.#write(
      account,
      {
        reference: text(fields, 'reference', 200),
        journal: text(fields, 'journal', 50),
        date,
        description: text(fields, 'description', 500),
        reverses: null,
      },
      lines,
    );
  }

  /** Books the opposite of an entry. @throws Problem 404 `not_found`, 409 `reference_taken` */
  reverse(account: string, id: string, fields: Fields): EntryRow {
    onlyFields(fields, 'reference', 'date', 'reason');
    const entry = this.#store.one<EntryRow>('select * from entry where id = ? and account = ?', id, account);
    if (!entry) throw new Problem(404, 'not_found', 'There is no such entry.');
    const lines = this.linesOf(id).map((line): Line => ({ ...line, account: line.ledger_account, debit: line.credit, credit: line.debit }));
    const header = {
      reference: text(fields, 'reference', 200),
      journal: entry.journal,
      date: text(fields, 'date', 10),
      description: text(fields, 'reason', 500),
      reverses: id,
    };
    return this.#write(account, header, lines);
  }

  findByReference(account: string, reference: string): EntryRow | undefined {
    return this.#store.one<EntryRow>('select * from entry where account = ? and reference = ?', account, reference);
  }

  linesOf(entry: string): readonly LineRow[] {
    return this.#store.all<LineRow>('select * from entry_line where entry = ? order by position', entry);
  }

  newest(limit: number): readonly EntryRow[] {
    return this.#store.all<EntryRow>('select * from entry order by number desc limit ?', limit);
  }

  #write(account: string, header: Omit<EntryRow, 'id' | 'number' | 'created_at'>, lines: readonly Line[]): EntryRow {
    if (this.findByReference(account, header.reference))
      throw new Problem(409, 'reference_taken', 'There is an entry with this reference.', 'reference');
    const id = `sba_${randomUUID()}`;
    const last = this.#store.one<{ number: number }>('select coalesce(max(number), 20260000) as number from entry');
    this.#store.run(
      'insert into entry (id, number, account, reference, journal, date, description, reverses, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      (last?.number ?? 20260000) + 1,
      account,
      header.reference,
      header.journal,
      header.date,
      header.description,
      header.reverses,
      Date.now(),
    );
    lines.forEach((line, position) => {
      this.#store.run(
        'insert into entry_line (entry, position, ledger_account, description, debit, credit, digits, currency) values (?, ?, ?, ?, ?, ?, ?, ?)',
        id,
        position,
        line.account,
        line.description,
        line.debit,
        line.credit,
        line.digits,
        line.currency,
      );
    });
    const written = this.findByReference(account, header.reference);
    if (!written) throw new TypeError('The entry was not written');
    return written;
  }
}

/** An entry as the API shows it. */
export function showEntry(entry: EntryRow, lines: readonly LineRow[]): Readonly<Record<string, unknown>> {
  return {
    id: entry.id,
    number: String(entry.number),
    reference: entry.reference,
    journal: entry.journal,
    date: entry.date,
    description: entry.description,
    reverses: entry.reverses,
    lines: lines.map(({ ledger_account: account, description, debit, credit, digits, currency }) => ({
      account,
      description,
      ...(debit > 0
        ? { debit: writeAmount({ minor: debit, digits, currency }) }
        : { credit: writeAmount({ minor: credit, digits, currency }) }),
    })),
  };
}

function readLines(value: unknown): readonly Line[] {
  if (!Array.isArray(value) || value.length < 2 || value.length > 200) {
    throw new Problem(400, 'field_invalid', 'An entry has between 2 and 200 lines.', 'lines');
  }
  const lines = value.map((line: unknown) => readLine(typeof line === 'object' && line !== null ? { ...line } : {}));
  const balance = new Map<string, number>();
  for (const line of lines) balance.set(line.currency, (balance.get(line.currency) ?? 0) + line.debit - line.credit);
  for (const [currency, difference] of balance) {
    if (difference !== 0) throw new Problem(422, 'unbalanced', `The entry does not balance in ${currency}.`, 'lines');
  }
  return lines;
}

function readLine(fields: Fields): Line {
  onlyFields(fields, 'account', 'debit', 'credit', 'description');
  const debit = readAmount(fields['debit']);
  const credit = readAmount(fields['credit']);
  const amount = debit ?? credit;
  if (!amount || (debit && credit)) throw new Problem(400, 'field_invalid', 'A line has either a debit or a credit.', 'lines');
  return {
    account: text(fields, 'account', 100),
    description: fields['description'] === undefined ? '' : text(fields, 'description', 500),
    debit: debit?.minor ?? 0,
    credit: credit?.minor ?? 0,
    digits: amount.digits,
    currency: amount.currency,
  };
}
