import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { Config } from '../../platform/config/config.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { call, computed, flow, waitUntil, literal, type StepDraft } from '../conformance/flow-builder.ts';
import { manifest, Provider } from '../conformance/provider.ts';
import { incoming, testEngine, type TestEngine } from '../postgres/engine.test-support.ts';
import { PostgresRunEngine } from '../postgres/postgres-run-engine.ts';
import { BulkJobs, type BulkJobView } from './bulk-jobs.service.ts';
import { BulkPlanner } from './bulk-planner.ts';
import { BulkWorker } from './bulk-worker.ts';
import { MovableRuns } from './movable-runs.ts';
import { Recordings } from './recordings.ts';

let db: TestDatabase;
let provider: Provider;
let its: TestEngine;
let jobs: BulkJobs;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider([
    manifest('test.keyed', 'keyed', { movesMoney: true }),
    manifest('test.lookup', 'lookup'),
    manifest('test.once', 'once'),
    manifest('test.read', 'read'),
  ]);
  its = testEngine(db, provider);
  await its.engine.start();
  const config = { publicUrl: 'http://localhost:4400' } as Config; // recordings ask for nothing else
  const movable = new MovableRuns(db.database, new Recordings(db.database, provider, config), its.catalogue);
  jobs = new BulkJobs(db.database, new BulkPlanner(db.database, provider, movable, systemClock), new Audit(), systemClock);
});

afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

/** A process that works on bulk jobs. */
const worker = () => new BulkWorker(db.enginePool as EnginePool, new PostgresRunEngine(its.engine)); // the token's class adds nothing to a pool

async function publish(name: string, steps: readonly StepDraft[], onFailure: readonly StepDraft[] = []): Promise<void> {
  const published = its.catalogue.add(
    db.tenantId,
    flow(steps, { name, onFailure, triggers: [{ kind: 'event', event: `custom.${name}` }] }),
  );
  await db.ownerPool.query('insert into flow (id, tenant_id, name, title, revision) values ($1, $2, $3, $3, 1)', [
    published.flowId,
    db.tenantId,
    name,
  ]);
  await db.ownerPool.query(
    `insert into flow_revision (flow_id, revision, tenant_id, source, hash, published_by) values ($1, 1, $2, '', '', 'test')`,
    [published.flowId, db.tenantId],
  );
}

async function start(name: string, times: number, status: string, data: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const before = await count(status);
  for (let time = 0; time < times; time += 1) await its.intake.accept(incoming(db.tenantId, data, { type: `custom.${name}` }));
  await reach(status, before + times);
}

async function count(status: string): Promise<number> {
  return (await db.ownerPool.query('select from run where status = $1', [status])).rowCount ?? 0;
}

async function reach(status: string, wanted: number): Promise<void> {
  await until(
    async () => (await count(status)) === wanted && its.engine.load === 0,
    () => `not ${wanted} runs became ${status}`,
  );
}

const retry = (flowName: string) =>
  jobs.preview(db.tenantId, { action: 'retry', detail: { revision: 'same' }, selection: { flow: flowName, status: 'failed' } }, 'key/test');

const begin = ({ id, planVersion }: BulkJobView, more: Partial<Parameters<BulkJobs['start']>[2]> = {}) =>
  jobs.start(db.tenantId, id, { planVersion, rate: 200, reason: 'the period is open again', confirm: false, ...more }, 'key/test');

async function finish(id: string, by: BulkWorker = worker()): Promise<BulkJobView> {
  let job: BulkJobView | undefined;
  await until(
    async () => {
      await by.work();
      job = await jobs.get(db.tenantId, id);
      return job.status === 'completed';
    },
    () => `the job is ${JSON.stringify(job?.progress)}`,
  );
  if (!job) throw new Error('no job');
  return job;
}

const money = computed(['event'], ({ event }) => ({ amount: (event as { amount: unknown }).amount }));
const EUR = (amount: string) => ({ amount: { amount, currency: 'EUR' } });

