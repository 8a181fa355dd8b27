import { describe, expect, test } from '@jest/globals';
import { outsideMicrotasks } from './drain.ts';
import type { PlantedBug } from './planted-bug.ts';
import { play, shrink, simulate } from './simulation.ts';
import { RecordedTape, SeededTape } from './tape.ts';

describe('the engine keeps its promises', () => {
  test('in 1,000 schedules of crashes, lost leases, lost answers, people and a moody provider', async () => {
    const { failure, schedules, counts } = await outsideMicrotasks(() => simulate(1_000, 20_261_121));
    expect(failure && `npm run simulate -- --replay ${failure.seed}: ${failure.message}`).toBeUndefined();
    expect(schedules).toBe(1_000);
    for (const fault of ['crash', 'pause', 'lease lost', 'late request', 'clock moved']) expect(counts.of(fault)).toBeGreaterThan(10);
    for (const fate of ['cut-after', 'cut-before']) expect(counts.of('flush', fate)).toBeGreaterThan(20);
  }, 120_000);

  test('a schedule is the same each time it is played', async () => {
    const once = await outsideMicrotasks(() => traceOf(7));
    expect(await outsideMicrotasks(() => traceOf(7))).toEqual(once);
    expect(once.length).toBeGreaterThan(20);
  });
});

describe('a bug that is planted in the world around the engine is found', () => {
  /** By which promise, and within how many schedules of seed 1. */
  const FOUND: readonly (readonly [PlantedBug, string, number])[] = [
    ['fresh-key-per-attempt', 'effects', 2],
    ['ack-before-commit', 'taken in', 14],
    ['no-event-key', 'taken in', 1],
    ['short-event-memory', 'taken in', 1],
    ['no-fence', 'own', 2],
    ['stale-reply-trusted', 'own', 700],
    ['timer-deleted-first', 'rest', 16],
    ['key-outlives-provider', 'effects', 35],
    ['signal-deleted-first', 'rest', 1_411],
    ['turn-given-twice', 'turns', 73],
    ['turn-out-of-order', 'turns', 17],
    ['turn-forgotten', 'own', 4_748],
    ['undo-forgotten', 'effects', 450],
    ['intent-not-waited-for', 'taken in', 4],
  ];

  test.each(FOUND)(
    '%s, by the promise "%s", within %i schedules',
    async (bug, promise, schedules) => {
      const { failure } = await outsideMicrotasks(() => simulate(schedules, 1, new Set([bug])));
      expect(failure?.promise).toBe(promise);
    },
    120_000,
  );

  test('and its schedule is made simple', async () => {
    const bugs = new Set<PlantedBug>(['no-event-key']);
    const [found, simplest] = await outsideMicrotasks(() => {
      const { failure } = simulate(1_000, 1, bugs);
      return [failure?.tape ?? [], failure ? shrink(failure, bugs) : []];
    });
    expect(simplest.length).toBeLessThan(found.length);
    expect(await outsideMicrotasks(() => play(new RecordedTape(simplest), bugs)?.promise)).toBe('taken in');
  });
});

function traceOf(seed: number): readonly string[] {
  const lines: string[] = [];
  play(new SeededTape(seed), new Set(), (line) => lines.push(line));
  // Ids of what a run reports about itself are new each time, and nothing depends on them.
  return lines.filter((line) => !line.includes('"event"'));
}
