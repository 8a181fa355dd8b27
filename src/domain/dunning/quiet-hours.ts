/** When customers are not to be disturbed, and when a charge is best repeated. Moments are moved later, never sooner. */
import { after, atClockTime, clockShift } from '../../kernel/duration.ts';
import { isBankDay } from './bank-days.ts';

/** By the clocks of the tenant. */
export interface Quiet {
  readonly timeZone: string;
  /** Hours from which and until which nobody is disturbed: 22 and 8. */
  readonly from: number;
  readonly until: number;
}

export type Channel = 'sms' | 'email';

/** The first moment from `at` on at which a message may go out: not in quiet hours, and a text not on a Saturday or Sunday. */
export function messageMoment(at: Date, channel: Channel, quiet: Quiet): Date {
  let moment = outsideQuiet(at, quiet);
  while (channel === 'sms' && isWeekend(localDay(moment, quiet.timeZone))) moment = nextMorning(moment, quiet);
  return moment;
}

/** What is known of when money is there. */
export interface BestTime {
  /** When the last charge or payment by the mandate succeeded. */
  readonly lastSuccess?: Date | undefined;
  /** Day of the month on which customers are paid; a short month has it on its last day. */
  readonly payDay?: number | undefined;
  /** A debit is due on bank days only. */
  readonly onBankDays: boolean;
}

/** A pay-day that comes within so many days is waited for. */
const WAIT_FOR_PAY_DAYS = 4;

/**
 * When to charge again if the schedule says `at`: on the pay-day when that is near, at the clock time of the last success, outside quiet
 * hours.
 *
 * @param notBefore for a scheme that names a pause
 */
export function chargeMoment(at: Date, notBefore: Date, best: BestTime, quiet: Quiet): Date {
  const { timeZone } = quiet;
  let moment = best.payDay === undefined ? at : towardsPayDay(at, best.payDay, timeZone);
  while (best.onBankDays && !isBankDay(localDay(moment, timeZone))) moment = after(moment, { count: 1, unit: 'day' }, timeZone);
  if (best.lastSuccess) moment = sameClockTime(moment, best.lastSuccess, notBefore, timeZone);
  return outsideQuiet(moment < notBefore ? notBefore : moment, quiet);
}

/** The date that the clocks of a zone show. */
export function localDay(at: Date, timeZone: string): string {
  return new Date(at.getTime() + clockShift(at, timeZone)).toISOString().slice(0, 10);
}

function outsideQuiet(at: Date, quiet: Quiet): Date {
  const hour = new Date(at.getTime() + clockShift(at, quiet.timeZone)).getUTCHours();
  const { from, until } = quiet;
  const isQuiet = from <= until ? hour >= from && hour < until : hour >= from || hour < until;
  return isQuiet ? atClockTime(at, until, 0, quiet.timeZone) : at;
}

/** The end of the quiet hours of the next day. */
function nextMorning(at: Date, { timeZone, until }: Quiet): Date {
  return atClockTime(startOfDay(after(at, { count: 1, unit: 'day' }, timeZone), timeZone), until, 0, timeZone);
}

function sameClockTime(at: Date, success: Date, notBefore: Date, timeZone: string): Date {
  const local = new Date(success.getTime() + clockShift(success, timeZone));
  const [hour, minute] = [local.getUTCHours(), local.getUTCMinutes()];
  const thatDay = atClockTime(startOfDay(at, timeZone), hour, minute, timeZone);
  return thatDay >= notBefore ? thatDay : atClockTime(notBefore, hour, minute, timeZone);
}

function towardsPayDay(at: Date, payDay: number, timeZone: string): Date {
  for (let count = 0; count <= WAIT_FOR_PAY_DAYS; count += 1) {
    const moment = count === 0 ? at : after(at, { count, unit: 'day' }, timeZone);
    const day = localDay(moment, timeZone);
    if (Number(day.slice(8)) === Math.min(payDay, daysInMonthOf(day))) return moment;
  }
  return at;
}

function daysInMonthOf(day: string): number {
  return new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 0)).getUTCDate();
}

function isWeekend(day: string): boolean {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
  return weekday === 0 || weekday === 6;
}

function startOfDay(at: Date, timeZone: string): Date {
  const shift = clockShift(at, timeZone);
  const midnight = new Date(Math.floor((at.getTime() + shift) / 86_400_000) * 86_400_000 - shift);
  // The clocks may have changed between midnight and now: an hour either way does not leave the day.
  return localDay(midnight, timeZone) === localDay(at, timeZone) ? midnight : new Date(midnight.getTime() + 3_600_000);
}