describe('a preview', () => {
  test('says which steps would be done again, in which way, and what they would move', async () => {
    await publish('charge', [call('test.keyed', money)], [call('test.once')]);
    provider.script(
      'test.keyed',
      () => failed('permanent', 'Closed'),
      () => failed('permanent', 'Closed'),
    );
    await start('charge', 1, 'failed', EUR('12.50'));
    await start('charge', 1, 'failed', EUR('0.30'));
    const { plan, total, progress } = await retry('charge');
    expect(total).toBe(2);
    expect(progress.pending).toBe(2);
    expect(plan.runs).toEqual({ safe: 0, 'looked-up': 0, 'may-happen-twice': 2, impossible: 0 });
    expect(plan.steps).toEqual(
      expect.arrayContaining([
        { step: '0', action: 'test.keyed', category: 'safe', count: 2, money: { EUR: '12.80' } },
        // Its message was sent when the run failed, and is sent again when it fails again.
        { step: 'on-failure.0', action: 'test.once', category: 'may-happen-twice', count: 2, money: {} },
      ]),
    );
  });

  test('counts runs for which the command makes no sense, and they are left alone', async () => {
    await publish('waits', [waitUntil(literal('2999-01-01T00:00:00Z'))]);
    await start('waits', 2, 'waiting');
    const job = await jobs.preview(db.tenantId, { action: 'retry', detail: {}, selection: { flow: 'waits' } }, 'key/test');
    expect(job.plan.runs.impossible).toBe(2);
    await begin(job);
    expect(await finish(job.id)).toMatchObject({ progress: { left: 2, done: 0 } });
  });

  test('takes in no run that comes later', async () => {
    await publish('books', [call('test.keyed', money)]);
    provider.script('test.keyed', ...Array.from({ length: 3 }, () => () => failed('permanent', 'Closed')));
    await start('books', 2, 'failed', EUR('1.00'));
    const job = await retry('books');
    await start('books', 1, 'failed', EUR('1.00'));
    await begin(job);
    await finish(job.id);
    expect(await count('failed')).toBe(1);
  });

  test("of nothing, of another tenant's runs and of an unknown id is refused", async () => {
    await publish('books', [call('test.keyed', money)]);
    provider.script('test.keyed', () => failed('permanent', 'Closed'));
    await start('books', 1, 'failed', EUR('1.00'));
    const other = await db.addTenant('other');
    const { rows } = await db.ownerPool.query<{ id: string }>('select id from run');
    const selection = { runs: [idOf('run', rows[0]?.id ?? '')] };
    await expect(jobs.preview(other, { action: 'retry', detail: {}, selection }, 'key/x')).rejects.toThrow(/No run fits/);
    await expect(jobs.get(other, (await retry('books')).id)).rejects.toThrow(/no such bulk job/);
  });
});

