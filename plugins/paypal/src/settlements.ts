import { failed, ok, type Context, type Outcome, type SettlementLine, type SettlementPage } from '@kassaflow/plugin-sdk';
import { negated, subtract } from './amounts.ts';
import { referenceOf } from './order-parts.ts';
import { orderOfCapture, readReport, type Transaction } from './reports.ts';
import type { Settings } from './settings.ts';
import { momentOf } from './wire.ts';

const DAY_MS = 86_400_000;
/** Small, because a line of a refund needs a question of its own; all of a page has to fit into one call. */
const PAGE_SIZE = 100;
/** Questions at the same time. */
const AT_ONCE = 8;

/**
 * The beginning of a transaction event code → what it is; the longest that fits counts. A code that is not here stays `unknown`.
 * https://developer.paypal.com/docs/transaction-search/transaction-event-codes/
 */
const KINDS: Readonly<Record<string, SettlementLine['kind']>> = {
  T00: 'payment',
  T01: 'fee',
  T02: 'adjustment',
  // From the bank to the account: a withdrawal the other way round.
  T03: 'payout',
  T04: 'payout',
  T1106: 'chargeback',
  T1107: 'refund',
  T1108: 'fee',
  T1110: 'adjustment',
  T1111: 'adjustment',
  T1201: 'chargeback',
  T1202: 'chargeback-reversal',
  T15: 'adjustment',
  T21: 'adjustment',
};

/**
 * What moved the account's balance, day by day in UTC. PayPal does not group its lines into payouts, so no line names one: the merchant
 * withdraws (lines of the kind `payout`), and the lines since the last withdrawal add up to the running balance.
 */
export async function settlements(
  context: Context<Settings>,
  { from, to, page }: { readonly from: string; readonly to: string; readonly page?: string },
): Promise<Outcome<SettlementPage>> {
  const [day = from, number = '1'] = page?.split('.') ?? [];
  const start = Date.parse(`${day}T00:00:00.000Z`);
  const last = Date.parse(`${to}T00:00:00.000Z`);
  if (Number.isNaN(start) || Number.isNaN(last) || start > last)
    return failed('input', 'The days are not two days in order.', { field: 'from' });

  const end = start + DAY_MS - 1;
  const report = await readReport(context, { from: start, to: end, page: Number(number), size: PAGE_SIZE, booked: true });
  if (report.kind !== 'ok') return report;
  if (report.value.completeUntil < end)
    return failed('temporary', `PayPal’s report of ${day} is not complete yet.`, { code: 'REPORT_NOT_READY', retryAfterMs: 3_600_000 });

  const lines = await linesOf(context, report.value.transactions);
  if (lines.kind !== 'ok') return lines;
  const isLastPage = Number(number) >= report.value.pages;
  const next = isLastPage ? (start < last ? `${dayAfter(start)}.1` : undefined) : `${day}.${Number(number) + 1}`;
  return ok({ lines: lines.value, ...(next === undefined ? {} : { next }) });
}

async function linesOf(context: Context<Settings>, transactions: readonly Transaction[]): Promise<Outcome<readonly SettlementLine[]>> {
  const orders = await ordersOf(context, transactions);
  if (orders.kind !== 'ok') return orders;
  return ok(transactions.flatMap((one) => lineOf(context, one, orders.value) ?? []));
}

function lineOf(context: Context<Settings>, one: Transaction, orders: ReadonlyMap<string, string>): SettlementLine | undefined {
  const {
    transaction_id: id = '',
    transaction_event_code: code = '',
    transaction_initiation_date: begun = '',
    transaction_amount: amount,
  } = one;
  const bookedAt = momentOf(begun);
  if (amount === undefined || bookedAt === undefined) {
    context.log.warn('A line of PayPal’s report has no amount or no date', { transaction: id, code });
    return undefined;
  }
  const kind = kindOf(code, amount.value);
  if (kind === 'unknown')
    context.log.warn('A line of PayPal’s report is of a kind that this plugin does not know', { transaction: id, code });
  // The fee of one line is in the line's own currency; PayPal writes costs as negative amounts.
  const fee = one.fee_amount === undefined ? subtract(amount.value, amount.value) : negated(one.fee_amount.value);
  const payment = orderIdOf(one, orders);
  const reference = referenceOf(one.custom_field);
  return {
    // The id alone is not unique: a reversal can share it.
    providerId: `${id}:${code}:${begun}`,
    kind,
    providerType: code,
    ...(payment === undefined || kind === 'payout' ? {} : { payment }),
    // A refund's custom id is the refund's own.
    ...(kind === 'payment' && reference !== undefined ? { reference } : {}),
    ...(kind === 'refund' ? { refund: id } : {}),
    currency: amount.currency_code,
    gross: amount.value,
    fee,
    net: subtract(amount.value, fee),
    bookedAt,
    // PayPal's report is asked for by days in UTC.
    bookedOn: new Date(bookedAt).toISOString().slice(0, 10),
  };
}

/** Money out under a code of payments is one that we made. */
function kindOf(code: string, amount: string): SettlementLine['kind'] {
  const fitting = Object.keys(KINDS)
    .filter((beginning) => code.startsWith(beginning))
    .sort((one, other) => other.length - one.length)[0];
  const kind = KINDS[fitting ?? ''] ?? 'unknown';
  return kind === 'payment' && amount.startsWith('-') ? 'adjustment' : kind;
}

function orderIdOf(one: Transaction, orders: ReadonlyMap<string, string>): string | undefined {
  const { paypal_reference_id: reference, paypal_reference_id_type: type, transaction_id: id = '' } = one;
  if (type === 'ODR') return reference;
  return type === 'TXN' ? orders.get(reference ?? '') : orders.get(id);
}

/** Capture → order, for the lines that name a capture: refunds, chargebacks. Those whose payment is on the page need no question. */
async function ordersOf(context: Context<Settings>, transactions: readonly Transaction[]): Promise<Outcome<ReadonlyMap<string, string>>> {
  const orders = new Map<string, string>();
  for (const { transaction_id: id, paypal_reference_id: reference, paypal_reference_id_type: type } of transactions) {
    if (type === 'ODR' && id !== undefined && reference !== undefined) orders.set(id, reference);
  }
  const named = transactions.flatMap((one) => (one.paypal_reference_id_type === 'TXN' ? (one.paypal_reference_id ?? []) : []));
  const asked = [...new Set(named)].filter((id) => !orders.has(id));
  for (let index = 0; index < asked.length; index += AT_ONCE) {
    const captures = asked.slice(index, index + AT_ONCE);
    const answers = await Promise.all(captures.map((id) => orderOfCapture(context, id)));
    for (const [position, answer] of answers.entries()) {
      if (answer.kind !== 'ok') return answer;
      if (answer.value.orderId !== undefined) orders.set(captures[position] ?? '', answer.value.orderId);
    }
  }
  return ok(orders);
}

function dayAfter(start: number): string {
  return new Date(start + DAY_MS).toISOString().slice(0, 10);
}
