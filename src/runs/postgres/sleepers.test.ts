import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { queryObjects } from 'node:v8';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { computed, flow, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { LiveRun } from '../live-run.ts';
import { incoming, testEngine, type TestEngine } from './engine.test-support.ts';

const SLEEPERS = 10_000;
/** What is left of a sleeper in memory, were it the least: an id in a map takes more than this. */
const BYTES_EACH = 64;

let db: TestDatabase;
let its: TestEngine;
beforeEach(async () => {
  db = await testDatabase();
  its = testEngine(db, new Provider());
  await its.engine.start();
});
afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

async function sleep(count: number): Promise<void> {
  let left = count;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await its.intake.accept(incoming(db.tenantId));
    }
  };
  await Promise.all(Array.from({ length: 200 }, sender));
  await until(
    () => its.engine.load === 0,
    () => `${its.engine.load} runs are still in memory`,
  );
}

/** Runs in memory, and bytes; counting objects collects the garbage first. */
function inMemory(): { readonly runs: number; readonly bytes: number } {
  return { runs: queryObjects(LiveRun, { format: 'count' }), bytes: process.memoryUsage().heapUsed };
}

test('a waiting run costs a row and no memory', async () => {
  const next = new Date(Date.now() + 400 * 86_400_000);
  its.catalogue.add(db.tenantId, flow([waitUntil(computed([], () => next.toISOString()))]));
  await sleep(SLEEPERS);
  const before = inMemory();
  await sleep(SLEEPERS);
  const after = inMemory();
  expect(after.runs).toBe(0);
  expect(after.bytes - before.bytes).toBeLessThan(SLEEPERS * BYTES_EACH);
  const { rows } = await db.ownerPool.query(
    `select status, count(*)::int as runs, (select count(*)::int from run_timer) as timers from run group by status`,
  );
  expect(rows).toEqual([{ status: 'waiting', runs: 2 * SLEEPERS, timers: 2 * SLEEPERS }]);
}, 120_000);