describe('a job', () => {
  beforeEach(async () => {
    await publish('books', [call('test.keyed', money), call('test.once')]);
    provider.script('test.keyed', ...Array.from({ length: 5 }, () => () => failed('permanent', 'Closed')));
    await start('books', 5, 'failed', EUR('1.00'));
  });

  test('gives every run its command once, and tells what became of each', async () => {
    const job = await retry('books');
    await begin(job);
    const done = await finish(job.id);
    await reach('completed', 5);
    expect(done).toMatchObject({ status: 'completed', total: 5, progress: { done: 5, pending: 0 }, reason: 'the period is open again' });
    expect(provider.calls.filter(({ action }) => action === 'test.once')).toHaveLength(5);
    const { items, nextCursor } = await jobs.results(db.tenantId, job.id, 'done', { limit: 3 });
    expect(items).toHaveLength(3);
    expect((await jobs.results(db.tenantId, job.id, 'done', { limit: 3, cursor: nextCursor ?? undefined })).items).toHaveLength(2);
    const { rows } = await db.ownerPool.query(`select actor, action, detail from audit_entry`);
    expect(rows).toEqual([
      { actor: 'key/test', action: 'bulk-job.start', detail: { action: 'retry', runs: 5, reason: 'the period is open again' } },
    ]);
  });

  test('is refused when a run has moved on since the preview', async () => {
    const job = await retry('books');
    await begin(await retry('books'));
    await worker().work();
    const { rows } = await db.ownerPool.query<{ id: string }>('select id from run limit 1');
    await db.ownerPool.query(`insert into run_command (tenant_id, run_id, kind, requested_by) values ($1, $2, 'retry', 'key/x')`, [
      db.tenantId,
      rows[0]?.id,
    ]);
    its.engine.nudge();
    await until(
      async () => (await count('completed')) > 0,
      () => 'the run did not complete',
    );
    await expect(begin(job)).rejects.toThrow(/no longer what the preview showed/);
    await expect(begin({ ...job, planVersion: 'another' })).rejects.toThrow(/no longer what the preview showed/);
  });

  test('leaves alone a run that moves on before its turn', async () => {
    const job = await retry('books');
    await begin(job);
    const { rows } = await db.ownerPool.query<{ id: string }>('select id from run order by id desc limit 1');
    await db.ownerPool.query(`insert into run_command (tenant_id, run_id, kind, requested_by) values ($1, $2, 'retry', 'key/x')`, [
      db.tenantId,
      rows[0]?.id,
    ]);
    its.engine.nudge();
    await reach('completed', 1);
    expect(await finish(job.id)).toMatchObject({ progress: { done: 4, changed: 1 } });
  });

  test('asks to confirm what may happen twice', async () => {
    await publish('sms', [call('test.once')], [call('test.once')]);
    provider.script('test.once', () => failed('permanent', 'No such number'));
    await start('sms', 1, 'failed');
    const job = await retry('sms');
    await expect(begin(job)).rejects.toThrow(/may happen twice/);
    expect((await begin(job, { confirm: true })).status).toBe('running');
    await expect(begin(job, { confirm: true })).rejects.toThrow(/started before/);
  });

  test('keeps to its rate', async () => {
    const job = await retry('books');
    await begin(job, { rate: 1 });
    const by = worker();
    for (let look = 0; look < 5; look += 1) await by.work();
    expect((await jobs.get(db.tenantId, job.id)).progress.pending).toBeGreaterThanOrEqual(4);
  });

  test('stands still while it is paused, goes on, and leaves the rest alone when it is aborted', async () => {
    const job = await retry('books');
    await begin(job, { rate: 2 });
    await jobs.pause(db.tenantId, job.id, 'key/test');
    await db.ownerPool.query(`update bulk_job set paced_at = paced_at - interval '1 minute'`);
    await worker().work();
    expect((await jobs.get(db.tenantId, job.id)).progress.pending).toBe(5);
    await jobs.resume(db.tenantId, job.id, 'key/test');
    await db.ownerPool.query(`update bulk_job set paced_at = paced_at - interval '1 second', lease_until = null`);
    await worker().work();
    await jobs.abort(db.tenantId, job.id, 'key/test');
    await reach('completed', 2);
    await db.ownerPool.query('update bulk_job set lease_until = null');
    await worker().work();
    expect(await jobs.get(db.tenantId, job.id)).toMatchObject({ status: 'aborted', progress: { done: 2, left: 3 } });
    await expect(jobs.resume(db.tenantId, job.id, 'key/test')).rejects.toThrow(/is over/);
    expect(await count('failed')).toBe(3);
  });

  test('goes on in another process when its own dies, and every run has one command', async () => {
    const job = await retry('books');
    await begin(job, { rate: 2 });
    await db.ownerPool.query(`update bulk_job set paced_at = paced_at - interval '1 second'`);
    const dead = worker();
    await dead.work();
    const successor = worker();
    expect(await successor.work()).toBe(0);
    await db.ownerPool.query(`update bulk_job set lease_until = clock_timestamp() - interval '1 second'`);
    await finish(job.id, successor);
    await reach('completed', 5);
    expect((await db.ownerPool.query('select from run_command')).rowCount).toBe(5);
    expect(provider.calls.filter(({ action }) => action === 'test.once')).toHaveLength(5);
  });

  test('waits for an earlier one of its tenant, but not for that of another', async () => {
    await begin(await retry('books'), { rate: 1 });
    await publish('sms', [call('test.lookup')]);
    provider.script('test.lookup', () => failed('permanent', 'No'));
    await start('sms', 1, 'failed');
    const second = await retry('sms');
    await begin(second);
    await db.ownerPool.query(`update bulk_job set paced_at = paced_at - interval '1 second'`);
    expect(await worker().work()).toBe(1);
    expect((await jobs.get(db.tenantId, second.id)).progress.pending).toBe(1);
  });
});
