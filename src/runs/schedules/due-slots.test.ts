import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextSlot } from '../../flows/schedule-slots.ts';
import { dueSlots, MOST_CAUGHT_UP, type Missed } from './due-slots.ts';

const HOURLY = { cron: '0 * * * *', timeZone: 'Europe/Amsterdam' };
const at = (text: string) => new Date(`2026-11-21T${text}Z`);
const due = (missed: Missed, first: string, now: string) => {
  const { slots, lost, next } = dueSlots({ ...HOURLY, missed }, at(first), at(now));
  return { slots: slots.map(({ slot, missed: others }) => `${slot.toISOString().slice(11, 16)} ${others}`), lost, next };
};

describe('slots that passed while nobody was there', () => {
  test('run-once: the last one starts a run that stands for all', () => {
    expect(due('run-once', '08:00:00', '11:30:00')).toEqual({ slots: ['11:00 3'], lost: undefined, next: at('12:00:00') });
  });

  test('skip: a slot that is over for more than a minute starts nothing', () => {
    expect(due('skip', '08:00:00', '11:30:00').slots).toEqual([]);
    expect(due('skip', '08:00:00', '11:00:30').slots).toEqual(['11:00 0']);
  });

  test('all: each starts a run, in order', () => {
    expect(due('all', '08:00:00', '11:30:00').slots).toEqual(['08:00 0', '09:00 0', '10:00 0', '11:00 0']);
  });

  test('all: no more than a thousand are caught up on, the last ones, and those before are named', () => {
    const first = at('08:00:00');
    const now = new Date(first.getTime() + 1_200 * 3_600_000 + 60_000);
    const { slots, lost } = dueSlots({ ...HOURLY, missed: 'all' }, first, now);
    expect(slots).toHaveLength(MOST_CAUGHT_UP);
    expect(lost).toEqual({ from: first, until: new Date(first.getTime() + 200 * 3_600_000) });
    expect(slots[0]?.slot).toEqual(new Date(first.getTime() + 201 * 3_600_000));
  });

  test('one slot in time is the same with every rule', () => {
    for (const missed of ['run-once', 'skip', 'all'] as const) expect(due(missed, '11:00:00', '11:00:01').slots).toEqual(['11:00 0']);
  });
});

test('looked at whenever, with all, each slot comes exactly once: over both changes of the clock', () => {
  const pattern = fc.constantFrom('*/20 * * * *', '30 2 * * *', '0 0-4 * * *');
  const rests = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 5, maxLength: 15 });
  fc.assert(
    fc.property(pattern, fc.constantFrom('2026-03-27T00:00:00Z', '2026-10-23T00:00:00Z'), rests, (cron, from, minutes) => {
      const schedule = { cron, timeZone: 'Europe/Amsterdam', missed: 'all' as const };
      const begin = new Date(from);
      let next = nextSlot(schedule, begin);
      let now = begin;
      const fired: number[] = [];
      for (const rest of minutes) {
        now = new Date(now.getTime() + rest * 60_000);
        if (!next || next > now) continue;
        const found = dueSlots(schedule, next, now);
        fired.push(...found.slots.map(({ slot }) => slot.getTime()));
        next = found.next;
      }
      const wanted: number[] = [];
      for (let slot = nextSlot(schedule, begin); slot && slot <= now; slot = nextSlot(schedule, slot)) wanted.push(slot.getTime());
      expect(fired).toEqual(wanted);
    }),
    { numRuns: 30 },
  );
});
