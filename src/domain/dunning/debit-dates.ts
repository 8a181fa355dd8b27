/**
 * The dates of a SEPA direct debit that is due on D: announced at D−14 days, or later by what was agreed with the customer; handed in
 * on the bank day before D at the latest (Core and B2B, first and recurring alike since 2016).
 */
import { addDays, bankDayBefore, bankDayFrom, isBankDay } from './bank-days.ts';

export interface DebitDates {
  /** D, a bank day. */
  readonly dueOn: string;
  /** The last day on which it can be handed in. */
  readonly submitOn: string;
}

/**
 * The dates of a debit that is announced `today`: on the wished day, or the first that the notice allows. Both are moved to a bank day.
 *
 * @returns `undefined` when the wished day is too soon
 */
export function debitDates(today: string, noticeDays: number, wished?: string): DebitDates | undefined {
  const earliest = addDays(today, noticeDays);
  if (wished !== undefined && wished < earliest) return undefined;
  const dueOn = bankDayFrom(wished ?? earliest);
  const dates = { dueOn, submitOn: bankDayBefore(dueOn) };
  // With a notice of a day or none, the day to hand it in may have passed.
  if (dates.submitOn >= today) return dates;
  return wished === undefined ? debitDates(today, noticeDays + 1) : undefined;
}

/** Tells whether a debit can still be handed in `today` for a day. */
export function canBeDueOn(dueOn: string, today: string): boolean {
  return isBankDay(dueOn) && bankDayBefore(dueOn) >= today;
}
