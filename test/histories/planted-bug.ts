/** Bugs that can be put between the facts and the books, to see that histories find them. */
import type { Facts } from '../../src/domain/payments/payment.ts';

export const PLANTED_BUGS = {
  'refunds-twice': 'a refund is taken off the payment twice',
  'reversal-ignored': 'a chargeback that was won back stays lost',
  'stale-wins': 'an older answer overrides a newer one',
  'dashboard-ignored': 'a refund that was made at the provider is not recorded',
  'new-key': 'a call without an answer is sent again under a new key',
} as const;

export type PlantedBug = keyof typeof PLANTED_BUGS;

/** What a planted bug makes of the facts on their way into the books. */
export function bent(facts: Facts, known: { readonly chargedBack: bigint }, bug: PlantedBug | undefined): Facts {
  if (bug === 'refunds-twice') return { ...facts, refunded: least(2n * facts.refunded, facts.captured) };
  if (bug === 'reversal-ignored' && facts.chargedBack < known.chargedBack) return { ...facts, chargedBack: known.chargedBack };
  return facts;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
