import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { unknown } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, flow, literal, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { incoming, testEngine, type TestEngine } from '../postgres/engine.test-support.ts';
import { readRuns, type RunReadings } from './run-readings.ts';

let db: TestDatabase;
let provider: Provider;
let engine: TestEngine;

beforeEach(async () => {
  db = await testDatabase();
  provider = new Provider();
  // An unknown outcome is asked about again after an hour.
  engine = testEngine(db, provider, { unknownScheduleMs: [3_600_000] });
  await engine.engine.start();
});
afterEach(async () => {
  await engine.engine.stop();
  await db.close();
});

async function reads(expected: (readings: RunReadings) => boolean): Promise<RunReadings> {
  let readings: RunReadings | undefined;
  await until(
    async () => expected((readings = await readRuns(db.enginePool))),
    () => `the readings are ${JSON.stringify(readings)}`,
  );
  if (!readings) throw new TypeError('nothing was read');
  return readings;
}

test('nothing is in any pile at first, and the lanes are live', async () => {
  const { timersDue, inDoubt, attention, leasesLive, leasesDead, deadLetters } = await readRuns(db.enginePool);
  const none = { count: 0, oldest: 0 };
  expect({ timersDue, inDoubt, attention, leasesDead, deadLetters }).toEqual({
    timersDue: none,
    inDoubt: none,
    attention: { 'unknown-outcome': none, failed: none, connection: none },
    leasesDead: none,
    deadLetters: 0,
  });
  expect(leasesLive).toBe(1);
});

test('a call in doubt is counted while its run sleeps until it is asked about again, long before a person is', async () => {
  provider.script('test.lookup', () => unknown('Connection reset'));
  engine.catalogue.add(db.tenantId, flow([call('test.lookup')]));
  await engine.intake.accept(incoming(db.tenantId));
  const { inDoubt, attention } = await reads(({ inDoubt: pile }) => pile.count === 1);
  expect(inDoubt.oldest).toBeLessThan(60);
  expect(attention['unknown-outcome'].count).toBe(0);
});

test('what a person has to decide is in doubt as well, and counted by why', async () => {
  provider.script('test.once', () => unknown('Connection reset'));
  engine.catalogue.add(db.tenantId, flow([call('test.once')]));
  await engine.intake.accept(incoming(db.tenantId));
  const { attention } = await reads(({ inDoubt }) => inDoubt.count === 1);
  expect(attention['unknown-outcome'].count).toBe(1);
});

test('a run that only sleeps is in no pile', async () => {
  engine.catalogue.add(db.tenantId, flow([waitUntil(literal('2099-01-01T00:00:00Z'))]));
  await engine.intake.accept(incoming(db.tenantId));
  await until(
    async () => (await db.ownerPool.query(`select from run where status = 'waiting'`)).rowCount === 1,
    () => 'the run does not wait',
  );
  const { timersDue, inDoubt, waits } = await readRuns(db.enginePool);
  expect([timersDue.count, inDoubt.count, waits]).toEqual([0, 0, 0]);
});

test('a lease that ran out and that nobody took over is dead', async () => {
  await engine.engine.stop();
  await db.ownerPool.query(
    `insert into engine_lease (epoch, process, low_water, expires_at) values (-1, 'gone', gen_random_uuid(), now() - interval '1 minute')`,
  );
  const { leasesDead, leasesLive } = await readRuns(db.enginePool);
  expect([leasesDead.count, leasesLive]).toEqual([1, 0]);
  expect(leasesDead.oldest).toBeGreaterThanOrEqual(60);
});
