/**
 * When a charge that failed is repeated.
 *
 * Something transient is tried again after one hour and after six; what then still fails, and every soft no, follows the schedule, whose
 * days count from the first failure of this invoice under this mandate. A schedule that is used up, a no that is final, and one that only
 * the customer can change have no repeat.
 */
import type { DeclineAdvice } from './decline-advice.ts';
import { chargeMoment, type BestTime, type Quiet } from './quiet-hours.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A bank tells of a return days later, and money has to come in between: between two debits lie at least so many days. */
const DEBIT_PAUSE_MS = 5 * DAY_MS;
/** Between two attempts by the schedule on a card. A day of the schedule that is nearer, or past, is left out. */
const CARD_PAUSE_MS = 12 * HOUR_MS;

/** The failures of the same invoice under the same mandate that came before. */
export interface Earlier {
  /** When the first of them became known. */
  readonly firstAt: Date | undefined;
  /** How many were answered by a repeat within hours. */
  readonly quick: number;
  /** How many by a day of the schedule. */
  readonly scheduled: number;
}

export interface Repeat {
  readonly at: Date;
  /** True for one within hours, before the schedule begins. */
  readonly quick: boolean;
}

/** The next repeat after a failure that became known at `failedAt`; `undefined` where there is none. */
export function nextRepeat(advice: DeclineAdvice, failedAt: Date, earlier: Earlier, best: BestTime, quiet: Quiet): Repeat | undefined {
  const notBefore = new Date(failedAt.getTime() + advice.waitHours * HOUR_MS);
  const hours = advice.retryAfterHours[earlier.quick];
  if (hours !== undefined) {
    const at = new Date(Math.max(failedAt.getTime() + hours * HOUR_MS, notBefore.getTime()));
    return { at: chargeMoment(at, at, { onBankDays: best.onBankDays }, quiet), quick: true };
  }
  const soonest = new Date(Math.max(notBefore.getTime(), failedAt.getTime() + (best.onBankDays ? DEBIT_PAUSE_MS : CARD_PAUSE_MS)));
  const first = earlier.firstAt ?? failedAt;
  const days = advice.retryOnDays.slice(earlier.scheduled).map((day) => new Date(first.getTime() + day * DAY_MS));
  // The news of a returned debit may come after the day on which it would be repeated: then it is repeated later, not left out.
  const at = best.onBankDays ? days[0] : days.find((day) => day >= soonest);
  return at && { at: chargeMoment(at < soonest ? soonest : at, soonest, best, quiet), quick: false };
}
