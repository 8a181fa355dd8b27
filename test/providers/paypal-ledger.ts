import type { PaypalClock } from './paypal-clock.ts';
import { invalid, moneyOf, ours, PaypalProblem, type WireMoney } from './paypal-objects.ts';

/** One line of the account, as the transaction search shows it. */
interface Entry {
  readonly id: string;
  readonly code: string;
  readonly at: number;
  readonly amount: WireMoney;
  readonly fee: WireMoney | undefined;
  readonly status: string;
  readonly reference: string | undefined;
  readonly referenceType: 'ODR' | 'TXN' | undefined;
  readonly customId: string | undefined;
  readonly balance: WireMoney;
}

/** A line to be. Amounts with their sign; a fee is negative. */
export interface NewEntry {
  readonly id: string;
  readonly code: string;
  readonly amount: WireMoney;
  readonly fee?: WireMoney;
  readonly order?: string;
  readonly capture?: string;
  readonly customId?: string;
  readonly status?: string;
}

const DAY_MS = 86_400_000;
/** PayPal's answer stops here, whatever the page. */
const MOST_FOUND = 10_000;

/** The account's movements and the report about them, which is late. */
export class PaypalLedger {
  readonly #clock: PaypalClock;
  readonly #entries: Entry[] = [];
  /** How late the report is; PayPal says up to three hours. */
  lagMs = 3 * 3_600_000;

  constructor(clock: PaypalClock) {
    this.#clock = clock;
  }

  add(entry: NewEntry): void {
    const { currency_code: currency } = entry.amount;
    const booked = (entry.status ?? 'S') === 'S' ? ours(entry.amount) + (entry.fee ? ours(entry.fee) : 0) : 0;
    this.#entries.push({
      id: entry.id,
      code: entry.code,
      at: this.#clock.now(),
      amount: entry.amount,
      fee: entry.fee,
      status: entry.status ?? 'S',
      reference: entry.order ?? entry.capture,
      referenceType: entry.order === undefined ? (entry.capture === undefined ? undefined : 'TXN') : 'ODR',
      customId: entry.customId,
      balance: moneyOf(this.balance(currency) + booked, currency),
    });
  }

  /** In PayPal's units. */
  balance(currency: string): number {
    const last = this.#entries.findLast(({ balance }) => balance.currency_code === currency);
    return last ? ours(last.balance) : 0;
  }

  /** `GET /v1/reporting/transactions` */
  report(query: URLSearchParams): unknown {
    const from = dateOf(query, 'start_date');
    const to = dateOf(query, 'end_date');
    if (to - from > 31 * DAY_MS) throw invalid('INVALID_PARAMETER_VALUE', '/end_date');
    const size = Number(query.get('page_size') ?? 100);
    const page = Number(query.get('page') ?? 1);
    if (!(size >= 1 && size <= 500) || !(page >= 1)) throw invalid('INVALID_PARAMETER_VALUE', '/page_size');
    const horizon = this.#clock.now() - this.lagMs;
    const booked = query.get('balance_affecting_records_only') !== 'N';
    const found = this.#entries.filter(({ at, status }) => at >= from && at <= to && at <= horizon && (!booked || status === 'S'));
    if (found.length > MOST_FOUND) throw new PaypalProblem(400, 'RESULTSET_TOO_LARGE');
    return {
      transaction_details: found.slice((page - 1) * size, page * size).map((entry) => ({ transaction_info: show(entry) })),
      account_number: 'LOCALSERVER01',
      start_date: reportTime(from),
      end_date: reportTime(Math.min(to, horizon)),
      last_refreshed_datetime: reportTime(horizon),
      page,
      total_items: found.length,
      total_pages: Math.max(1, Math.ceil(found.length / size)),
      links: [],
    };
  }
}

function show(entry: Entry): object {
  return {
    transaction_id: entry.id,
    ...(entry.reference === undefined ? {} : { paypal_reference_id: entry.reference, paypal_reference_id_type: entry.referenceType }),
    transaction_event_code: entry.code,
    transaction_initiation_date: reportTime(entry.at),
    transaction_updated_date: reportTime(entry.at),
    transaction_amount: entry.amount,
    ...(entry.fee === undefined ? {} : { fee_amount: entry.fee }),
    transaction_status: entry.status,
    ...(entry.customId === undefined ? {} : { custom_field: entry.customId }),
    ending_balance: entry.balance,
  };
}

/** Reports write the offset without a colon. */
function reportTime(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, '+0000');
}

function dateOf(query: URLSearchParams, name: string): number {
  const at = Date.parse(query.get(name) ?? '');
  if (Number.isNaN(at)) throw invalid('MISSING_REQUIRED_PARAMETER', `/${name}`);
  return at;
}
