/**
 * The time over which a cap counts: an hour, a day or a month of the calendar, or a period that slides.
 *
 * Use is kept in parts, by the moment at which each part begins. A calendar window is one part. A period that slides is counted in
 * parts of a thirtieth of it, and the oldest part counts until the whole of it is out of the period: so a cap is never exceeded in any
 * stretch of that length, and a use frees at most a thirtieth later than it might.
 */
import { clockMoment } from '../kernel/duration.ts';

/** `days` slide; the others begin with the calendar's, in the tenant's zone. */
export type Period = 'hour' | 'day' | 'month' | { readonly days: number };

/** All in milliseconds since 1970. */
export interface Window {
  /** Parts that begin here or later count. */
  readonly from: number;
  /** The part that a use belongs to now. */
  readonly bucket: number;
  /** Nothing of this part counts any more from then on. */
  readonly expires: number;
  /** When what was used in the part that begins at `bucket` frees. */
  freesAt(bucket: number): number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PARTS = 30;

/** The window that `now` lies in. */
export function windowAt(period: Period, now: number, timeZone: string): Window {
  if (typeof period === 'object') return sliding(period.days * DAY_MS, now);
  const [from, next] = period === 'hour' ? hourOf(now) : calendar(period, now, timeZone);
  return { from, bucket: from, expires: next, freesAt: () => next };
}

function sliding(length: number, now: number): Window {
  const width = length / PARTS;
  const begin = (at: number): number => Math.floor(at / width) * width;
  return {
    from: begin(now - length),
    bucket: begin(now),
    expires: begin(now) + width + length,
    freesAt: (bucket) => bucket + width + length,
  };
}

function hourOf(now: number): readonly [number, number] {
  const from = Math.floor(now / HOUR_MS) * HOUR_MS;
  return [from, from + HOUR_MS];
}

const known = new Map<string, readonly [number, number]>();
const formats = new Map<string, Intl.DateTimeFormat>();

/** Days and months are asked for with every message: the one that was found last nearly always holds. */
function calendar(period: 'day' | 'month', now: number, timeZone: string): readonly [number, number] {
  const key = `${period} ${timeZone}`;
  const last = known.get(key);
  if (last && last[0] <= now && now < last[1]) return last;
  const { year, month, day } = dateIn(timeZone, now);
  const first = period === 'day' ? day : 1;
  const next = period === 'day' ? new Date(Date.UTC(year, month - 1, day + 1)) : new Date(Date.UTC(year, month, 1));
  const window = [
    midnight(year, month, first, timeZone),
    midnight(next.getUTCFullYear(), next.getUTCMonth() + 1, next.getUTCDate(), timeZone),
  ] as const;
  known.set(key, window);
  return window;
}

function midnight(year: number, month: number, day: number, timeZone: string): number {
  return clockMoment({ year, month, day, hour: 0, minute: 0 }, timeZone).getTime();
}

function dateIn(timeZone: string, now: number): { year: number; month: number; day: number } {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    formats.set(timeZone, format);
  }
  const [year = 0, month = 0, day = 0] = format.format(now).split('-').map(Number);
  return { year, month, day };
}
