import { writeAmount } from './amount.ts';
import { Problem } from './problem.ts';
import type { Store } from './store.ts';

export type BookingKind = 'payment' | 'refund' | 'chargeback' | 'chargeback-reversal';

/** A movement of money between the provider and one of its merchants. */
export interface Booking {
  readonly account: string;
  readonly kind: BookingKind;
  readonly payment: string;
  readonly reference: string;
  readonly refund?: string;
  /** Minor units, negative for what the merchant gives. */
  readonly gross: number;
  readonly fee?: number;
  readonly digits: number;
  readonly currency: string;
}

interface BookingRow extends Required<Omit<Booking, 'refund'>> {
  readonly place: number;
  readonly refund: string | null;
  readonly booked_at: number;
}

interface PayoutRow {
  readonly day: string;
  readonly currency: string;
  readonly digits: number;
  readonly net: number;
}

const DAY_MS = 86_400_000;
const PAGE = 100;
/** More days than this at once are refused. */
const MOST_DAYS = 31;

/** What a payment costs: 29 of its smallest units, or all of it when it is less. */
export function feeFor(amount: number): number {
  return Math.min(29, amount);
}

/**
 * The provider's books with its merchants. Each day (UTC) is paid out at its end, in each currency: a payout is the sum of that day, with
 * the opposite sign.
 */
export class Ledger {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  book({ account, kind, payment, reference, refund, gross, fee = 0, digits, currency }: Booking): void {
    const rest = { payment, reference, refund: refund ?? null, gross, fee, digits, currency };
    this.#store.insert('booking', { account, kind, ...rest, booked_at: Date.now() });
  }

  /**
   * The lines of these days, oldest first, a hundred at a time and the payouts at last. @throws Problem 400 for a field, 409 `not_ready`
   * while the last day is not over
   */
  settled(account: string, query: URLSearchParams): Readonly<Record<string, unknown>> {
    const [from, to] = [dayIn(query, 'from'), dayIn(query, 'to')];
    if (to < from || to - from >= MOST_DAYS * DAY_MS) throw new Problem(400, 'field_invalid', `Ask for at most ${MOST_DAYS} days.`, 'to');
    const end = to + DAY_MS;
    if (end > Date.now()) throw new Problem(409, 'not_ready', 'This day is not over yet.', 'to');
    const after = Number(query.get('after') ?? 0);
    if (!Number.isSafeInteger(after)) throw new Problem(400, 'field_invalid', 'There is no such page.', 'after');
    const rows = this.#store.all<BookingRow>(
      'select rowid as place, * from booking where account = ? and booked_at >= ? and booked_at < ? and rowid > ? order by rowid limit ?',
      account,
      from,
      end,
      after,
      PAGE + 1,
    );
    const shown = rows.slice(0, PAGE).map((row) => lineOf(row));
    const isLast = rows.length <= PAGE;
    const payouts = isLast ? this.#payouts(account, from, end).map((row) => payoutOf(account, row)) : [];
    return { data: [...shown, ...payouts], ...(isLast ? {} : { next: rows[PAGE - 1]?.place }) };
  }

  #payouts(account: string, from: number, end: number): readonly PayoutRow[] {
    return this.#store.all<PayoutRow>(
      `select strftime('%Y-%m-%d', booked_at / 1000, 'unixepoch') as day, currency, digits, sum(gross - fee) as net
       from booking where account = ? and booked_at >= ? and booked_at < ? group by day, currency, digits order by day, currency`,
      account,
      from,
      end,
    );
  }
}

function lineOf(row: BookingRow): Readonly<Record<string, unknown>> {
  const { place, account, kind, payment, reference, refund, gross, fee, currency, booked_at: at } = row;
  const money = (minor: number): string => textOf(minor, row);
  return {
    id: `sbl_${place}`,
    payout: payoutId(account, new Date(at).toISOString().slice(0, 10), currency),
    kind,
    payment,
    reference,
    refund,
    currency,
    gross: money(gross),
    fee: money(fee),
    net: money(gross - fee),
    booked_at: new Date(at).toISOString(),
  };
}

function payoutOf(account: string, row: PayoutRow): Readonly<Record<string, unknown>> {
  const id = payoutId(account, row.day, row.currency);
  const paid = textOf(-row.net, row);
  return {
    id,
    payout: id,
    kind: 'payout',
    payment: null,
    reference: null,
    refund: null,
    currency: row.currency,
    gross: paid,
    fee: textOf(0, row),
    net: paid,
    booked_at: new Date(Date.parse(row.day) + DAY_MS - 1).toISOString(),
  };
}

function payoutId(account: string, day: string, currency: string): string {
  return `sbo_${account.slice(5, 13)}_${day}_${currency}`;
}

/** Signed, unlike an amount of the API. */
function textOf(minor: number, { digits, currency }: { readonly digits: number; readonly currency: string }): string {
  const { amount } = writeAmount({ minor: Math.abs(minor), digits, currency });
  return minor < 0 ? `-${amount}` : amount;
}

function dayIn(query: URLSearchParams, name: string): number {
  const day = query.get(name) ?? '';
  const start = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : Number.NaN;
  if (Number.isNaN(start)) throw new Problem(400, 'field_invalid', `The field "${name}" must be a day in the form 2026-11-20.`, name);
  return start;
}
