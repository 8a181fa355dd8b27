import { afterEach, expect, test } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { Timers } from './timers.ts';

let timers: Timers | undefined;
afterEach(() => timers?.stop());

test('a timer that is written while the table is being looked at is not overlooked', async () => {
  let answer: (rows: readonly unknown[]) => void = () => undefined;
  let asked = false;
  const woken: string[] = [];
  const query = async () => {
    asked = true;
    const rows = await new Promise<readonly unknown[]>((resolve) => (answer = resolve));
    return { rows };
  };
  timers = new Timers({
    pool: { query } as never, // one statement is all that it asks
    now: () => performance.now(),
    adjustClock: () => Promise.resolve(),
    room: () => 100,
    wake: (ids) => Promise.resolve(void woken.push(...ids)),
  });
  timers.start();
  await until(
    () => asked,
    () => 'nobody looked',
  );
  timers.add(performance.now() + 5, 'written-meanwhile', 'one');
  answer([{ tenant_id: 'one', run_id: 'there-before', at: performance.now() }]);
  await until(
    () => woken.length === 2,
    () => `only ${String(woken)} woke`,
    2_000,
  );
  expect(woken.toSorted()).toEqual(['there-before', 'written-meanwhile']);
});
