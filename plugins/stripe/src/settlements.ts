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
/** Stripe's longest page. */
const PAGE = 100;
/** A payout a day for more than a year. */
const MAX_PAYOUTS = 500;

/** Where reading goes on: behind a transaction of a payout. */
interface Position {
  readonly payout: string;
  readonly after?: string;
}

/**
 * The payouts that arrived on these days (UTC, as Stripe counts them), each as the lines of its balance transactions; the payout's own has
 * the opposite sign, so the lines of one payout sum to zero. A payout that failed is there too: its money comes back as a line of a
 * later one.
 *
 * Stripe knows which transactions a payout is made of only where it makes the payouts by itself. Of a payout that a person asked
 * for, there is its own line alone.
 */
export const settlements: NonNullable<PaymentProvider<Settings>['settlements']> = async (context, { from, to, page }) => {
  if (Date.parse(to) + DAY_MS > context.now().getTime()) return failed('temporary', 'This day is not over yet.', { code: 'not_ready' });
  const position = page === undefined ? undefined : positionIn(page);
  if (page !== undefined && position === undefined) return failed('input', 'This is not a page of settlements.', { field: 'page' });
  return callStripe(context, 'read', async (stripe) => {
    const listed = await arrivedOn(stripe, from, to);
    if (listed.kind !== 'ok') return listed;
    const index = position ? listed.value.findIndex(({ id }) => id === position.payout) : 0;
    const payout = listed.value[index];
    if (!payout) return position ? failed('temporary', 'The list of payouts changed; read it again.') : ok({ lines: [] });
    return readOn(context, stripe, payout, position?.after, listed.value[index + 1]);
  });
};

/** Every payout of these days, oldest first; not ready while one is on its way, or Stripe still works out what it is made of. */
async function arrivedOn(stripe: Stripe, from: string, to: string): Promise<Outcome<readonly Stripe.Payout[]>> {
  const found: Stripe.Payout[] = [];
  const arrival_date = { gte: Date.parse(from) / 1000, lt: (Date.parse(to) + DAY_MS) / 1000 };
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

async function readOn(
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
    if (own === undefined) return ok({ lines: [], ...next });
    // Without its name: no lines have to add up to a withdrawal.
    const { payout: _, ...withdrawal } = lineOf(await stripe.balanceTransactions.retrieve(own), payout.id);
    return ok({ lines: [withdrawal], ...next });
  }
  const { data, has_more: more } = await stripe.balanceTransactions.list({
    payout: payout.id,
    limit: PAGE,
    expand: ['data.source'],
    ...(after === undefined ? {} : { starting_after: after }),
  });
  const lines = await withReferences(
    stripe,
    data.map((transaction) => known(context, lineOf(transaction, payout.id), transaction.type)),
  );
  const last = data.at(-1)?.id;
  return ok({ lines, ...(more && last !== undefined ? { next: `${payout.id}|${last}` } : next) });
}

function known({ log }: Context<Settings>, line: SettlementLine, type: string): SettlementLine {
  if (line.kind === 'unknown')
    log.warn('Stripe books a kind of transaction that is not known here', { type, transaction: line.providerId });
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
  const [, payout, after] = /^(po_\w+)(?:\|(txn_\w+))?$/.exec(page) ?? [];
  if (payout === undefined) return undefined;
  return { payout, ...(after === undefined ? {} : { after }) };
}
