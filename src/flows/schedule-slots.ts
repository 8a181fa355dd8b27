/**
 * When a schedule is due: the slots of five cron fields by the clock of a time zone.
 *
 * The clock decides, and the clock jumps twice a year. Two rules, by what the hour field says:
 *
 * - Hours that are named (`30 2 * * *`, every phrase with `at`) are moments of a day. One that the clock jumps over comes at the
 *   first moment after the jump; several in the same gap come once. One that the clock shows twice comes the first time only.
 * - Every hour (`*`, as in `every 15 min` and `every 1 h`) is an interval. It goes on through both changes: nothing is jumped over,
 *   and what the clock shows twice comes twice, because the time in between did pass.
 */
import { Cron } from 'croner';
import { clockMoment, clockShift } from '../kernel/duration.ts';

/** Five fields and whose clock they are read by. */
export interface Slots {
  readonly cron: string;
  /** IANA name. */
  readonly timeZone: string;
}

const MINUTE_MS = 60_000;

/** The first slot after `from`; `undefined` when none comes any more. Slots are whole minutes. */
export function nextSlot(slots: Slots, from: Date): Date | undefined {
  const pattern = patternOf(slots.cron);
  return everyHour(slots.cron) ? nextInterval(pattern, slots.timeZone, from) : nextOfDay(pattern, slots.timeZone, from);
}

/** The next `count` slots after `from`. */
export function nextSlots(slots: Slots, from: Date, count: number): Date[] {
  const found: Date[] = [];
  let at = nextSlot(slots, from);
  while (at && found.length < count) {
    found.push(at);
    at = nextSlot(slots, at);
  }
  return found;
}

/**
 * The last slots at or before `until`, at most `count`, in order. `from` is the first that is looked at, a slot itself. Found without
 * walking over all in between.
 */
export function lastSlots(slots: Slots, from: Date, until: Date, count: number): Date[] {
  // Looks back by steps that double until there are enough, so that neither a minute's nor a year's schedule is a long walk.
  for (let back = MINUTE_MS * count; until.getTime() - back > from.getTime(); back *= 2) {
    const found = slotsUpTo(slots, new Date(until.getTime() - back), until);
    if (found.length >= count) return found.slice(-count);
  }
  return [from, ...slotsUpTo(slots, from, until)].slice(-count);
}

/** The slots after `from`, up to and with `until`. */
function slotsUpTo(slots: Slots, from: Date, until: Date): Date[] {
  const found: Date[] = [];
  for (let at = nextSlot(slots, from); at && at <= until; at = nextSlot(slots, at)) found.push(at);
  return found;
}

/**
 * What clocks show, in order, falls on moments in the same order: so the walk begins at what the clock shows at `from`. Several may
 * fall on one moment, in the gap of spring, or on one that is over, in the doubled hour of autumn.
 */
function nextOfDay(pattern: Cron, timeZone: string, from: Date): Date | undefined {
  let shown = pattern.nextRun(new Date(from.getTime() + clockShift(from, timeZone)));
  while (shown) {
    const slot = momentOf(shown, timeZone);
    if (slot > from) return slot;
    shown = pattern.nextRun(shown);
  }
  return undefined;
}

/** In each stretch of time without a change of the clock, its minutes and those of the pattern go side by side. */
function nextInterval(pattern: Cron, timeZone: string, from: Date): Date | undefined {
  let [start, inclusive] = [from.getTime(), false];
  for (;;) {
    const shift = clockShift(new Date(start), timeZone);
    const shown = pattern.nextRun(new Date(start + shift - (inclusive ? 1 : 0)));
    if (!shown) return undefined;
    const slot = shown.getTime() - shift;
    const change = firstChange(start, slot, shift, timeZone);
    if (change === undefined) return new Date(slot);
    [start, inclusive] = [change, true];
  }
}

/** The first minute in (start, end] from which on the clock is shifted otherwise. */
function firstChange(start: number, end: number, shift: number, timeZone: string): number | undefined {
  const day = 86_400_000;
  // Two changes are never as near as a day, so each day is looked at by its end alone.
  for (let from = start; from < end; from += day) {
    const to = Math.min(from + day, end);
    if (clockShift(new Date(to), timeZone) === shift) continue;
    let [before, after] = [Math.floor(from / MINUTE_MS), Math.ceil(to / MINUTE_MS)];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (clockShift(new Date(middle * MINUTE_MS), timeZone) === shift) before = middle;
      else after = middle;
    }
    return after * MINUTE_MS;
  }
  return undefined;
}

/** `shown` holds what the clock shows in its UTC fields. */
function momentOf(shown: Date, timeZone: string): Date {
  const parts = { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() };
  return clockMoment({ ...parts, hour: shown.getUTCHours(), minute: shown.getUTCMinutes() }, timeZone);
}

function everyHour(cron: string): boolean {
  return cron.trim().split(/\s+/)[1] === '*';
}

const patterns = new Map<string, Cron>();
const MOST_PATTERNS = 1_000;

/** Read once: a pattern is needed again at each of its slots. In UTC, where no clock jumps. */
function patternOf(cron: string): Cron {
  let pattern = patterns.get(cron);
  if (!pattern) {
    if (patterns.size >= MOST_PATTERNS) patterns.clear();
    pattern = new Cron(cron, { paused: true, mode: '5-part', timezone: 'UTC' });
    patterns.set(cron, pattern);
  }
  return pattern;
}
