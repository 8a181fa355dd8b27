import { expect, test } from '@jest/globals';
import { DatabaseClock } from './database-clock.ts';

const HOUR = 3_600_000;

test('a jump of the machine’s clock does not move the moments of runs', async () => {
  let [wall, elapsed] = [1_000_000, 50];
  const clock = new DatabaseClock({ now: () => new Date(wall), elapsed: () => elapsed });
  expect(clock.now()).toBe(1_000_000);
  wall -= HOUR;
  elapsed += 10;
  expect(clock.asClock.now().getTime()).toBe(1_000_010);
  // One row of the database's time, in place of a pool.
  await clock.adjust({ query: (() => Promise.resolve({ rows: [{ now: 2_000_000 }] })) as never });
  elapsed += 5;
  wall += 40 * 24 * HOUR;
  expect(clock.asClock.now().getTime()).toBe(2_000_005);
});
