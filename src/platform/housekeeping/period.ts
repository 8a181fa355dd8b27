/** Weeks and months of UTC as the ranges of partitions, and the ids that belong to a moment. */

export type PeriodLength = 'week' | 'month';

/** A week that begins on Monday, or a month; both in UTC. */
export interface Period {
  /** `2026w47` (ISO 8601) or `2026m11`. */
  readonly name: string;
  readonly from: Date;
  /** Not including this moment. */
  readonly to: Date;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05, the first Monday of the count. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** The period that `moment` is in. */
export function periodOf(moment: Date, length: PeriodLength): Period {
  return length === 'week' ? weekOf(moment) : monthOf(moment);
}

/** The period of `moment` and the `ahead` that follow it. */
export function periodsFrom(moment: Date, length: PeriodLength, ahead: number): readonly Period[] {
  const periods = [periodOf(moment, length)];
  for (let last = periods[0]; last && periods.length <= ahead; last = periods.at(-1)) periods.push(periodOf(last.to, length));
  return periods;
}

/** The lowest UUIDv7 of `moment`: 48 bits of milliseconds, then zeros. `uuid_floor` in SQL. */
export function lowestUuid(moment: Date): string {
  const time = Math.max(0, moment.getTime()).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** The moment in a UUIDv7. */
export function momentOf(uuid: string): Date {
  return new Date(Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16));
}

function weekOf(moment: Date): Period {
  const from = FIRST_MONDAY_MS + Math.floor((moment.getTime() - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS;
  // A week belongs to the year that its Thursday is in.
  const year = new Date(from + 3 * DAY_MS).getUTCFullYear();
  const number = Math.floor((from + 3 * DAY_MS - Date.UTC(year, 0, 1)) / WEEK_MS) + 1;
  return { name: `${year}w${String(number).padStart(2, '0')}`, from: new Date(from), to: new Date(from + WEEK_MS) };
}

function monthOf(moment: Date): Period {
  const [year, month] = [moment.getUTCFullYear(), moment.getUTCMonth()];
  return {
    name: `${year}m${String(month + 1).padStart(2, '0')}`,
    from: new Date(Date.UTC(year, month, 1)),
    to: new Date(Date.UTC(year, month + 1, 1)),
  };
}
