import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Pace, type Block } from './pace.ts';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] }));
afterEach(() => void jest.useRealTimers());

const clock = { now: () => new Date(), elapsed: () => performance.now() };

/** The database's part: places for everybody, in the order in which they are asked for; a statement takes up to 20 ms. */
function bucket(seed: number): (count: number, spacing: number) => Promise<Block> {
  let nextFree = 0;
  let random = seed;
  return async (count, spacing) => {
    random = (random * 48_271) % 2_147_483_647;
    const there = random % 10;
    await new Promise((resolve) => setTimeout(resolve, there));
    const now = performance.now();
    const first = Math.max(nextFree, now);
    nextFree = first + count * spacing;
    await new Promise((resolve) => setTimeout(resolve, there));
    return { first: first - now, count };
  };
}

test.each([1, 42])(
  '100,000 calls that are due at once leave by four workers at no more than the limit in any second (seed %i)',
  async (seed) => {
    const [limit, workers, calls] = [1_000, 4, 100_000];
    const lease = bucket(seed);
    const paces = Array.from({ length: workers }, () => new Pace({ clock, perSecond: limit, lease }));
    const left: number[] = [];
    for (let call = 0; call < calls; call += 1) void paces[call % workers]?.take(Infinity).then(() => left.push(performance.now()));
    for (let second = 0; left.length < calls && second < 200; second += 1) await jest.advanceTimersByTimeAsync(1_000);
    expect(left).toHaveLength(calls);
    let from = 0;
    let peak = 0;
    for (const [to, at] of left.entries()) {
      while ((left[from] ?? 0) <= at - 1_000) from += 1;
      peak = Math.max(peak, to - from + 1);
    }
    expect(peak).toBeLessThanOrEqual(limit);
    // And it is used: 91 % of the limit is what the way it is held leaves.
    expect(calls / ((left.at(-1) ?? 0) / 1_000)).toBeGreaterThan(limit * 0.8);
  },
  120_000,
);

test('a call for which there is no place in its own time is told so at once', async () => {
  const pace = new Pace({ clock, perSecond: 10, lease: bucket(1) });
  const waiting = Array.from({ length: 20 }, () => pace.take(Infinity));
  expect(await pace.take(1_000)).toBe(false);
  await jest.advanceTimersByTimeAsync(3_000);
  expect(await Promise.all(waiting)).not.toContain(false);
});

test('a statement that fails is asked again', async () => {
  const lease = jest.fn<(count: number, spacing: number) => Promise<Block>>();
  lease.mockRejectedValueOnce(new Error('the database is away')).mockResolvedValue({ first: 0, count: 1 });
  const taken = new Pace({ clock, perSecond: 10, lease }).take(5_000);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(await taken).toBe(true);
});
