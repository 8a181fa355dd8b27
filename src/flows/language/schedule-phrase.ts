/**
 * Schedules in words: `every weekday at 09:00`.
 *
 * A phrase is a cron schedule of five fields, so it can only say what those can: the minutes of an hour and the hours of a day
 * must come out even, because `*` + `/45` in cron is minute 0 and minute 45 of each hour, which is not every 45 minutes.
 */

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)';
const PHRASE = new RegExp(
  `^every (?:(?<count>[1-9][0-9]?) ?(?<unit>min|h)|(?<day>day)|(?<weekday>weekday)|(?<days>${DAY}(?:,${DAY})*)` +
    `|month on (?:day (?<date>[1-9]|1[0-9]|2[0-8])|(?<last>last day)))(?: at (?<hour>[01][0-9]|2[0-3]):(?<minute>[0-5][0-9]))?$`,
);

/** What a phrase means, or what is wrong with it. `uneven` and `at` come with what would be right. */
export type SchedulePhrase =
  | { readonly cron: string }
  | { readonly problem: 'form' }
  | { readonly problem: 'uneven'; readonly unit: 'min' | 'h'; readonly even: readonly number[] }
  /** `at` beside a number of minutes. */
  | { readonly problem: 'at' };

/** Reads a phrase. Without `at`, days begin at midnight. */
export function readPhrase(text: string): SchedulePhrase {
  const parts = PHRASE.exec(text)?.groups;
  if (!parts) return { problem: 'form' };
  const { count, unit, weekday, days, date, last, hour, minute } = parts;
  if (count !== undefined) return interval(Number(count), unit === 'h' ? 'h' : 'min', hour, minute);
  const clock = `${Number(minute ?? 0)} ${Number(hour ?? 0)}`;
  if (weekday !== undefined) return { cron: `${clock} * * 1-5` };
  if (days !== undefined) return { cron: `${clock} * * ${numbered(days)}` };
  if (date !== undefined) return { cron: `${clock} ${date} * *` };
  return { cron: `${clock} ${last === undefined ? '*' : 'L'} * *` };
}

function interval(count: number, unit: 'min' | 'h', hour: string | undefined, minute: string | undefined): SchedulePhrase {
  const whole = unit === 'h' ? 24 : 60;
  const even = Array.from({ length: whole / 2 }, (_, index) => index + 1).filter((number) => whole % number === 0);
  if (!even.includes(count)) return { problem: 'uneven', unit, even };
  if (unit === 'min') return hour === undefined ? { cron: count === 1 ? '* * * * *' : `*/${count} * * * *` } : { problem: 'at' };
  const first = Number(hour ?? 0) % count;
  const hours = Array.from({ length: 24 / count }, (_, index) => first + index * count);
  return { cron: `${Number(minute ?? 0)} ${count === 1 ? '*' : hours.join(',')} * * *` };
}

/** `mon,fri` as `1,5`, each day once. */
function numbered(days: string): string {
  const numbers = days.split(',').map((day) => DAYS.findIndex((name) => name === day));
  return [...new Set(numbers)].toSorted((a, b) => a - b).join(',');
}
