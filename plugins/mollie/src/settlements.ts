import { failed, ok, type Outcome, type PaymentProvider, type SettlementPage } from '@kassaflow/plugin-sdk';
import type { MollieClient } from '@mollie/api-client';
import { callMollie } from './client.ts';
import { cursorIn, MOST_PER_PAGE } from './paging.ts';
import { instantOf } from './seen.ts';
import type { Settings } from './settings.ts';
import { amsterdamDay, closingLines, lineOf, PARTS, sumOf, type Part, type SeenItem, type SeenSettlement } from './settlement-lines.ts';

/** How long a settlement may be on its way to the bank: older ones than this before the first day are not looked for. */
const LONGEST_WAY_MS = 31 * 86_400_000;
/** A settlement a day for 13 years. */
const MAX_LIST_PAGES = 20;

/** Where reading goes on: a part of a settlement, the page in it, and the sum of the lines so far in millionths. */
interface Position {
  readonly settlement: string;
  readonly part: Part | 'closing';
  readonly sum: bigint;
  readonly from?: string;
}

/**
 * The settlements that were paid out on these days, each as lines of payments, refunds, chargebacks and costs, and at last the payout
 * itself with the opposite sign: the lines of one settlement sum to zero. Mollie settles live payments only.
 */
export const settlements: NonNullable<PaymentProvider<Settings>['settlements']> = async (context, { from, to, page }) => {
  if (context.mode === 'test') return ok({ lines: [] });
  if (to >= amsterdamDay(context.now().getTime()))
    return failed('temporary', 'This day is not over yet in Amsterdam.', {
      code: 'not-ready',
      retryAfterMs: untilOverMs(to, context.now()),
    });
  const position = page === undefined ? undefined : positionIn(page);
  if (page !== undefined && position === undefined) return failed('input', 'This is not a page of settlements.', { field: 'page' });
  return callMollie(
    context,
    'read',
    async (mollie) => {
      const listed = await settledOn(mollie, from, to);
      if (listed.kind !== 'ok') return listed;
      const at = position ?? startOf(listed.value[0]);
      const index = listed.value.findIndex(({ id }) => id === at?.settlement);
      const settlement = listed.value[index];
      if (!at || !settlement) return position ? failed('temporary', 'The list of settlements changed; read it again.') : ok({ lines: [] });
      return readOn(mollie, settlement, at, startOf(listed.value[index + 1]));
    },
    'organization',
  );
};

/** To be on the safe side of both midnights, summer's and winter's: a day is over in Amsterdam when it is in London. */
function untilOverMs(day: string, now: Date): number {
  return Math.max(Date.parse(day) + 86_400_000 - now.getTime(), 0) + 600_000;
}

/** Every settlement of these days, oldest first; not ready while one that was closed by then is still on its way. */
async function settledOn(mollie: MollieClient, first: string, last: string): Promise<Outcome<readonly SeenSettlement[]>> {
  const found: SeenSettlement[] = [];
  let from: string | undefined;
  for (let pages = 0; pages < MAX_LIST_PAGES; pages += 1) {
    const page = await mollie.settlements.page({ limit: MOST_PER_PAGE, ...(from === undefined ? {} : { from }) });
    for (const settlement of page) {
      const settledAt = instantOf(settlement.settledAt);
      const isUnderWay = settlement.status === 'pending' || settlement.status === 'processing-at-bank';
      if (isUnderWay && amsterdamDay(instantOf(settlement.createdAt) ?? 0) <= last)
        return failed('temporary', `Settlement ${settlement.reference} is still on its way to the bank.`, { code: 'not-ready' });
      if (settlement.status === 'open' || settlement.status === 'failed' || isUnderWay || settledAt === undefined) continue;
      if (amsterdamDay(settledAt) >= first && amsterdamDay(settledAt) <= last) found.unshift(settlement as unknown as SeenSettlement); // read as what we look at
    }
    from = cursorIn(page.links);
    const oldest = instantOf(page.at(-1)?.createdAt);
    if (from === undefined || (oldest !== undefined && oldest < Date.parse(first) - LONGEST_WAY_MS)) return ok(found);
  }
  return failed('temporary', 'There are too many settlements to find these days among them.');
}

/** One page of one part of one settlement, and where the next one is. */
async function readOn(
  mollie: MollieClient,
  settlement: SeenSettlement,
  at: Position,
  after: Position | undefined,
): Promise<Outcome<SettlementPage>> {
  const next = (position: Position | undefined) => (position === undefined ? {} : { next: textOf(position) });
  if (at.part === 'closing') return ok({ lines: closingLines(settlement, at.sum), ...next(after) });
  const query = { settlementId: settlement.id, limit: MOST_PER_PAGE, ...(at.from === undefined ? {} : { from: at.from }) };
  const page = await askPart(mollie, at.part, query);
  const lines = page.items.map((item) => lineOf(settlement, at.part as Part, item));
  const sum = at.sum + sumOf(lines);
  const following = PARTS[PARTS.indexOf(at.part) + 1] ?? 'closing';
  const { id } = settlement;
  return ok({
    lines,
    ...next(page.from === undefined ? { settlement: id, part: following, sum } : { settlement: id, part: at.part, sum, from: page.from }),
  });
}

async function askPart(
  mollie: MollieClient,
  part: Part,
  query: { readonly settlementId: string; readonly limit: number; readonly from?: string },
): Promise<{ readonly items: readonly SeenItem[]; readonly from: string | undefined }> {
  const ask = {
    payments: () => mollie.settlementPayments.page(query),
    refunds: () => mollie.settlementRefunds.page(query),
    chargebacks: () => mollie.settlementChargebacks.page(query),
    captures: () => mollie.settlementCaptures.page(query),
  }[part];
  const page = await ask();
  return { items: page as unknown as readonly SeenItem[], from: cursorIn(page.links) }; // read as what we look at
}

function startOf(settlement: SeenSettlement | undefined): Position | undefined {
  return settlement && { settlement: settlement.id, part: 'payments', sum: 0n };
}

function textOf({ settlement, part, sum, from = '' }: Position): string {
  return [settlement, part, sum, from].join('|');
}

function positionIn(page: string): Position | undefined {
  const [, settlement, word, sum, from] = /^([\w.]+)\|(\w+)\|(-?\d+)\|(\w*)$/.exec(page) ?? [];
  const part = word === 'closing' ? word : PARTS.find((known) => known === word);
  if (settlement === undefined || part === undefined || sum === undefined) return undefined;
  return { settlement, part, sum: BigInt(sum), ...(from ? { from } : {}) };
}
