import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clockShift } from '../kernel/duration.ts';
import { lastSlots, nextSlot, nextSlots } from './schedule-slots.ts';

const AMSTERDAM = 'Europe/Amsterdam';
const after = (cron: string, timeZone: string, from: string, count = 3) =>
  nextSlots({ cron, timeZone }, new Date(from), count).map((slot) => slot.toISOString().replace(':00.000Z', 'Z'));

describe('slots of a day', () => {
  test('keep their clock time when the clocks change', () => {
    expect(after('0 9 * * *', AMSTERDAM, '2026-03-27T12:00:00Z')).toEqual(['2026-03-28T08:00Z', '2026-03-29T07:00Z', '2026-03-30T07:00Z']);
  });

  test('a moment that the clock jumps over comes at the first moment after the jump', () => {
    expect(after('30 2 * * *', AMSTERDAM, '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00Z', '2026-03-30T00:30Z']);
  });

  test('several moments in one gap come once', () => {
    expect(after('*/10 2 * * *', AMSTERDAM, '2026-03-29T00:59:00Z', 2)).toEqual(['2026-03-29T01:00Z', '2026-03-30T00:00Z']);
    expect(after('0 2,3 * * *', AMSTERDAM, '2026-03-29T00:00:00Z', 2)).toEqual(['2026-03-29T01:00Z', '2026-03-30T00:00Z']);
  });

  test('an hour that the clock shows twice comes once, the first time', () => {
    expect(after('30 2 * * *', AMSTERDAM, '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30Z', '2026-10-26T01:30Z']);
    expect(after('*/30 2 * * *', AMSTERDAM, '2026-10-25T00:00:00Z', 2)).toEqual(['2026-10-25T00:30Z', '2026-10-26T01:00Z']);
  });

  test('half an hour is jumped over and doubled on Lord Howe', () => {
    // 2026-10-04 02:00 +10:30 becomes 02:30 +11:00; 2026-04-05 02:00 +11:00 becomes 01:30 +10:30.
    expect(after('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 2)).toEqual(['2026-10-03T15:30Z', '2026-10-04T15:15Z']);
    expect(after('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00:00Z', 2)).toEqual(['2026-04-04T14:45Z', '2026-04-05T15:15Z']);
  });

  test('the day that Samoa left out comes with the day after it, and a daily slot comes once', () => {
    // After 29 December 2011, 24:00, came 31 December.
    expect(after('0 9 * * *', 'Pacific/Apia', '2011-12-29T12:00:00Z', 4)).toEqual([
      '2011-12-29T19:00Z',
      '2011-12-30T10:00Z',
      '2011-12-30T19:00Z',
      '2011-12-31T19:00Z',
    ]);
  });

  test('the last day of the month, a leap day, and a day that never comes', () => {
    expect(after('0 6 L * *', 'UTC', '2026-01-31T07:00:00Z', 2)).toEqual(['2026-02-28T06:00Z', '2026-03-31T06:00Z']);
    expect(after('0 6 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2028-02-29T06:00Z']);
    expect(nextSlot({ cron: '0 6 31 2 *', timeZone: 'UTC' }, new Date('2026-01-01T00:00:00Z'))).toBeUndefined();
  });
});

describe('slots of every hour', () => {
  test('go on through both changes of the clock', () => {
    expect(after('0 * * * *', AMSTERDAM, '2026-03-28T23:30:00Z', 4)).toEqual([
      '2026-03-29T00:00Z',
      '2026-03-29T01:00Z',
      '2026-03-29T02:00Z',
      '2026-03-29T03:00Z',
    ]);
    expect(after('*/30 * * * *', AMSTERDAM, '2026-10-24T23:45:00Z', 5)).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T00:30Z',
      '2026-10-25T01:00Z',
      '2026-10-25T01:30Z',
      '2026-10-25T02:00Z',
    ]);
  });

  test('follow the minute of the clock where it is shifted by half an hour', () => {
    expect(after('0 * * * *', 'Australia/Lord_Howe', '2026-04-04T13:30:00Z', 3)).toEqual([
      '2026-04-04T14:00Z',
      '2026-04-04T15:30Z',
      '2026-04-04T16:30Z',
    ]);
  });
});

