import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, unknown } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, flow, literal, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { giveCommand, incoming, testEngine, type TestEngine } from './engine.test-support.ts';

let db: TestDatabase;
let provider: Provider;
let its: TestEngine;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  its = testEngine(db, provider);
  await its.engine.start();
});

afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

async function status(): Promise<string | undefined> {
  return (await db.ownerPool.query<{ status: string }>('select status from run')).rows[0]?.status;
}

async function reaches(wanted: string): Promise<void> {
  await until(
    async () => (await status()) === wanted && its.engine.load === 0,
    () => `the run did not become ${wanted}`,
  );
}

const command = (kind: string, detail: object = {}) => giveCommand(db, its, kind, detail);

const asksPerson = flow([
  call('test.once', literal({ n: 1 }), { id: 'sent' }),
  call(
    'test.keyed',
    computed(['steps'], ({ steps }) => ({ of: steps })),
  ),
]);

describe('a step whose outcome is unknown', () => {
  beforeEach(async () => {
    provider.script('test.once', () => unknown('Connection reset'));
    its.catalogue.add(db.tenantId, asksPerson);
    await its.intake.accept(incoming(db.tenantId));
    await reaches('attention');
  });

  test('is shown as an open question', async () => {
    const { rows } = await db.ownerPool.query('select step, kind from run_attention where resolved_at is null');
    expect(rows).toEqual([{ step: '0', kind: 'unknown-outcome' }]);
  });

  test('goes on with the output that a person gives', async () => {
    expect(await command('resolve', { resolution: { decision: 'done', output: { id: 'abc' } } })).toEqual({ done: true });
    await reaches('completed');
    expect(provider.calls.map(({ step }) => step)).toEqual(['0', '1']);
    expect(provider.calls[1]?.input).toMatchObject({ of: { sent: { id: 'abc', outcome: 'ok' } } });
    expect((await db.ownerPool.query('select from run_attention where resolved_at is null')).rowCount).toBe(0);
  });

  test('is sent again under a new key when a person says that it was not done', async () => {
    await command('resolve', { resolution: { decision: 'not-done' } });
    await reaches('completed');
    expect(provider.calls.map(({ step }) => step)).toEqual(['0', '0', '1']);
    expect(provider.calls[1]?.idempotencyKey).not.toBe(provider.calls[0]?.idempotencyKey);
    expect(provider.calls[1]?.input).toEqual(provider.calls[0]?.input);
  });

  test('fails when a person gives it up', async () => {
    await command('resolve', { resolution: { decision: 'fail' } });
    await reaches('failed');
    expect(provider.calls).toHaveLength(1);
  });
});

describe('a failed run', () => {
  beforeEach(async () => {
    provider.script('test.keyed', () => failed('permanent', 'Closed'));
    its.catalogue.add(db.tenantId, flow([call('test.once'), call('test.keyed')], { onFailure: [call('test.lookup')] }));
    await its.intake.accept(incoming(db.tenantId));
    await reaches('failed');
  });

  test('goes on from the step that failed, and repeats nothing before it', async () => {
    expect(await command('retry')).toEqual({ done: true });
    await reaches('completed');
    expect(provider.calls.map(({ step }) => step)).toEqual(['0', '1', 'on-failure.0', '1']);
    expect(provider.calls[3]?.idempotencyKey).not.toBe(provider.calls[1]?.idempotencyKey);
  });

  test('cannot be cancelled', async () => {
    expect(await command('cancel')).toEqual({ refused: 'runs.finished' });
  });
});

test('a run that timed out goes on where it stood when it is retried, and has its time anew', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.keyed'), waitUntil(literal('2999-01-01T00:00:00Z'))], { timeoutMs: 1_000 }));
  await its.intake.accept(incoming(db.tenantId));
  await reaches('failed');
  expect(await command('retry')).toEqual({ done: true });
  await reaches('failed');
  expect(provider.calls).toHaveLength(1);
  const { rows } = await db.ownerPool.query<{ kinds: string }>(
    `select string_agg(e ->> 'kind', ' ' order by seq, n) as kinds from run_journal, json_array_elements(entries) with ordinality as x(e, n)`,
  );
  expect(rows[0]?.kinds).toBe('deadline intent answer sleep timed-out end retry deadline timed-out end');
  expect((await db.ownerPool.query('select from run_timer')).rowCount).toBe(0);
});

test('a sleeping run is cancelled: nothing more happens, and its timer is gone', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.keyed'), waitUntil(literal('2999-01-01T00:00:00Z')), call('test.keyed')]));
  await its.intake.accept(incoming(db.tenantId));
  await reaches('waiting');
  expect(await command('retry')).toEqual({ refused: 'runs.not-failed' });
  expect(await command('cancel')).toEqual({ done: true });
  await reaches('cancelled');
  expect(provider.calls).toHaveLength(1);
  expect((await db.ownerPool.query('select from run_timer')).rowCount).toBe(0);
});

test('at most one run at a time has a one-per key, and a later one may have it again', async () => {
  let answer: () => void = () => undefined;
  provider.script('test.keyed', async (attempt) => {
    await new Promise<void>((resolve) => (answer = resolve));
    return provider.happen(attempt);
  });
  its.catalogue.add(
    db.tenantId,
    flow([call('test.keyed')], {
      onePer: { key: computed(['event'], ({ event }) => (event as { invoice: string }).invoice), ifRunning: 'skip' },
    }),
  );
  await its.intake.accept(incoming(db.tenantId, { invoice: 'a' }));
  await until(
    () => provider.calls.length === 1,
    () => 'no call',
  );
  expect((await its.intake.accept(incoming(db.tenantId, { invoice: 'a' }))).kind).toBe('accepted');
  expect((await db.ownerPool.query('select from run')).rowCount).toBe(1);
  answer();
  await reaches('completed');
  await its.intake.accept(incoming(db.tenantId, { invoice: 'a' }));
  await until(
    async () => (await db.ownerPool.query(`select from run where status = 'completed'`)).rowCount === 2,
    () => 'the key was not free again',
  );
});
