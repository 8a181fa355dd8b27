import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TimerQueue } from './timer-queue.ts';

const due = fc.record({
  tenantId: fc.constantFrom('a', 'b', 'c'),
  at: fc.integer({ min: 0, max: 50 }),
  runId: fc.integer({ min: 0, max: 30 }).map(String),
});

test('everything that is due is taken once, each tenant in the order of its moments; nothing else is', () => {
  fc.assert(
    fc.property(fc.array(due, { maxLength: 60 }), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 7 }), (all, now, most) => {
      const queue = new TimerQueue();
      for (const one of all) queue.add(one);
      const taken: string[] = [];
      for (let batch = queue.takeDue(now, most); batch.length > 0; batch = queue.takeDue(now, most)) {
        expect(batch.length).toBeLessThanOrEqual(most);
        expect(new Set(batch).size).toBe(batch.length);
        taken.push(...batch);
      }
      const isDue = all.filter(({ at }) => at <= now);
      expect(new Set(taken)).toEqual(new Set(isDue.map(({ runId }) => runId)));
      expect(queue.size).toBe(all.length - isDue.length);
      expect(queue.next).toBe(Math.min(Infinity, ...all.filter(({ at }) => at > now).map(({ at }) => at)));
    }),
  );
});

test('of two tenants, the one with one timer waits for its turn and not for the thousand of the other', () => {
  const queue = new TimerQueue();
  for (let n = 0; n < 1_000; n += 1) queue.add({ tenantId: 'crowd', at: n, runId: `c${n}` });
  queue.add({ tenantId: 'single', at: 999, runId: 's' });
  expect(queue.takeDue(2_000, 4)).toEqual(['c0', 's', 'c1', 'c2']);
});
