/** Moments as tests write them: `2026-03-28 10:00` by the clock of the flow's zone, `2026-03-28T09:00:00Z`, or `14:00`, which is the next. */
import { atClockTime, clockMoment } from '../../kernel/duration.ts';

export const MOMENT_HELP = 'write for example  2026-03-28 10:00  or  2026-03-28T09:00:00Z';

const CLOCK_TIME = /^([01]?[0-9]|2[0-3]):([0-5][0-9])$/;
const LOCAL = /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([01][0-9]|2[0-3]):([0-5][0-9]))?$/;
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$/;

/** How to find the moment that `text` means; `undefined` when it means none. */
export function parseMoment(text: string, timeZone: string): ((before: Date) => Date) | undefined {
  const clock = CLOCK_TIME.exec(text);
  if (clock) return (before) => atClockTime(before, Number(clock[1]), Number(clock[2]), timeZone);
  if (INSTANT.test(text) && !Number.isNaN(Date.parse(text))) return () => new Date(text);
  const [whole, ...parts] = LOCAL.exec(text) ?? [];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts.map((part) => Number(part ?? 0));
  if (whole === undefined || Number.isNaN(Date.parse(whole.slice(0, 10)))) return undefined;
  const moment = clockMoment({ year, month, day, hour, minute }, timeZone);
  return () => moment;
}

/** When a test begins that does not say: Monday 23 November 2026 at 10:00, so that three days and two working days end in the same week. */
export function usualStart(timeZone: string): Date {
  return clockMoment({ year: 2026, month: 11, day: 23, hour: 10, minute: 0 }, timeZone);
}

/** `Mon 23 Nov 10:00:00` by the clock of the zone. */
export function clockText(moment: Date, timeZone: string): string {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  return format.format(moment).replace(',', '');
}

/** A length of time: `3d 2h`, `90s`, with days of 24 hours. */
export function spanText(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
    ['ms', 1],
  ] as const;
  let left = Math.max(0, Math.round(ms));
  const parts = units.flatMap(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? [`${count}${unit}`] : [];
  });
  return parts.length === 0 ? '0s' : parts.slice(0, 3).join(' ');
}

const formats = new Map<string, Intl.DateTimeFormat>();
