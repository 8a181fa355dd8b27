/** What can happen to a payment now, by the provider's own account of it. */
import type { Account, Act, Manners } from '../desks/desk.ts';

/** What every payment is of, in minor units. */
export const TOTAL = 2_000;

export type Deed = Act | 'capture' | 'cancel' | 'refund';

/**
 * With which amount, or to which of the refunds, the deed can be done; `undefined` when it cannot.
 * @param number any; it decides how much where a part will do, and which where there are several
 */
export function fitting(deed: Deed, number: number, account: Account, manners: Manners, manual: boolean): number | undefined {
  const { stage, capturable, refundable, disputable, disputed, returnable } = account;
  const isOpen = stage === 'open';
  const which = number % Math.max(1, account.refunds.length);
  const refund = account.refunds[which]?.state;
  const fits: Readonly<Record<Deed, number | false>> = {
    approve: isOpen && TOTAL,
    'approve-slowly': isOpen && !manual && TOTAL,
    arrive: stage === 'under-way' && TOTAL,
    bounce: stage === 'under-way' && TOTAL,
    decline: isOpen && TOTAL,
    abandon: isOpen && TOTAL,
    expire: isOpen && TOTAL,
    lapse: stage === 'held' && account.captured === 0 && capturable > 0 && TOTAL,
    capture: manners.capture === 'whole' ? capturable === TOTAL && TOTAL : someOf(capturable, number),
    cancel: stage === 'held' && account.captured === 0 && capturable > 0 && TOTAL,
    refund: manners.refunds === 'whole' ? refundable > 0 && refundable : someOf(refundable, number),
    'refund-at-desk': manners.refunds === 'whole' ? refundable > 0 && refundable : someOf(refundable, number),
    'finish-refund': refund === 'pending' && which,
    'fail-refund': (refund === 'pending' || refund === 'done') && which,
    dispute: disputable > 0 && disputable,
    'win-dispute': disputed > 0 && disputed,
    'lose-dispute': disputed > 0 && disputed,
    'take-back': returnable > 0 && returnable,
  };
  const fit = fits[deed];
  return fit === false ? undefined : fit;
}

/** A part, or now and then all of it. */
function someOf(most: number, number: number): number | false {
  if (most <= 0) return false;
  return number % 3 === 0 ? most : 1 + (number % most);
}
