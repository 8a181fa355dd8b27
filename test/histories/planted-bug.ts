/** Bugs that can be put between the facts and the books, to see that histories find them. */
import type { KnownPayment } from '../../src/domain/payments/payment-change.ts';
import type { Facts } from '../../src/domain/payments/payment.ts';

export const PLANTED_BUGS = {
  'refunds-twice': 'a refund is taken off the payment twice',
  'reversal-ignored': 'a chargeback that was won back stays lost',
  'stale-wins': 'an older answer overrides a newer one',
  'dashboard-ignored': 'a refund that was made at the provider is not recorded',
  'chargeback-forgotten': 'a chargeback that a settlement has told is undone by the next fetch',
  'return-ignored': 'money that a bank takes back without a dispute is not missed',
  'declined-is-taken': 'a capture that the bank declines counts as taken',
  'lapse-ignored': 'a hold that has run out counts as held',
  'failure-ignored': 'a refund that fails after it was done stays done',
  'part-is-whole': 'a part that is taken of a hold counts as all of it',
  'fee-ignored': 'the fee that a provider keeps is not booked',
  'invoice-overfilled': 'an invoice that another payment has paid takes money again',
  'new-key': 'a call without an answer is sent again under a new key',
} as const;

export type PlantedBug = keyof typeof PLANTED_BUGS;

/** What a planted bug makes of the facts on their way into the books. */
export function bent(facts: Facts, known: KnownPayment, bug: PlantedBug | undefined): Facts {
  const { refunded, captured, chargedBack, disputes, ended } = facts;
  const isNewlyGone = chargedBack > known.chargedBack && !disputes?.some(({ state }) => state === 'opened');
  const isHeld = known.state === 'authorized';
  const { authorized } = known;
  if (bug === 'refunds-twice') return { ...facts, refunded: least(2n * refunded, captured) };
  if (bug === 'reversal-ignored' && chargedBack < known.chargedBack) return { ...facts, chargedBack: known.chargedBack };
  if (bug === 'failure-ignored' && refunded < known.refunded) return { ...facts, refunded: known.refunded };
  if (bug === 'return-ignored' && isNewlyGone) return { ...facts, chargedBack: known.chargedBack };
  if (bug === 'declined-is-taken' && (isHeld || known.captured > 0n) && ended === 'failed')
    return { ...facts, authorized, captured: authorized };
  if (bug === 'part-is-whole' && captured > 0n && captured < facts.authorized) return { ...facts, captured: facts.authorized };
  if (bug === 'fee-ignored') return { ...facts, fee: undefined };
  if (bug === 'lapse-ignored' && isHeld && ended === 'expired') return { ...facts, ended: undefined, authorized, voided: 0n };
  return facts;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
