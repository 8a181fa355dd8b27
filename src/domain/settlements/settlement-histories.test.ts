/** Random settlements, told in pieces, in other places and twice, against a model of a few lines. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ok, type SettlementLine } from '@kassaflow/plugin-sdk';
import { fineText, readFine } from '../../kernel/fine-money.ts';
import { parseMoney } from '../../kernel/money.ts';
import { newUuid, uuidOf } from '../../kernel/ids.ts';
import { aLine, settledWorld } from '../../../test/support/settled.ts';
import { addConnection, domainWorld, type DomainWorld } from '../../../test/support/domain.ts';

const DAYS = ['2026-11-15', '2026-11-16', '2026-11-17', '2026-11-18'];
const CURRENCIES = ['EUR', 'NOK'] as const;

let world: DomainWorld;
let settled: ReturnType<typeof settledWorld>;
beforeAll(async () => {
  world = await domainWorld();
  world.clock.advance(86_400_000);
  settled = settledWorld(world);
});
afterAll(() => world.db.close());

const cents = (most: number) => fc.integer({ min: 1, max: most });
const place = { day: fc.constantFrom(...DAYS), group: fc.integer({ min: -1, max: 1 }) };
const sale = fc.record({
  ...place,
  currency: fc.constantFrom(...CURRENCIES),
  amount: cents(9_999),
  refund: fc.boolean(),
  feeTold: fc.boolean(),
  /** The provider settles it in the other currency, at a rate of its own. */
  exchangedAt: fc.option(fc.integer({ min: 1, max: 2_000 })),
  fee: fc.integer({ min: 0, max: 99 }),
});
const other = fc.record({
  ...place,
  currency: fc.constantFrom(...CURRENCIES),
  kind: fc.constantFrom('fee', 'unknown', 'adjustment', 'payment', 'chargeback'),
  // Ten-thousandths: only costs are finer than a cent.
  amount: fc.integer({ min: -99_999, max: 99_999 }),
});
/** How lines are told before they are told right: not at all, without their payout, on another day, with another amount. */
const distortion = fc.constantFrom('right', 'missing', 'nameless', 'other day', 'other amount');

