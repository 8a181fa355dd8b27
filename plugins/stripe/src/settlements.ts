import {
  failed,
  ok,
  type Context,
  type Outcome,
  type PaymentProvider,
  type SettlementLine,
  type SettlementPage,
} from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { callStripe } from './client.ts';
import { markIn, PAYMENT_MARK } from './marks.ts';
import { lineOf } from './settlement-lines.ts';
import { idOf } from './seen.ts';
import type { Settings } from './settings.ts';

const DAY_MS = 86_400_000;
const DAY_S = 86_400;
/** Midnight is when everybody asks. */
const A_WHILE_MS = 600_000;
/** Stripe's longest page. */
const PAGE = 100;
/** A payout a day for more than a year. */
const MAX_PAYOUTS = 500;

/** Where reading goes on: behind a transaction, of a payout or of the days. */
interface Position {
  readonly payout?: string;
  readonly after?: string;
}

/**
 * Where Stripe makes the payouts by its own schedule: those that arrived on these days (UTC, as Stripe counts them), each as the lines of its
 * balance transactions; the payout's own has the opposite sign, so the lines of one payout sum to zero. A payout that failed is there
 * too: its money comes back as a line of a later one. Today can be read as soon as no payout is on its way. Of a payout that a person asked for besides, there is its own line alone.
 *
 * Where all payouts are asked for, Stripe does not know what they are made of: then every movement of these days is a line, and payouts
 * are withdrawals from a running balance.
 */
export const settlements: NonNullable<PaymentProvider<Settings>['settlements']> = async (context, { from, to, page }) => {
  const leftMs = Date.parse(to) + DAY_MS - context.now().getTime();
  if (leftMs > DAY_MS) return notOver(leftMs);
  const position = page === undefined ? undefined : positionIn(page);
  if (page !== undefined && position === undefined) return failed('input', 'This is not a page of settlements.', { field: 'page' });
  return callStripe(context, 'read', async (stripe) => {
    const isByHand = position ? position.payout === undefined : await isPaidOutByHand(stripe);
    if (isByHand && leftMs > 0) return notOver(leftMs);
    if (isByHand) return readDays(context, stripe, { created: { gte: secondsOf(from), lt: secondsOf(to) + DAY_S } }, position?.after);
    const listed = await arrivedOn(stripe, from, to);
    if (listed.kind !== 'ok') return listed;
    const index = position ? listed.value.findIndex(({ id }) => id === position.payout) : 0;
    const payout = listed.value[index];
    if (!payout) return position ? failed('temporary', 'The list of payouts changed; read it again.') : ok({ lines: [] });
    return readPayout(context, stripe, payout, position?.after, listed.value[index + 1]);
  });
};

function notOver(leftMs: number): Outcome<SettlementPage> {
  return failed('temporary', 'This day is not over yet.', { code: 'not_ready', retryAfterMs: leftMs + A_WHILE_MS });
}

async function isPaidOutByHand(stripe: Stripe): Promise<boolean> {
  const account = await stripe.accounts.retrieveCurrent();
  return account.settings?.payouts?.schedule.interval === 'manual';
}

/** Every payout of these days, oldest first; not ready while one is on its way, or Stripe still works out what it is made of. */
async function arrivedOn(stripe: Stripe, from: string, to: string): Promise<Outcome<readonly Stripe.Payout[]>> {
  const found: Stripe.Payout[] = [];
  const arrival_date = { gte: secondsOf(from), lt: secondsOf(to) + DAY_S };
  for await (const payout of stripe.payouts.list({ arrival_date, limit: PAGE })) {
    const isUnderWay = payout.status === 'pending' || payout.status === 'in_transit';
    if (isUnderWay || (payout.automatic && payout.reconciliation_status === 'in_progress'))
      return failed('temporary', `Payout ${payout.id} is not ready to be read.`, { code: 'not_ready' });
    found.unshift(payout);
    if (found.length > MAX_PAYOUTS)
      return failed('input', 'There are too many payouts in these days; ask for fewer days.', { field: 'to' });
  }
  return ok(found);
}

async function readPayout(
  context: Context<Settings>,
  stripe: Stripe,
  payout: Stripe.Payout,
  after: string | undefined,
  following: Stripe.Payout | undefined,
): Promise<Outcome<SettlementPage>> {
  const next = following === undefined ? {} : { next: following.id };
  if (!payout.automatic) {
    context.log.warn('A payout was not made by Stripe’s own schedule: what it is made of is not known', { payout: payout.id });
    const own = idOf(payout.balance_transaction);
    const lines = own === undefined ? [] : [lineOf(await stripe.balanceTransactions.retrieve(own), undefined)];
    return ok({ lines, ...next });
  }
  const { lines, last } = await readPage(context, stripe, { payout: payout.id }, after);
  return ok({ lines, ...(last === undefined ? next : { next: `${payout.id}|${last}` }) });
}

async function readDays(
  context: Context<Settings>,
  stripe: Stripe,
  days: Pick<Stripe.BalanceTransactionListParams, 'created'>,
  after: string | undefined,
): Promise<Outcome<SettlementPage>> {
  const { lines, last } = await readPage(context, stripe, days, after);
  return ok({ lines, ...(last === undefined ? {} : { next: `days|${last}` }) });
}

/** A page of balance transactions, and behind which the next one begins. */
async function readPage(
  context: Context<Settings>,
  stripe: Stripe,
  which: Pick<Stripe.BalanceTransactionListParams, 'created' | 'payout'>,
  after: string | undefined,
): Promise<{ readonly lines: readonly SettlementLine[]; readonly last: string | undefined }> {
  const { data, has_more: more } = await stripe.balanceTransactions.list({
    ...which,
    limit: PAGE,
    expand: ['data.source'],
    ...(after === undefined ? {} : { starting_after: after }),
  });
  const lines = await withReferences(
    stripe,
    data.map((transaction) => known(context, lineOf(transaction, which.payout))),
  );
  return { lines, last: more ? data.at(-1)?.id : undefined };
}

function known({ log }: Context<Settings>, line: SettlementLine): SettlementLine {
  const { kind, providerType: type, providerId: transaction } = line;
  if (kind === 'unknown') log.warn('Stripe books a kind of transaction that is not known here', { type, transaction });
  return line;
}

/** Disputes, and refunds made in Stripe's dashboard, do not carry our payment's id; their payment intent does. */
async function withReferences(stripe: Stripe, lines: readonly SettlementLine[]): Promise<readonly SettlementLine[]> {
  const references = new Map<string, string | undefined>();
  const complete: SettlementLine[] = [];
  for (const line of lines) {
    const { payment } = line;
    if (payment === undefined || line.reference !== undefined) {
      complete.push(line);
      continue;
    }
    if (!references.has(payment)) references.set(payment, markIn((await stripe.paymentIntents.retrieve(payment)).metadata, PAYMENT_MARK));
    const reference = references.get(payment);
    complete.push(reference === undefined ? line : { ...line, reference });
  }
  return complete;
}

function positionIn(page: string): Position | undefined {
  const [, place, after] = /^(po_\w+|days)(?:\|(txn_\w+))?$/.exec(page) ?? [];
  if (place === undefined) return undefined;
  return { ...(place === 'days' ? {} : { payout: place }), ...(after === undefined ? {} : { after }) };
}

function secondsOf(day: string): number {
  return Date.parse(day) / 1000;
}
