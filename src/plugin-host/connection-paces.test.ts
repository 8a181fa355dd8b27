import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { newUuid } from '../kernel/ids.ts';
import { ConnectionPaces } from './connection-paces.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase({ poolSize: 8 });
}, 30_000);
afterAll(() => db.close());

test('four workers on one database call no faster together than the connection allows', async () => {
  const [limit, calls] = [100, 240];
  const connection = { id: newUuid(), tenantId: db.tenantId, perSecond: limit };
  const workers = Array.from({ length: 4 }, () => new ConnectionPaces(db.enginePool));
  const left: number[] = [];
  await Promise.all(
    Array.from({ length: calls }, async (_, call) => {
      expect(await workers[call % 4]?.take(connection, 60_000)).toBe(true);
      left.push(performance.now());
    }),
  );
  const peak = Math.max(...left.map((at) => left.filter((other) => other > at - 1_000 && other <= at).length));
  expect(peak).toBeLessThanOrEqual(limit);
}, 60_000);

test('when a provider asks one worker to wait, every worker does', async () => {
  const connection = { id: newUuid(), tenantId: db.tenantId, perSecond: undefined };
  const [told, other] = [new ConnectionPaces(db.enginePool), new ConnectionPaces(db.enginePool)];
  for (const worker of [told, other]) await worker.take(connection, 1_000);
  other.onModuleInit();
  told.hold(connection, 60_000);
  expect(told.held(connection.id)).toBeGreaterThan(59_000);
  await until(
    () => other.held(connection.id) > 50_000,
    () => 'the other worker never heard of it',
  );
  expect(other.isCrowded(connection.id)).toBe(true);
  other.onApplicationShutdown();
});

test('those who cannot go now get places in a line, behind the hold and one after the other, over all workers', async () => {
  const connection = { id: newUuid(), tenantId: db.tenantId, perSecond: 10 };
  const workers = [new ConnectionPaces(db.enginePool), new ConnectionPaces(db.enginePool)];
  for (const worker of workers) worker.hold(connection, 5_000);
  const from = Date.now();
  const places: number[] = [];
  for (let step = 0; step < 60; step += 1) {
    const place = await workers[step % 2]?.placeInLine(connection.id);
    if (place !== undefined) places.push(place);
  }
  const ascending = places.toSorted((a, b) => a - b);
  expect(places).toHaveLength(60);
  expect(new Set(places).size).toBe(60);
  expect(ascending[0]).toBeGreaterThanOrEqual(from + 900);
  expect(Math.min(...ascending.slice(1).map((place, index) => place - (ascending[index] ?? 0)))).toBeGreaterThanOrEqual(109);
});
