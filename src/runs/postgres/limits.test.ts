import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, fail, flow } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import type { RunSettings } from '../run-settings.ts';
import { incoming, testEngine, type TestEngine } from './engine.test-support.ts';

let db: TestDatabase;
let provider: Provider;
let its: TestEngine | undefined;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 8 });
  provider = new Provider();
});

afterEach(async () => {
  await its?.engine.stop();
  await db.close();
});

async function engine(settings: Partial<RunSettings> = {}): Promise<TestEngine> {
  its = testEngine(db, provider, settings);
  await its.engine.start();
  return its;
}

async function count(query: string): Promise<number> {
  return (await db.ownerPool.query(query)).rowCount ?? 0;
}

test('two lanes share the work, each under a lease of its own', async () => {
  const { catalogue, intake, engine: two } = await engine({ lanes: 2 });
  catalogue.add(db.tenantId, flow([call('test.keyed'), call('test.once')]));
  await Promise.all(Array.from({ length: 300 }, () => intake.accept(incoming(db.tenantId))));
  await until(
    async () => two.load === 0 && (await count(`select from run where status = 'completed'`)) === 300,
    () => 'the runs did not end',
  );
  expect(await count('select from engine_lease where last_flush > 1')).toBe(2);
  expect(provider.effects.size).toBe(600);
  expect([...provider.effects.values()].every((times) => times === 1)).toBe(true);
});

describe('when more is under way than fits', () => {
  test('an event is refused with 429 and leaves nothing, and is taken in once there is room', async () => {
    const answers: (() => void)[] = [];
    provider.script(
      'test.keyed',
      ...Array.from({ length: 2 }, () => async (attempt: Parameters<Provider['happen']>[0]) => {
        await new Promise<void>((resolve) => answers.push(resolve));
        return provider.happen(attempt);
      }),
    );
    const { catalogue, intake } = await engine({ maxInFlight: 2 });
    catalogue.add(db.tenantId, flow([call('test.keyed')]));
    await intake.accept(incoming(db.tenantId));
    await intake.accept(incoming(db.tenantId));
    await until(
      () => answers.length === 2,
      () => 'no calls',
    );
    const late = incoming(db.tenantId);
    await expect(intake.accept(late)).rejects.toMatchObject({ code: 'events.overloaded', spec: { status: 429 }, retryAfterMs: 1_000 });
    expect(await count('select from event')).toBe(2);
    expect(await count('select from event_key')).toBe(2);

    const waiting = intake.accept(late);
    for (const answer of answers) answer();
    expect(await waiting).toMatchObject({ kind: 'accepted' });
    await until(
      async () => (await count(`select from run where status = 'completed'`)) === 3,
      () => 'the runs did not end',
    );
  });
});

describe('a value that PostgreSQL refuses', () => {
  test('is refused alone: every other event of the same flush is recorded', async () => {
    const { catalogue, intake } = await engine();
    catalogue.add(db.tenantId, flow([call('test.keyed')]));
    const bad = new Set([3, 11]);
    const sent = Array.from({ length: 20 }, (_, n) => incoming(db.tenantId, bad.has(n) ? { text: 'a\u0000b' } : { n }));
    const results = await Promise.allSettled(sent.map((event) => intake.accept(event)));
    expect(results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([...bad]);
    await until(
      async () => (await count(`select from run where status = 'completed'`)) === 18,
      () => 'the runs did not end',
    );
    expect(await count('select from event')).toBe(18);
    expect(await count('select from run')).toBe(18);
  });

  test('fails the run that records it, with a reason without the value, and no other', async () => {
    const { catalogue, intake } = await engine();
    catalogue.add(db.tenantId, flow([call('test.keyed'), fail('a\u0000b')], { name: 'bad' }));
    catalogue.add(db.tenantId, flow([call('test.once'), call('test.once')], { name: 'good' }));
    await Promise.all(Array.from({ length: 5 }, () => intake.accept(incoming(db.tenantId))));
    await until(
      async () => (await count('select from run where finished_at is not null')) === 10,
      () => 'the runs did not end',
    );
    const { rows } = await db.ownerPool.query<{ status: string; code: string | null; runs: number }>(
      `select status, reason ->> 'code' as code, count(*)::int as runs from run group by 1, 2 order by 1`,
    );
    expect(rows).toEqual([
      { status: 'completed', code: null, runs: 5 },
      { status: 'failed', code: 'runs.journal-refused', runs: 5 },
    ]);
    expect(await count(`select from event where type = 'run.failed'`)).toBe(5);
  });
});

test('a run started by hand is on disk when its id is given, with what was filled in', async () => {
  const { catalogue, engine: one } = await engine();
  const triggers = [{ kind: 'manual', inputs: { amount: { type: 'money' } } }] as const;
  const input = computed(['inputs'], ({ inputs }) => inputs);
  catalogue.add(db.tenantId, flow([call('test.keyed', input)], { name: 'by-hand', triggers }));
  catalogue.add(db.tenantId, flow([call('test.once')], { name: 'by-event' }));
  const id = await one.startByHand(db.tenantId, 'by-hand', { amount: { amount: '5', currency: 'EUR' } }, 'every');
  const { rows } = await db.ownerPool.query('select inputs from run where id = $1', [id]);
  expect(rows).toEqual([{ inputs: { amount: { amount: '5.00', currency: 'EUR' } } }]);
  await expect(one.startByHand(db.tenantId, 'by-hand', { amount: 5 }, [])).rejects.toMatchObject({ code: 'runs.input-invalid' });
  await expect(one.startByHand(db.tenantId, 'by-event', {}, [])).rejects.toMatchObject({ code: 'runs.not-manual' });
  expect(await count('select from run')).toBe(1);
});

test('a flow for one team is not started by hands of another; without a team everybody may', async () => {
  const { catalogue, engine: one } = await engine();
  const forTeam = (name: string, ...who: readonly (string | undefined)[]) =>
    catalogue.add(
      db.tenantId,
      flow([], { name, triggers: who.map((team) => ({ kind: 'manual', inputs: {}, ...(team !== undefined && { who: team }) })) }),
    );
  forTeam('for-finance', 'finance');
  forTeam('for-all', 'finance', undefined);
  const start = (name: string, teams: readonly string[] | 'every') => one.startByHand(db.tenantId, name, {}, teams);
  for (const teams of [[], ['sales']]) await expect(start('for-finance', teams)).rejects.toMatchObject({ code: 'runs.team-required' });
  for (const teams of [['sales', 'finance'], 'every'] as const) await start('for-finance', teams);
  await start('for-all', []);
  expect(await count('select from run')).toBe(3);
});
