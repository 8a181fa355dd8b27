import { type ConformanceTest, NEEDS, testsIn } from '../conformance-test.ts';
import { lever, must } from '../finding.ts';
import type { SettlementLine, SettlementPage } from '../../payments.ts';
import type { Outcome } from '../../outcome.ts';
import { valueOf, type World } from '../world.ts';

const LOOK = 'payments.settlements';
/** Costs have up to four decimals. */
const SCALE = 4;
const MOST_PAGES = 200;

const test = testsIn('settlement', { needs: NEEDS.settlements, live: true });

type Days = { readonly from: string; readonly to: string };

export const settlementTests: readonly ConformanceTest[] = [
  test('S1', 'gives lines that add up, each and in their payout', async (world) => {
    const lines = await allLines(world, await lever(world.provider.settlements, 'settlements').settle());
    for (const line of lines) {
      const [gross, fee, net] = [line.gross, line.fee, line.net].map(scaled);
      must(gross !== undefined && fee !== undefined && net !== undefined, 'decimal texts with at most four decimals', line, LOOK);
      must(gross - fee === net, 'gross − fee = net', line, LOOK);
      must(/^[A-Z]{3}$/.test(line.currency), 'a currency', line, LOOK);
      const { exchanged } = line;
      const paid = exchanged && scaled(exchanged.gross);
      const isSame = !exchanged || (exchanged.currency !== line.currency && paid !== undefined && paid > 0n === gross > 0n);
      must(isSame, 'what was paid in another currency, with the sign of what came', line, LOOK);
    }
    const paidOut = lines.filter(({ kind }) => kind === 'payout');
    // A ledger in which a payout comes at the end may not name it on the lines before.
    const only = paidOut.length === 1 ? paidOut[0] : undefined;
    const payoutOf = ({ payout }: SettlementLine): string | undefined => payout ?? only?.payout ?? only?.providerId;
    const payouts = Map.groupBy(
      lines.filter((line) => payoutOf(line) !== undefined),
      (line) => `${payoutOf(line) ?? ''} ${line.currency}`,
    );
    for (const [payout, held] of payouts) {
      const paid = sum(held.filter(({ kind }) => kind === 'payout'));
      const booked = sum(held.filter(({ kind }) => kind !== 'payout'));
      if (!held.some(({ kind }) => kind === 'payout')) continue;
      must(
        paid === booked || paid === -booked,
        `lines of payout ${payout} that come to what was paid out`,
        { booked: String(booked), paid: String(paid) },
        LOOK,
      );
    }
  }),

  test('S2', 'reads page after page without losing or doubling a line', async (world) => {
    const day = await lever(world.provider.settlements, 'settlements').settle();
    const first = valueOf(await ask(world, day), LOOK);
    if (first.next === undefined && first.lines.length < day.lines)
      must(false, 'another page: not all lines were on this one', first, LOOK);
    const lines = await allLines(world, day);
    const ids = lines.map(({ providerId, kind }) => `${kind} ${providerId}`);
    must(
      new Set(ids).size === ids.length,
      'each line once',
      ids.find((id, index) => ids.indexOf(id) !== index),
      LOOK,
    );
    must(lines.length === day.lines, `${day.lines} lines`, lines.length, LOOK);
  }),

  test('S3', 'gives an empty day no lines', async (world) => {
    const lines = await allLines(world, lever(world.provider.settlements, 'settlements').emptyDay);
    must(lines.length === 0, 'no lines', lines, LOOK);
  }),

  test('S4', 'says “later” while the report is not ready', async (world) => {
    const notReady = lever(lever(world.provider.settlements, 'settlements').notReady, 'settlements.notReady');
    const outcome = await ask(world, await notReady());
    must(outcome.kind === 'failed' && outcome.reason === 'temporary', 'failed/temporary', outcome, LOOK);
  }),
];

function ask(world: World, { from, to }: Days, page?: string): Promise<Outcome<SettlementPage>> {
  return world.call(LOOK, {}, (context) =>
    world.plugin.payments?.settlements?.(context, { from, to, ...(page === undefined ? {} : { page }) }),
  );
}

async function allLines(world: World, days: Days): Promise<readonly SettlementLine[]> {
  const lines: SettlementLine[] = [];
  const seen = new Set<string>();
  let page: string | undefined;
  do {
    const answer: SettlementPage = valueOf(await ask(world, days, page), LOOK);
    lines.push(...answer.lines);
    page = answer.next;
    must(page === undefined || (!seen.has(page) && seen.size < MOST_PAGES), 'pages that come to an end', page, LOOK);
    if (page !== undefined) seen.add(page);
  } while (page !== undefined);
  return lines;
}

/** A decimal text in ten-thousandths, exactly. */
function scaled(text: string): bigint | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(text);
  if (!parts) return undefined;
  const [, sign = '', whole = '', decimals = ''] = parts;
  return BigInt(`${sign}${whole}${decimals.padEnd(SCALE, '0')}`);
}

function sum(lines: readonly SettlementLine[]): bigint {
  return lines.reduce((total, { net }) => total + (scaled(net) ?? 0n), 0n);
}