const history = fc.record({
  sales: fc.array(sale, { minLength: 1, maxLength: 4 }),
  others: fc.array(other, { maxLength: 5 }),
  tellings: fc.array(fc.array(distortion, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
});

test('the books come out as the provider’s own balance, however the lines were told before', async () => {
  await fc.assert(fc.asyncProperty(history, holds), { numRuns: 25 });
}, 240_000);

async function holds({ sales, others, tellings }: typeof history extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const name = `c-${newUuid()}`.slice(0, 40);
  const connectionId = await addConnection(world.db, name, 'acme');
  const lines: SettlementLine[] = [];
  for (const one of sales) lines.push(...(await sell(name, one)));
  for (const one of others) lines.push(otherLine(one));
  const all = [...lines, ...closing(lines)];
  for (const distortions of tellings) {
    tells(all.flatMap((line, index) => distorted(line, distortions[index % distortions.length] ?? 'right')));
    await importAll(name);
    expect(await world.imbalance()).toEqual([]);
  }
  tells(all);
  await importAll(name);
  const books = await booksOf(connectionId);
  expect(books).toEqual(modelOf(all));
  const [entries, events] = [await settled.entries(), await settled.events()];
  await importAll(name);
  expect([await settled.entries(), await settled.events(), await booksOf(connectionId)]).toEqual([entries, events, books]);
  const { rows } = await world.db.ownerPool.query('select provider_id from settlement_line where connection_id = $1', [connectionId]);
  expect(rows).toHaveLength(all.length);
  expect(new Set(rows.map(({ provider_id: id }) => id))).toEqual(new Set(all.map(({ providerId }) => providerId)));
  const wrong = (await settled.settlements.list(world.db.tenantId, { limit: 200, connection: name, state: 'unbalanced' })).length;
  expect(wrong).toBe(0);
}

/** A payment that our books have by its facts, and its lines. */
async function sell(connection: string, { day, group, currency, amount, refund, feeTold, exchangedAt, fee }: SaleOf) {
  const wanted = world.wish({ connection, amount: parseMoney({ amount: fineText(BigInt(amount) * 10_000n), currency }) });
  const { payment } = await world.payments.create(world.db.tenantId, wanted);
  const back = refund ? Math.ceil(amount / 2) : 0;
  world.provider.report(payment.providerId, {
    captured: amount,
    authorized: amount,
    refunded: back,
    ...(feeTold && exchangedAt === null && { fee }),
  });
  await world.payments.refresh(world.db.tenantId, uuidOf('pay', payment.id));
  const came = exchangedAt === null ? currency : currency === 'EUR' ? 'NOK' : 'EUR';
  const shared = { payment: payment.providerId, currency: came, ...placeOf(day, group, came) };
  const moved = (minor: number): Pick<SettlementLine, 'gross' | 'exchanged'> => {
    if (exchangedAt === null) return { gross: text(minor) };
    const there = Math.sign(minor) * Math.max(1, Math.round((Math.abs(minor) * exchangedAt) / 1_000));
    return { gross: text(there), exchanged: { gross: text(minor), currency } };
  };
  const paid = aLine({ providerId: newUuid(), kind: 'payment', ...moved(amount), fee: text(fee), ...shared });
  return back === 0 ? [paid] : [paid, aLine({ providerId: newUuid(), kind: 'refund', ...moved(-back), ...shared })];
}

function otherLine({ day, group, currency, kind, amount }: OtherOf): SettlementLine {
  const whole = Math.trunc(amount / 100) * 100;
  const placed = { providerId: newUuid(), currency, ...placeOf(day, group, currency) };
  if (kind === 'fee') return aLine({ ...placed, kind, fee: fineText(BigInt(group < 0 ? whole : amount) * 100n) });
  return aLine({ ...placed, kind, gross: fineText(BigInt(whole) * 100n) });
}

/** The payout of each group, and what rounding left of it; groups that come to nothing have one too. */
function closing(lines: readonly SettlementLine[]): SettlementLine[] {
  const groups = Map.groupBy(
    lines.filter(({ payout }) => payout !== undefined),
    ({ payout }) => payout,
  );
  return [...groups].flatMap(([payout = '', held]) => {
    const sum = held.reduce((total, { net }) => total + readFine(net), 0n);
    const paidOut = (sum / 10_000n) * 10_000n;
    const { currency = 'EUR' } = held[0] ?? {};
    const placed = { payout, currency, bookedOn: DAYS.at(-1) ?? '' };
    const rest = paidOut - sum;
    return [
      ...(rest === 0n ? [] : [aLine({ providerId: `${payout}:rest`, kind: 'adjustment', gross: fineText(rest), ...placed })]),
      aLine({ providerId: payout, kind: 'payout', gross: fineText(-paidOut), ...placed }),
    ];
  });
}

function distorted(line: SettlementLine, how: string): SettlementLine[] {
  const { payout: _, ...nameless } = line;
  if (how === 'missing') return [];
  // A withdrawal from a running balance is another thing than the payout of a settlement.
  if (how === 'nameless' && line.kind !== 'payout') return [nameless];
  if (how === 'other day') return [{ ...line, bookedOn: DAYS[0] ?? '' }];
  if (how === 'other amount') return [{ ...line, gross: '1.00', fee: '0.00', net: '1.00' }];
  return [line];
}

/** The provider's balance after all lines, what went to the bank, and what nobody can place, in minor units by currency. */
function modelOf(lines: readonly SettlementLine[]): Record<string, number> {
  const books: Record<string, number> = {};
  const add = (account: string, currency: string, fine: bigint) => {
    books[`${account} ${currency}`] = (books[`${account} ${currency}`] ?? 0) + Number(fine) / 10_000;
  };
  for (const { kind, currency, gross, net, payment } of lines) {
    add('clearing', currency, readFine(net));
    if (kind === 'payout') add('bank', currency, -readFine(net));
    const adjusts = kind === 'adjustment' && readFine(gross) % 10_000n === 0n && Math.abs(Number(gross)) > 0.01;
    if (kind === 'unknown' || adjusts || ((kind === 'payment' || kind === 'chargeback') && payment === undefined))
      add('suspense', currency, readFine(gross));
  }
  return Object.fromEntries(
    Object.entries(books).flatMap(([key, sum]) => (Math.abs(sum) < 1e-6 ? [] : [[key, Math.round(sum * 1e6) / 1e6]])),
  );
}

async function booksOf(connectionId: string): Promise<Record<string, number>> {
  const { rows } = await world.db.ownerPool.query<{ code: string; currency: string; balance: string }>(
    `select split_part(a.code, ':', 2) as code, a.currency, sum(case l.side when a.normal then l.minor else -l.minor end)::text as balance
     from ledger_account a join ledger_line l on l.account_id = a.id where a.code like '%:' || $1 group by 1, 2 having sum(case l.side when a.normal then l.minor else -l.minor end) <> 0`,
    [connectionId],
  );
  return Object.fromEntries(
    rows.map(({ code, currency, balance }) => [`${code === 'bank-clearing' ? 'bank' : code} ${currency}`, Number(balance)]),
  );
}

function tells(lines: readonly SettlementLine[]): void {
  world.provider.settled = () => ok({ lines });
}

async function importAll(connection: string): Promise<void> {
  const wish = { connection, from: DAYS[0] ?? '', to: DAYS.at(-1) ?? '', requestKey: newUuid(), actor: 'test' };
  const { id } = await settled.settlements.requestImport(world.db.tenantId, wish);
  await settled.importer.importDue();
  expect(await settled.settlements.getImport(world.db.tenantId, id)).toMatchObject({ state: 'done' });
}

function placeOf(day: string, group: number, currency: string): Pick<SettlementLine, 'bookedOn' | 'payout'> {
  return { bookedOn: day, ...(group < 0 ? {} : { payout: `${currency}-${group}` }) };
}

function text(minor: number): string {
  return fineText(BigInt(minor) * 10_000n);
}

type SaleOf = typeof sale extends fc.Arbitrary<infer T> ? T : never;
type OtherOf = typeof other extends fc.Arbitrary<infer T> ? T : never;