const ZONES = [
  AMSTERDAM,
  'UTC',
  'Europe/Dublin',
  'Atlantic/Azores',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Australia/Lord_Howe',
  'Australia/Adelaide',
  'Pacific/Chatham',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Antarctica/Troll',
];
const zone = fc.constantFrom(...ZONES);
const moment = fc.integer({ min: Date.UTC(2009, 0, 1), max: Date.UTC(2031, 0, 1) }).map((ms) => new Date(ms));
const minute = fc.integer({ min: 0, max: 59 });
const daily = fc.tuple(minute, fc.integer({ min: 0, max: 23 }));
const shownAt = (at: Date, timeZone: string) => new Date(at.getTime() + clockShift(at, timeZone));
const DAY = 86_400_000;

describe('in every zone', () => {
  test('a daily slot comes once for each day that the clock shows, at its time or at the end of the gap', () => {
    fc.assert(
      fc.property(zone, moment, daily, (timeZone, from, [minutes, hour]) => {
        const slots = nextSlots({ cron: `${minutes} ${hour} * * *`, timeZone }, from, 4);
        expect(slots).toHaveLength(4);
        for (const [index, slot] of slots.entries()) {
          const before = slots[index - 1] ?? from;
          expect(slot.getTime()).toBeGreaterThan(before.getTime());
          const shown = shownAt(slot, timeZone);
          const wanted = Date.UTC(shown.getUTCFullYear(), shown.getUTCMonth(), shown.getUTCDate(), hour, minutes);
          // A minute earlier the clock showed a time before the wanted one: so this is the first moment at or after it.
          if (shown.getTime() !== wanted) {
            const jump = clockShift(slot, timeZone) - clockShift(new Date(slot.getTime() - 60_000), timeZone);
            expect(jump).toBeGreaterThan(0);
            expect(shownAt(new Date(slot.getTime() - 60_000), timeZone).getTime()).toBeLessThan(shown.getTime() - 60_000);
          }
          if (index > 0) expect(slot.getTime() - before.getTime()).toBeLessThanOrEqual(DAY + 7_200_000);
        }
        const days = new Set(slots.map((slot) => shownAt(slot, timeZone).toISOString().slice(0, 10)));
        // Only the end of a gap of a whole day shares its date with the next slot.
        expect(days.size).toBeGreaterThanOrEqual(slots.length - 1);
      }),
      { numRuns: 150 },
    );
  });

  test('an interval shows its minute on the clock, and never two at once', () => {
    fc.assert(
      fc.property(zone, moment, fc.constantFrom(1, 5, 15, 30), (timeZone, from, every) => {
        const slots = nextSlots({ cron: every === 1 ? '* * * * *' : `*/${every} * * * *`, timeZone }, from, 6);
        for (const [index, slot] of slots.entries()) {
          expect(shownAt(slot, timeZone).getUTCMinutes() % every).toBe(0);
          expect(slot.getTime() - (slots[index - 1] ?? from).getTime()).toBeGreaterThan(0);
          expect(slot.getTime() - (slots[index - 1] ?? from).getTime()).toBeLessThanOrEqual(every * 60_000);
        }
      }),
      { numRuns: 80 },
    );
  });

  test('walking from slot to slot and asking from any moment between them give the same slots', () => {
    const pattern = fc.constantFrom('30 2 * * *', '*/20 1-3 * * *', '0 * * * *', '15 0 * * 0', '0 6 L * *');
    fc.assert(
      fc.property(zone, moment, pattern, fc.double({ min: 0, max: 0.999, noNaN: true }), (timeZone, from, cron, share) => {
        const [first, second] = nextSlots({ cron, timeZone }, from, 2);
        if (!first || !second) throw new Error('these come again and again');
        const between = new Date(first.getTime() + Math.floor((second.getTime() - first.getTime()) * share));
        expect(nextSlot({ cron, timeZone }, between)).toEqual(second);
        expect(lastSlots({ cron, timeZone }, first, between, 1)).toEqual([first]);
        expect(lastSlots({ cron, timeZone }, first, second, 5)).toEqual([first, second]);
      }),
      { numRuns: 80 },
    );
  });
});

test('the last slots of a year of minutes are found without walking over all of them', () => {
  const from = new Date('2026-01-01T00:00:00Z');
  const until = new Date('2026-12-31T11:22:33Z');
  const last = lastSlots({ cron: '* * * * *', timeZone: AMSTERDAM }, from, until, 1_001);
  expect(last).toHaveLength(1_001);
  expect([last[0], last.at(-1)]).toEqual([new Date('2026-12-30T18:42:00Z'), new Date('2026-12-31T11:22:00Z')]);
  expect(lastSlots({ cron: '0 0 1 1 *', timeZone: 'UTC' }, from, until, 3)).toEqual([from]);
});
