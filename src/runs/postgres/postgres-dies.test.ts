import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { newUuid } from '../../kernel/ids.ts';
import { openPool } from '../../platform/database/engine-pool.ts';
import { DatabaseServer } from '../../platform/database/database-server.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, flow, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { incoming, testEngine, type TestEngine } from './engine.test-support.ts';

let directory: string;
let server: DatabaseServer;
let pool: pg.Pool;
let its: TestEngine;
const provider = new Provider();
const tenantId = newUuid();

// A server of its own, with the durable settings of the product: the one that tests share has them switched off.
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-engine-'));
  server = await DatabaseServer.start({ database: undefined, dataDirectory: directory }, () => undefined);
  pool = openPool(server.address, 'engine', 6);
  its = testEngine({ enginePool: pool }, provider);
  await its.engine.start();
}, 60_000);

afterEach(async () => {
  await its.engine.stop();
  await pool.end();
  await server.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}, 60_000);

test('whenever PostgreSQL is killed, acknowledged events become runs that finish, and every effect is observed once', async () => {
  const soon = computed(['now'], ({ now }) => new Date(Date.parse(String(now)) + 50).toISOString());
  its.catalogue.add(tenantId, flow([call('test.once'), waitUntil(soon), call('test.keyed'), call('test.once')]));
  let acknowledged = 0;
  let refused = 0;
  let killed = 0;
  const send = async (event: ReturnType<typeof incoming>): Promise<void> => {
    while (!(await its.intake.accept(event).catch(() => undefined))) {
      refused += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    acknowledged += 1;
  };
  for (let death = 1; death <= 3; death += 1) {
    const sending = Promise.all(Array.from({ length: 40 }, () => send(incoming(tenantId))));
    const calls = provider.calls.length;
    await until(
      () => provider.calls.length > calls + 20 && server.embedded?.pid !== killed,
      () => 'nothing is under way',
    );
    killed = server.embedded?.pid ?? 0;
    process.kill(killed, 'SIGKILL');
    await sending;
  }
  expect(acknowledged).toBe(120);
  await until(
    async () => (await pool.query(`select from run where status = 'completed'`).catch(() => undefined))?.rowCount === 120,
    () => `runs are missing; ${refused} refused`,
    120_000,
  );
  expect((await pool.query('select from run')).rowCount).toBe(120);
  expect((await pool.query('select from run_timer')).rowCount).toBe(0);
  expect(provider.effects.size).toBe(360);
  expect([...provider.effects.values()].every((times) => times === 1)).toBe(true);
}, 180_000);
