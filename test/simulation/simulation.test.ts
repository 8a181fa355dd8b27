import { describe, expect, test } from '@jest/globals';
import { outsideMicrotasks } from './drain.ts';
import { PLANTED_BUGS, type PlantedBug } from './planted-bug.ts';
import { play, shrink, simulate } from './simulation.ts';
import { RecordedTape, SeededTape } from './tape.ts';

describe('the engine keeps its promises', () => {
  test('in 1,000 schedules of crashes, lost leases, lost answers, people and a moody provider', async () => {
    const { failure, schedules, counts } = await outsideMicrotasks(() => simulate(1_000, 20_261_121));
    expect(failure && `npm run simulate -- --replay ${failure.seed}: ${failure.violation.message}`).toBeUndefined();
    expect(schedules).toBe(1_000);
    for (const fault of ['crash', 'pause', 'lease lost', 'flush cut-after', 'flush cut-before', 'late request', 'clock moved'])
      expect(counts[fault]).toBeGreaterThan(20);
  }, 120_000);

  test('a schedule is the same each time it is played', async () => {
    const once = await outsideMicrotasks(() => traceOf(7));
    expect(await outsideMicrotasks(() => traceOf(7))).toEqual(once);
    expect(once.length).toBeGreaterThan(40);
  });
});

describe('a bug that is planted in the world around the engine is found', () => {
  test.each(Object.entries(PLANTED_BUGS))(
    '%s: %s',
    async (bug) => {
      const bugs = new Set([bug as PlantedBug]); // a key of the table
      const { failure } = await outsideMicrotasks(() => simulate(20_000, 1, bugs));
      expect(failure).toBeDefined();
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
