/**
 * What a settlement is, and what it puts into the books.
 *
 * A settlement is what a provider says of one payout (kind `payout`), or of one of its days as long as the lines of that day are in no
 * payout (kind `day`). Its state is never set, it follows from its lines:
 *
 * | state | what is true |
 * |---|---|
 * | open | no payout is known: the line of the payout has not come, or it is a day of a running balance |
 * | paid | the payout is known, and nothing is to be held against it; or a day that was paid out by such a one |
 * | unbalanced | the lines do not add up to the payout; the difference is on the suspense account until the missing lines come |
 *
 * Only a payout that the provider itemizes can be unbalanced. Some providers name the payout on every line; others close a ledger with a
 * line of the payout, which then pays out the days since the payout before too. Those days are counted in exactly when this makes the
 * sum come out: the proof of the rule is the sum. A withdrawal from a running balance is made of nothing in particular.
 */
import { isCurrency, type Currency } from '../../kernel/currency.ts';
import { minorUnit, sizeOf, toMinor, type Fine } from '../../kernel/fine-money.ts';
import { money, type Money } from '../../kernel/money.ts';
import { accounts, signed, type LedgerLine } from '../ledger/index.ts';

export type SettlementKind = 'payout' | 'day';
export type SettlementState = 'open' | 'paid' | 'unbalanced';

/** Exact sums over the lines of one settlement. Into our balance at the provider is plus, so a payout is below zero. */
export interface LineSums {
  readonly count: number;
  /** Of every line. */
  readonly net: Fine;
  /** Of the lines of the payout itself. */
  readonly payout: Fine;
  readonly fees: Fine;
  readonly feeVat: Fine;
  /** Fees that came into the books with their payments. */
  readonly explainedFees: Fine;
  /** The VAT of fees that did not. */
  readonly bookedVat: Fine;
  /**
   * What our books cannot place: of payments, refunds and chargebacks what they do not have, all of kinds that we do not know, and
   * adjustments of more than a coin (holds, corrections, top-ups).
   */
  readonly unexplained: Fine;
  /** What came for money that was paid in another currency, and that our books have in that. */
  readonly exchanged: Fine;
  /** Of adjustments of one coin at most, or of no whole number of them: nobody pays such, so they are rounding. */
  readonly rounding: Fine;
}

/** What a settlement stands for in the books, in minor units. */
export interface Booked {
  /** To the bank; below zero when the provider took money from there. */
  readonly payout: bigint;
  /** Without VAT. */
  readonly fees: bigint;
  readonly feeVat: bigint;
  /** Money at the provider of which we do not know whose it is. */
  readonly suspense: bigint;
  /** What came for money that was paid in another currency. */
  readonly exchange: bigint;
  readonly rounding: bigint;
}

/** What was paid in other currencies and came in this settlement's, in minor units of each. */
export type Exchanged = Readonly<Partial<Record<Currency, bigint>>>;

export interface Statement {
  readonly difference: Fine;
  /** The days since the payout before are part of it. */
  readonly paysDays: boolean;
  readonly booked: Booked;
}

export const NOTHING_BOOKED: Booked = { payout: 0n, fees: 0n, feeVat: 0n, suspense: 0n, exchange: 0n, rounding: 0n };

/** @param days the sum over days without a payout since the payout before; only asked for where lines alone do not add up */
export function statementOf(sums: LineSums, mustAddUp: boolean, days: Fine, currency: Currency): Statement {
  const coin = minorUnit(currency);
  const alone = mustAddUp ? -sums.net : 0n;
  const paysDays = sizeOf(alone) >= coin && sizeOf(alone - days) < coin;
  const rest = paysDays ? alone - days : alone;
  const difference = sizeOf(rest) < coin ? 0n : rest;
  const feesToBook = sums.fees - sums.explainedFees;
  // What is left of the sum below a coin is rounding, like an adjustment of that size.
  const moved = sums.payout - feesToBook + sums.unexplained + sums.exchanged + sums.rounding + rest;
  const minor = (fine: Fine) => toMinor(fine, currency);
  const parts = {
    payout: -minor(sums.payout),
    fees: minor(feesToBook - sums.bookedVat),
    feeVat: minor(sums.bookedVat),
    suspense: minor(sums.unexplained + difference),
    exchange: minor(sums.exchanged),
  };
  const rounding = minor(moved) - (parts.suspense + parts.exchange - parts.payout - parts.fees - parts.feeVat);
  return { difference, paysDays, booked: { ...parts, rounding } };
}

/**
 * The lines of a ledger entry that brings the books from `before` to `after`; none when nothing changes. D bank clearing, fees and input
 * VAT, C suspense, exchange and rounding, and the provider's balance account for what that comes to.
 */
export function postingOf(before: Booked, after: Booked, connectionId: string, currency: Currency): readonly LedgerLine[] {
  const change = (part: keyof Booked): Money => money(after[part] - before[part], currency);
  const [payout, fees, feeVat] = [change('payout'), change('fees'), change('feeVat')];
  const [suspense, exchange, rounding] = [change('suspense'), change('exchange'), change('rounding')];
  const clearing = money(suspense.minor + exchange.minor + rounding.minor - payout.minor - fees.minor - feeVat.minor, currency);
  return [
    ...signed(accounts.bankClearing(connectionId), 'debit', payout),
    ...signed(accounts.fees, 'debit', fees),
    ...signed(accounts.inputVat, 'debit', feeVat),
    ...signed(accounts.suspense(connectionId), 'credit', suspense),
    ...signed(accounts.exchange, 'credit', exchange),
    ...signed(accounts.rounding, 'credit', rounding),
    ...signed(accounts.clearing(connectionId), 'debit', clearing),
  ];
}

/**
 * The other half of an exchange, in the currencies that were paid in: what the provider held for us there it holds no more. D exchange, C the
 * provider's balance account.
 */
export function exchangedPostingOf(before: Exchanged, after: Exchanged, connectionId: string): readonly LedgerLine[] {
  const currencies = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(isCurrency).toSorted();
  return currencies.flatMap((currency) => {
    const change = money((after[currency] ?? 0n) - (before[currency] ?? 0n), currency);
    return [...signed(accounts.exchange, 'debit', change), ...signed(accounts.clearing(connectionId), 'credit', change)];
  });
}

export function stateOf(settlement: {
  readonly kind: SettlementKind;
  readonly paidAt: Date | null;
  readonly paidBy: string | null;
  readonly difference: Fine;
}): SettlementState {
  if (settlement.difference !== 0n) return 'unbalanced';
  return settlement.paidAt !== null || settlement.paidBy !== null ? 'paid' : 'open';
}
