/**
 * Days on which banks settle in euro: the TARGET calendar of the European Central Bank. Days are texts such as `2026-11-30`.
 *
 * Closed: Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.
 */

const DAY_MS = 86_400_000;
const FIXED: ReadonlySet<string> = new Set(['01-01', '05-01', '12-25', '12-26']);

/** Tells whether TARGET is open on a day. */
export function isBankDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  const weekday = at.getUTCDay();
  if (weekday === 0 || weekday === 6 || FIXED.has(day.slice(5))) return false;
  const fromEaster = Math.round((at.getTime() - easterSunday(at.getUTCFullYear())) / DAY_MS);
  return fromEaster !== -2 && fromEaster !== 1;
}

/** The first bank day on or after a day. */
export function bankDayFrom(day: string): string {
  return isBankDay(day) ? day : bankDayFrom(addDays(day, 1));
}

/** The last bank day before a day. */
export function bankDayBefore(day: string): string {
  const before = addDays(day, -1);
  return isBankDay(before) ? before : bankDayBefore(before);
}

export function addDays(day: string, count: number): string {
  return new Date(new Date(`${day}T00:00:00Z`).getTime() + count * DAY_MS).toISOString().slice(0, 10);
}

/** Midnight UTC of Easter Sunday, by the method of Meeus, Jones and Butcher. */
function easterSunday(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const e = b % 4;
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.floor(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const n = h + l - 7 * m + 114;
  return Date.UTC(year, Math.floor(n / 31) - 1, (n % 31) + 1);
}
