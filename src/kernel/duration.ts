/**
 * Durations of the flow language: `30s`, `5min`, `12h`, `3d`, `2w`, `2 working-days`.
 *
 * Hours, minutes and seconds are exact. Days and weeks keep the clock time in a time zone: three days after 10:00 is
 * 10:00, also when the clocks change in between. Working days are Monday to Friday.
 */
import { defineErrors } from './errors.ts';

export type DurationUnit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'working-day';

/** A parsed duration; `count` is a whole number above zero. */
export interface Duration {
  readonly count: number;
  readonly unit: DurationUnit;
}

export const durationErrors = defineErrors('duration', {
  format: { status: 422, title: 'This is not a duration', remedy: 'fix', help: 'Write 30s, 5min, 12h, 3d, 2w or 2 working-days.' },
  range: { status: 422, title: 'The duration is longer than ten years', remedy: 'fix' },
});

/** Every spelling of a unit, for suggestions. */
export const DURATION_UNITS: Readonly<Record<string, DurationUnit>> = {
  s: 'second',
  sec: 'second',
  min: 'minute',
  h: 'hour',
  hour: 'hour',
  hours: 'hour',
  d: 'day',
  day: 'day',
  days: 'day',
  w: 'week',
  week: 'week',
  weeks: 'week',
  'working-day': 'working-day',
  'working-days': 'working-day',
};

const EXACT_MS: Partial<Record<DurationUnit, number>> = { second: 1_000, minute: 60_000, hour: 3_600_000 };
const DAYS: Partial<Record<DurationUnit, number>> = { day: 1, week: 7, 'working-day': 1 };
const TEN_YEARS_MS = 3_653 * 86_400_000;
const TEXT = /^([1-9][0-9]{0,8}) ?([a-z-]+)$/;

/** @throws duration.format, duration.range */
export function parseDuration(text: string): Duration {
  const match = TEXT.exec(text);
  const unit = match && Object.hasOwn(DURATION_UNITS, match[2] ?? '') ? DURATION_UNITS[match[2] ?? ''] : undefined;
  if (!match || !unit) throw durationErrors.format({ found: text.slice(0, 40) });
  const duration = { count: Number(match[1]), unit };
  if (approximateMs(duration) > TEN_YEARS_MS) throw durationErrors.range({ found: text });
  return duration;
}

/** The exact length of a duration in seconds, minutes or hours; `undefined` when it needs a calendar. */
export function exactMs({ count, unit }: Duration): number | undefined {
  const factor = EXACT_MS[unit];
  return factor === undefined ? undefined : count * factor;
}

/** The length with a day of 24 hours: for limits and comparisons, never for a due time. */
export function approximateMs({ count, unit }: Duration): number {
  return count * (EXACT_MS[unit] ?? (DAYS[unit] ?? 1) * 86_400_000);
}

/**
 * The moment one duration after `from`, by the calendar of `timeZone` where the unit needs one.
 * A clock time that does not exist on that day (spring forward) becomes the next that does; one that exists twice, the first.
 *
 * @param timeZone IANA name, for example `Europe/Amsterdam`
 */
export function after(from: Date, duration: Duration, timeZone: string): Date {
  const exact = exactMs(duration);
  if (exact !== undefined) return new Date(from.getTime() + exact);
  const local = localParts(from, timeZone);
  let left = duration.count * (duration.unit === 'week' ? 7 : 1);
  let day = Date.UTC(local.year, local.month - 1, local.day);
  while (left > 0) {
    day += 86_400_000;
    if (duration.unit !== 'working-day' || isWorkingDay(new Date(day))) left -= 1;
  }
  return instantOf(new Date(day), local, timeZone);
}

/** The next moment at or after `from` whose clock time in `timeZone` is `hour:minute`. */
export function atClockTime(from: Date, hour: number, minute: number, timeZone: string): Date {
  const local = localParts(from, timeZone);
  const clock = { ...local, hour, minute, second: 0, ms: 0 };
  const today = instantOf(new Date(Date.UTC(local.year, local.month - 1, local.day)), clock, timeZone);
  if (today >= from) return today;
  return instantOf(new Date(Date.UTC(local.year, local.month - 1, local.day + 1)), clock, timeZone);
}

/** The moment at which the clocks of `timeZone` show this. Times that do not exist, or exist twice, as {@link after} has them. */
export function clockMoment(
  { year, month, day, hour, minute }: Readonly<Record<'year' | 'month' | 'day' | 'hour' | 'minute', number>>,
  timeZone: string,
): Date {
  return instantOf(new Date(Date.UTC(year, month - 1, day)), { hour, minute, second: 0, ms: 0 }, timeZone);
}

/** Tells whether `name` is an IANA time zone that this platform knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)*$/.test(name);
  } catch {
    return false;
  }
}

interface LocalParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function localParts(at: Date, timeZone: string): LocalParts {
  let format = formatters.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(timeZone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return {
    year: part['year'] ?? 0,
    month: part['month'] ?? 0,
    day: part['day'] ?? 0,
    hour: part['hour'] ?? 0,
    minute: part['minute'] ?? 0,
    second: part['second'] ?? 0,
    ms: at.getUTCMilliseconds(),
  };
}

function instantOf(utcDay: Date, clock: Pick<LocalParts, 'hour' | 'minute' | 'second' | 'ms'>, timeZone: string): Date {
  const wanted = utcDay.getTime() + ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000 + clock.ms;
  // The offset of a zone is found by asking for the local time of a guess. The offsets a day before and after bracket
  // any change; the larger one gives the earlier instant, which is the first of two equal clock times in autumn.
  const offsets = [wanted - 86_400_000, wanted + 86_400_000].map((guess) => clockShift(new Date(guess), timeZone));
  const candidates = offsets
    .map((offset) => wanted - offset)
    .filter((instant) => clockShift(new Date(instant), timeZone) === wanted - instant);
  if (candidates.length > 0) return new Date(Math.min(...candidates));
  // In the gap of spring no instant has this clock time: the next that exists is the change itself, on a whole minute.
  const [wide, narrow] = [Math.max(...offsets), Math.min(...offsets)];
  let instant = Math.ceil((wanted - wide) / 60_000) * 60_000;
  while (instant < wanted - narrow && clockShift(new Date(instant), timeZone) !== wide) instant += 60_000;
  return new Date(instant);
}

/** How far the clocks of `timeZone` are ahead of UTC at a moment, in milliseconds. */
export function clockShift(at: Date, timeZone: string): number {
  const local = localParts(at, timeZone);
  return Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second, local.ms) - at.getTime();
}

function isWorkingDay(day: Date): boolean {
  return day.getUTCDay() !== 0 && day.getUTCDay() !== 6;
}
