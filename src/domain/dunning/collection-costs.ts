/**
 * What a Dutch creditor may ask a debtor for collecting: Wet incassokosten (WIK), Besluit vergoeding voor buitengerechtelijke
 * incassokosten of 1 July 2012.
 *
 * 15 % of the first € 2,500, 10 % of the next 2,500, 5 % of the next 5,000, 1 % of the next 190,000, 0.5 % above; at least € 40, at most
 * € 6,775. A consumer owes them only after one free reminder that gives fourteen full days from the day after it was delivered and names
 * the exact costs: a wrong text voids them. Between businesses € 40 are owed without a notice.
 */

/** Euro cents: up to which principal, and per ten thousand how much of it. */
const STEPS: readonly (readonly [upTo: bigint | undefined, perTenThousand: bigint])[] = [
  [250_000n, 1_500n],
  [500_000n, 1_000n],
  [1_000_000n, 500n],
  [20_000_000n, 100n],
  [undefined, 50n],
];
const LEAST = 4_000n;
const MOST = 677_500n;

/** The costs for a principal, both in euro cents; rounded half away from zero once, at the end. */
export function collectionCosts(principal: bigint): bigint {
  if (principal <= 0n) return 0n;
  let from = 0n;
  let tenThousandths = 0n;
  for (const [upTo, rate] of STEPS) {
    const to = upTo === undefined || principal < upTo ? principal : upTo;
    if (to > from) tenThousandths += (to - from) * rate;
    from = to;
  }
  const costs = (tenThousandths + 5_000n) / 10_000n;
  return costs < LEAST ? LEAST : costs > MOST ? MOST : costs;
}
