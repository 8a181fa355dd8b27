import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { failed, unknown } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { call, flow } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { giveCommand, incoming, testEngine, type TestEngine } from '../postgres/engine.test-support.ts';
import { DeadLetters } from './dead-letters.service.ts';
import { FailureCollector } from './failure-collector.ts';

let db: TestDatabase;
let provider: Provider;
let its: TestEngine;
let collector: FailureCollector;
let letters: DeadLetters;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  its = testEngine(db, provider);
  await its.engine.start();
  collector = new FailureCollector(db.enginePool as EnginePool); // the token's class adds nothing to a pool
  letters = new DeadLetters(db.database);
});

afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

/** Publishes a flow in the database as well: dead letters name it. */
async function publish(name: string, ...steps: Parameters<typeof flow>[0]): Promise<void> {
  const { flowId } = its.catalogue.add(db.tenantId, flow(steps, { name, triggers: [{ kind: 'event', event: `custom.${name}` }] }));
  await db.ownerPool.query(`insert into flow (id, tenant_id, name, title, revision) values ($1, $2, $3, $3, 1)`, [
    flowId,
    db.tenantId,
    name,
  ]);
}

async function run(name: string, status: string, times = 1): Promise<void> {
  const before = await count(status);
  for (let time = 0; time < times; time += 1) await its.intake.accept(incoming(db.tenantId, {}, { type: `custom.${name}` }));
  await until(
    async () => (await count(status)) === before + times,
    () => `the runs of ${name} did not become ${status}`,
  );
}

async function count(status: string): Promise<number> {
  return (await db.ownerPool.query('select from run where status = $1', [status])).rowCount ?? 0;
}

/** Events are read when no older transaction of the server can add one before them. */
async function collected(wanted: number): Promise<void> {
  let found = 0;
  await until(
    async () => (found += await collector.collect()) >= wanted,
    () => `${found} runs were written down, not ${wanted}`,
  );
  expect(found).toBe(wanted);
}

test('failures are grouped by what they have in common, and stay where they are until the run is well', async () => {
  await publish('books', call('test.keyed'));
  await publish('sms', call('test.once'));
  for (const journal of [90, 91, 92]) provider.script('test.keyed', () => failed('permanent', `Journal ${journal} is closed`));
  provider.script('test.once', () => unknown('Connection reset'));
  await run('books', 'failed', 3);
  await run('sms', 'attention');
  await collected(4);

  const { items } = await letters.list(db.tenantId, {}, { limit: 50 });
  expect(items).toMatchObject([
    { flow: 'sms', step: '0', code: 'unknown-outcome', runs: 1 },
    { flow: 'books', step: '0', code: 'step.permanent', message: 'Journal <n> is closed', runs: 3 },
  ]);
  const books = items[1]?.fingerprint ?? '';
  expect((await letters.runs(db.tenantId, books, { limit: 2 })).items).toHaveLength(2);

  await giveCommand(db, its, 'retry', {}, 'failed');
  await until(
    async () => (await count('completed')) === 3,
    () => 'the retried runs did not complete',
  );
  expect((await letters.list(db.tenantId, {}, { limit: 50 })).items).toMatchObject([{ flow: 'sms' }]);
  await db.ownerPool.query(`update run_failure set at = at - interval '1 day'`);
  await db.ownerPool.query(`update failure_group set first_at = first_at - interval '1 day'`);
  await collector.prune();
  expect((await db.ownerPool.query('select from run_failure')).rowCount).toBe(1);
  expect((await db.ownerPool.query('select from failure_group')).rowCount).toBe(1);
});

test('a run that fails in another way after its retry moves to the other group', async () => {
  await publish('books', call('test.keyed'));
  provider.script(
    'test.keyed',
    () => failed('permanent', 'Closed'),
    () => failed('permanent', 'Locked'),
  );
  await run('books', 'failed');
  await collected(1);
  await giveCommand(db, its, 'retry');
  await until(
    async () => provider.calls.length === 2 && (await count('failed')) === 1,
    () => 'the run did not fail again',
  );
  await collected(1);
  expect((await letters.list(db.tenantId, {}, { limit: 50 })).items).toMatchObject([{ message: 'Locked', runs: 1 }]);
});

test('another tenant sees nothing of it', async () => {
  await publish('books', call('test.keyed'));
  provider.script('test.keyed', () => failed('permanent', 'Closed'));
  await run('books', 'failed');
  await collected(1);
  expect((await letters.list(await db.addTenant('other'), {}, { limit: 50 })).items).toEqual([]);
});
