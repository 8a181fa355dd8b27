import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../../test/support/until.ts';
import { IN_EVERY_PROCESS, RegularWork } from './regular-work.ts';

const HOUR_MS = 3_600_000;

/** Does what the test says, and rests for as long as it says. */
class Work extends RegularWork<number> {
  looks = 0;

  constructor(
    role: 'all' | 'web' | 'worker',
    private readonly look: (nth: number) => Promise<number>,
    level?: 'warn',
  ) {
    super({ role }, { context: 'test', everyMs: HOUR_MS, problem: 'nothing could be looked up', ...(level && { level }) });
  }

  protected override doDue(): Promise<number> {
    this.looks += 1;
    return this.look(this.looks);
  }

  protected override pauseAfter(done: number): number | Promise<number> {
    return done > 0 ? 0 : super.pauseAfter(done);
  }
}

let work: Work | undefined;
afterEach(async () => {
  await work?.onModuleDestroy();
  jest.restoreAllMocks();
});
const looked = (times: number) =>
  until(
    () => (work?.looks ?? 0) >= times,
    () => `${work?.looks} looks`,
  );

describe('regular work', () => {
  test('goes on at once while there is something to do, and rests when there is not', async () => {
    work = new Work('worker', (nth) => Promise.resolve(nth < 4 ? 1 : 0));
    work.onApplicationBootstrap();
    await looked(4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(work.looks).toBe(4);
    work.wake();
    await looked(5);
  });

  test('is not done by a process that only answers requests, unless it is every process’s', async () => {
    work = new Work('web', () => Promise.resolve(0));
    work.onApplicationBootstrap();
    work.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(work.looks).toBe(0);
    work = new Work(IN_EVERY_PROCESS.role, () => Promise.resolve(0));
    work.onApplicationBootstrap();
    await looked(1);
  });

  test.each(['warn', undefined] as const)('that fails is told (%s), and is looked at again', async (level) => {
    const told = jest.spyOn(Logger.prototype, level ?? 'error').mockImplementation(() => undefined);
    const error = new Error('no database');
    work = new Work('all', (nth) => (nth === 1 ? Promise.reject(error) : Promise.resolve(0)), level);
    work.onApplicationBootstrap();
    await until(
      () => told.mock.calls.length > 0,
      () => 'nobody was told',
    );
    expect(told.mock.calls).toEqual([[{ message: 'nothing could be looked up', error }]]);
    work.wake();
    await looked(2);
  });

  test('ends only when the look under way has ended', async () => {
    let finish = (): void => undefined;
    work = new Work('all', () => new Promise((resolve) => (finish = () => resolve(0))));
    work.onApplicationBootstrap();
    await looked(1);
    let ended = false;
    const ending = work.onModuleDestroy().then(() => (ended = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    finish();
    await ending;
    expect(work.looks).toBe(1);
  });
});
