import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { openPool } from '../../platform/database/engine-pool.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, flow, parallel, waitFor } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { giveCommand, incoming, testEngine, TestCatalogue, type TestEngine } from './engine.test-support.ts';

let db: TestDatabase;
let provider: Provider;
let catalogue: TestCatalogue;
let live: { its: TestEngine; pool: pg.Pool }[] = [];

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  catalogue = new TestCatalogue();
  live = [];
});

afterEach(async () => {
  for (const { its, pool } of live) {
    await its.engine.stop();
    if (!pool.ending) await pool.end();
  }
  await db.close();
});

/** An engine with connections of its own, as in another process. */
async function engine(): Promise<{ its: TestEngine; pool: pg.Pool }> {
  const pool = openPool(db.address, 'engine', 4);
  const made = { its: testEngine(db, provider, { stopMs: 100 }, { catalogue, pool }), pool };
  live.push(made);
  await made.its.engine.start();
  return made;
}

/** All that the database ever sees of a process that dies: its connections break, and it gets no others. */
async function die({ pool }: { pool: pg.Pool }): Promise<void> {
  const gone = pool.end();
  await db.enginePool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where usename = 'kassaflow_engine' and datname = current_database() and pid <> pg_backend_pid()`,
  );
  await gone;
}

async function calls(count: number): Promise<void> {
  await until(
    () => provider.calls.length >= count,
    () => `there were ${provider.calls.length} calls, not ${count}`,
  );
}

async function statuses(): Promise<readonly string[]> {
  const { rows } = await db.ownerPool.query<{ status: string }>('select status from run order by status');
  return rows.map(({ status }) => status);
}

async function reach(...wanted: readonly string[]): Promise<void> {
  await until(
    async () => String(await statuses()) === String(wanted),
    () => `the runs did not become ${String(wanted)}`,
  );
}

const hangs = () => new Promise<never>(() => undefined);

describe('a run under which the process dies', () => {
  test('three times at one step is set aside, and goes on when a person says so, under the same key', async () => {
    catalogue.add(db.tenantId, flow([call('test.keyed'), call('test.lookup')]));
    provider.script('test.keyed', hangs, hangs, hangs);
    let current = await engine();
    await current.its.intake.accept(incoming(db.tenantId));
    for (let death = 1; death <= 3; death += 1) {
      await calls(death);
      await die(current);
      current = await engine();
    }
    await reach('attention');
    const { rows } = await db.ownerPool.query('select step, kind, detail from run_attention where resolved_at is null');
    expect(rows).toEqual([{ step: '0', kind: 'failed', detail: { message: expect.stringContaining('died 3 times') } }]);
    expect(provider.calls).toHaveLength(3);

    expect(await giveCommand(db, current.its, 'resolve', { resolution: { decision: 'fail' } })).toEqual({ refused: 'runs.set-aside' });
    expect(await giveCommand(db, current.its, 'resume')).toEqual({ refused: 'runs.set-aside' });
    expect(await giveCommand(db, current.its, 'retry')).toEqual({ done: true });
    await reach('completed');
    expect(new Set(provider.calls.slice(0, 4).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(provider.done).toEqual(['0', '1']);
    expect((await db.ownerPool.query('select from run_attention where resolved_at is null')).rowCount).toBe(0);
  });

  test('still hears, once it goes on, of what came while it was set aside', async () => {
    const its = flow([parallel({ a: [call('test.keyed')], b: [waitFor(['custom.paid']), call('test.lookup')] })]);
    catalogue.add(db.tenantId, its);
    provider.script('test.keyed', hangs, hangs, hangs);
    let current = await engine();
    await current.its.intake.accept(incoming(db.tenantId));
    for (let death = 1; death <= 3; death += 1) {
      await calls(death);
      await die(current);
      current = await engine();
    }
    await reach('attention');
    await current.its.intake.accept(incoming(db.tenantId, {}, { type: 'custom.paid' }));
    await until(
      async () => (await db.ownerPool.query('select from run_signal')).rowCount === 1,
      () => 'the event was not offered to the wait',
    );
    expect(await giveCommand(db, current.its, 'retry')).toEqual({ done: true });
    await reach('completed');
    expect(provider.done.toSorted()).toEqual(['0.parallel.a.0', '0.parallel.b.1']);
    expect((await db.ownerPool.query('select from run_signal')).rowCount).toBe(0);
  });

  test('takes no other with it: suspects go on one after the other', async () => {
    catalogue.add(db.tenantId, flow([call('test.keyed')]));
    let answer: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    provider.script('test.keyed', ...Array.from({ length: 5 }, () => hangs), async (attempt) => {
      await gate;
      return provider.happen(attempt);
    });
    let current = await engine();
    await Promise.all([current.its.intake.accept(incoming(db.tenantId)), current.its.intake.accept(incoming(db.tenantId))]);
    await calls(2);
    await die(current);
    current = await engine();
    await calls(4);
    await die(current);
    current = await engine();
    // Two deaths each: now only one of them goes on, and dies with the process. The other one's turn comes after it.
    await calls(5);
    await die(current);
    await engine();
    await reach('attention', 'running');
    answer();
    await reach('attention', 'completed');
    expect(provider.calls).toHaveLength(6);
  });

  test('is not counted when the process stopped in good order', async () => {
    catalogue.add(db.tenantId, flow([call('test.keyed')]));
    provider.script('test.keyed', ...Array.from({ length: 4 }, () => hangs));
    let current = await engine();
    await current.its.intake.accept(incoming(db.tenantId));
    for (let stop = 1; stop <= 4; stop += 1) {
      await calls(stop);
      await current.its.engine.stop();
      current = await engine();
    }
    await reach('completed');
  });
});

describe('a run whose flow can no longer be read', () => {
  test('is set aside, keeps no other from being taken over, and goes on once the flow is readable', async () => {
    const broken = catalogue.add(db.tenantId, flow([call('test.once')], { triggers: [{ kind: 'event', event: 'custom.broken' }] }));
    catalogue.add(db.tenantId, flow([call('test.keyed')]));
    provider.script('test.keyed', hangs);
    provider.script('test.once', hangs);
    const first = await engine();
    await first.its.intake.accept(incoming(db.tenantId, {}, { type: 'custom.broken' }));
    await first.its.intake.accept(incoming(db.tenantId));
    await calls(2);
    await die(first);
    catalogue.unreadable.add(broken.flowId);
    const { its } = await engine();
    await reach('attention', 'completed');
    const { rows } = await db.ownerPool.query<{ message: string }>(
      `select reason ->> 'message' as message from run where status = 'attention'`,
    );
    expect(rows[0]?.message).toContain('cannot be read');
    await giveCommand(db, its, 'retry', {}, 'attention');
    await reach('attention', 'completed');
    catalogue.unreadable.clear();
    await giveCommand(db, its, 'retry', {}, 'attention');
    // Its call was under way when the process died: a person says what became of it.
    await until(
      async () => (await db.ownerPool.query(`select from run_attention where kind = 'unknown-outcome'`)).rowCount === 1,
      () => 'the run did not go on',
    );
  });

  test('is ended by a cancel', async () => {
    const { flowId } = catalogue.add(db.tenantId, flow([call('test.keyed')]));
    provider.script('test.keyed', hangs);
    const first = await engine();
    await first.its.intake.accept(incoming(db.tenantId));
    await calls(1);
    await die(first);
    catalogue.unreadable.add(flowId);
    const { its } = await engine();
    await reach('attention');
    expect(await giveCommand(db, its, 'cancel')).toEqual({ done: true });
    await reach('cancelled');
    expect(provider.calls).toHaveLength(1);
  });
});
