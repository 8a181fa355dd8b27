import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { openPool } from '../../platform/database/engine-pool.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, flow, literal, runFlow } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { ADOPT_STARTED } from './queries/adopt-runs.ts';
import { TAKE_LEASE } from './queries/take-lease.ts';
import { incoming, testEngine, TestCatalogue, type TestEngine } from './engine.test-support.ts';

let db: TestDatabase;
let provider: Provider;
let catalogue: TestCatalogue;
const open: TestEngine[] = [];
const pools: pg.Pool[] = [];

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  catalogue = new TestCatalogue();
});

afterEach(async () => {
  for (const { engine } of open.splice(0)) await engine.stop();
  for (const pool of pools.splice(0)) await pool.end();
  await db.close();
});

/** An engine with connections of its own, as in another process. */
async function engine(connected: (client: pg.PoolClient) => void = () => undefined): Promise<TestEngine> {
  const pool = openPool(db.address, 'engine', 4);
  pool.on('connect', connected);
  pools.push(pool);
  const started = testEngine(db, provider, { stopMs: 100 }, { catalogue, pool });
  open.push(started);
  await started.engine.start();
  return started;
}

async function ended(): Promise<number> {
  return Number((await db.ownerPool.query<{ n: string }>(`select count(*) as n from run where status = 'completed'`)).rows[0]?.n);
}

async function isJournaled(): Promise<boolean> {
  return ((await db.ownerPool.query('select from run_journal')).rowCount ?? 0) > 0;
}

/** Does `work` before each such statement that a lane makes: its text, or its name. */
function beforeStatement(client: pg.PoolClient, statement: string, work: () => Promise<void>): void {
  const query = client.query.bind(client) as (...values: unknown[]) => Promise<pg.QueryResult>;
  const later = async (...values: unknown[]): Promise<pg.QueryResult> => {
    const [first] = values;
    if ((typeof first === 'object' ? (first as { name?: string }).name : first) === statement) await work();
    return query(...values);
  };
  // A pool asks with a callback; the lane does not.
  Object.assign(client, { query: (...values: unknown[]) => (typeof values.at(-1) === 'function' ? query : later)(...values) });
}

const twoSteps = flow([call('test.keyed'), call('test.once', literal({}), { onUnknown: 'resend' })]);

describe('a lease', () => {
  test('that was released at a clean stop is taken at once, and no call is repeated', async () => {
    catalogue.add(db.tenantId, twoSteps);
    let answer: () => void = () => undefined;
    provider.script('test.keyed', async (attempt) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return provider.happen(attempt);
    });
    const first = await engine();
    await first.intake.accept(incoming(db.tenantId));
    await until(
      () => provider.calls.length === 1,
      () => 'no call',
    );
    const draining = first.engine.drain();
    answer();
    await draining;
    await first.engine.stop();
    expect(provider.calls).toHaveLength(1);
    await engine();
    await until(
      async () => (await ended()) === 1,
      () => 'the run did not go on',
    );
    expect(provider.calls.map(({ step, attempt }) => [step, attempt])).toEqual([
      ['0', 1],
      ['1', 1],
    ]);
  });

  test('that another process took makes every later flush of its owner write nothing', async () => {
    catalogue.add(db.tenantId, twoSteps);
    let answer: () => void = () => undefined;
    provider.script('test.keyed', async (attempt) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return provider.happen(attempt);
    });
    const first = await engine();
    await first.intake.accept(incoming(db.tenantId));
    await until(
      () => provider.calls.length === 1,
      () => 'no call',
    );
    // As if the owner had been stopped for longer than its lease while another process came.
    await db.ownerPool.query(`update engine_lease set taken_by = 0, expires_at = now() - interval '1 hour' where taken_by is null`);
    await db.ownerPool.query('update run set epoch = 0 where epoch <> 0');
    answer();
    await until(
      async () => (await db.ownerPool.query('select from engine_lease')).rowCount === 2,
      () => 'the owner did not notice',
    );
    const { rows } = await db.ownerPool.query<{ entries: string }>('select entries::text from run_journal order by seq');
    expect(rows.map(({ entries }) => JSON.parse(entries).map(({ kind }: { kind: string }) => kind))).toEqual([['intent']]);
  });

  test('that was taken while the answer to a flush lay unread lets no call leave', async () => {
    catalogue.add(db.tenantId, twoSteps);
    let read: () => void = () => undefined;
    const standstill = new Promise<void>((resolve) => (read = resolve));
    const first = await engine((client) => {
      const query = client.query.bind(client) as (...values: unknown[]) => Promise<pg.QueryResult<{ fenced?: number }>>;
      const late = async (...values: unknown[]): Promise<pg.QueryResult> => {
        const result = await query(...values);
        if (result.rows[0]?.fenced === 1 && (await isJournaled())) await standstill;
        return result;
      };
      // A pool asks with a callback; the lane does not.
      Object.assign(client, { query: (...values: unknown[]) => (typeof values.at(-1) === 'function' ? query : late)(...values) });
    });
    const accepted = first.intake.accept(incoming(db.tenantId)).catch(() => undefined);
    await until(
      async () => (await db.ownerPool.query('select from engine_lease where expires_at < clock_timestamp()')).rowCount === 1,
      () => 'the lease goes on',
    );
    await db.ownerPool.query('update engine_lease set taken_by = 0 where taken_by is null');
    await db.ownerPool.query('update run set epoch = 0 where epoch <> 0');
    read();
    await until(
      async () => (await db.ownerPool.query('select from engine_lease')).rowCount === 2,
      () => 'the owner did not notice',
    );
    await accepted;
    expect(await isJournaled()).toBe(true);
    expect(provider.calls).toEqual([]);
  });

  test('whose time is nearly over lets no request out until it is renewed, and one that was taken never again', async () => {
    catalogue.add(db.tenantId, twoSteps);
    provider.script('test.keyed', () => new Promise(() => undefined));
    let goOn: () => void = () => undefined;
    let standstill: Promise<void> | undefined;
    const first = await engine((client) => beforeStatement(client, 'flush', () => standstill ?? Promise.resolve()));
    await first.intake.accept(incoming(db.tenantId));
    await until(
      () => provider.calls.length === 1,
      () => 'no call',
    );
    const mayLeave = (): boolean => provider.calls[0]?.mayLeave?.() ?? false;
    await until(mayLeave, () => 'it may not leave');
    standstill = new Promise((resolve) => (goOn = resolve));
    await until(
      () => !mayLeave(),
      () => 'it may leave for ever',
    );
    standstill = undefined;
    goOn();
    await until(mayLeave, () => 'the lease was not renewed');
    await db.ownerPool.query('update engine_lease set taken_by = 0 where taken_by is null');
    await until(
      async () => (await db.ownerPool.query('select from engine_lease')).rowCount === 2,
      () => 'the owner did not notice',
    );
    expect(mayLeave()).toBe(false);
  });

  test('that is given up because a flush cannot be put together leaves nobody who waits for that flush without an answer', async () => {
    catalogue.add(db.tenantId, flow([runFlow('sub-flow')]));
    catalogue.find = () => Promise.reject(new Error('the database system is not yet accepting connections'));
    const first = await engine();
    await first.intake.accept(incoming(db.tenantId));
    // In the flush in which the run starts its sub-flow.
    const next = first.intake.accept(incoming(db.tenantId));
    await expect(next).rejects.toMatchObject({ code: 'events.unavailable' });
  });

  test('that is given up by a process that lives is no death to its runs', async () => {
    catalogue.add(db.tenantId, flow([call('test.keyed'), runFlow('sub-flow')]));
    catalogue.add(db.tenantId, flow([call('test.once')], { name: 'sub-flow', triggers: [{ kind: 'manual', inputs: {} }] }));
    const find = catalogue.find.bind(catalogue);
    catalogue.find = () => Promise.reject(new Error('the database system is not yet accepting connections'));
    const first = await engine();
    await first.intake.accept(incoming(db.tenantId));
    await until(
      async () => (await db.ownerPool.query('select from engine_lease')).rowCount === 2,
      () => 'the lease was not given up',
    );
    catalogue.find = find;
    await until(
      async () => (await ended()) === 2,
      () => 'the run did not go on',
    );
    const { rows } = await db.ownerPool.query<{ kind: string }>(
      `select e->>'kind' as kind from run_journal, json_array_elements(entries) e`,
    );
    expect(rows.map(({ kind }) => kind)).not.toContain('resumed');
  });

  test('whose process died is taken over when its time is over; the call under way has the same key', async () => {
    catalogue.add(db.tenantId, twoSteps);
    provider.script('test.keyed', (attempt) => {
      provider.happen(attempt);
      return new Promise(() => undefined);
    });
    const first = await engine();
    await first.intake.accept(incoming(db.tenantId));
    await until(
      () => provider.calls.length === 1,
      () => 'no call',
    );
    // Its connections break and it gets no others: all that the database ever sees of a process that died.
    const dead = pools.shift();
    const gone = dead?.end();
    open.shift();
    const second = await engine();
    await terminateEngineBackends();
    await until(
      async () => (await ended()) === 1,
      () => 'the run was not taken over',
    );
    expect(second.engine.load).toBe(0);
    expect([...provider.effects.values()]).toEqual([1, 1]);
    expect(provider.calls.map(({ step, attempt }) => [step, attempt])).toEqual([
      ['0', 1],
      ['0', 2],
      ['1', 1],
    ]);
    expect(provider.calls[1]?.idempotencyKey).toBe(provider.calls[0]?.idempotencyKey);
    await first.engine.stop();
    await gone;
  });

  test('is not taken while its owner takes another, even when that owner stands still for longer than the lease lasts', async () => {
    catalogue.add(db.tenantId, twoSteps);
    provider.script('test.keyed', () => new Promise(() => undefined));
    const first = await engine();
    await first.intake.accept(incoming(db.tenantId));
    await until(
      () => provider.calls.length === 1,
      () => 'no call',
    );
    const gone = pools.shift()?.end();
    open.shift();
    await terminateEngineBackends();
    let goOn: () => void = () => undefined;
    const standstill = new Promise<void>((resolve) => (goOn = resolve));
    let stands = false;
    await engine((client) => {
      beforeStatement(client, ADOPT_STARTED, async () => {
        stands = true;
        await standstill;
      });
    });
    await until(
      () => stands,
      () => 'nothing was taken over',
    );
    let looks = 0;
    await engine((client) => beforeStatement(client, TAKE_LEASE, () => Promise.resolve(void (looks += 1))));
    await until(
      async () =>
        (await db.ownerPool.query('select from engine_lease where taken_by is null and expires_at < clock_timestamp()')).rowCount === 2,
      () => 'the leases go on',
    );
    const seen = looks;
    await until(
      () => looks >= seen + 2,
      () => 'the other does not look',
    );
    goOn();
    await until(
      async () => (await ended()) === 1,
      () => 'the run belongs to a lease that was taken',
    );
    await first.engine.stop();
    await gone;
  });
});

describe('a cut connection', () => {
  test('loses no event that was acknowledged and repeats no effect', async () => {
    catalogue.add(db.tenantId, flow([call('test.once'), call('test.once')]));
    const { intake } = await engine();
    let cutting = true;
    let acknowledged = 0;
    const cut = (async () => {
      while (cutting) {
        // A machine that needs longer to connect than the next cut takes to come would never get anywhere.
        const before = acknowledged;
        await until(
          () => acknowledged > before || !cutting,
          () => 'nothing was acknowledged between two cuts',
          30_000,
        );
        await terminateEngineBackends();
      }
    })();
    for (let round = 0; round < 30; round += 1) {
      const events = Array.from({ length: 10 }, () => incoming(db.tenantId));
      for (const event of events) {
        for (;;) {
          const receipt = await intake.accept(event).catch(() => undefined);
          if (!receipt) await new Promise((resolve) => setTimeout(resolve, 5));
          else {
            acknowledged += 1;
            break;
          }
        }
      }
    }
    cutting = false;
    await cut;
    expect(acknowledged).toBe(300);
    await until(
      async () => (await ended()) === 300,
      () => 'runs are missing',
      60_000,
    );
    expect(provider.effects.size).toBe(600);
    expect([...provider.effects.values()].every((times) => times === 1)).toBe(true);
  }, 120_000);
});

/** Breaks every connection of every engine, and its own. */
async function terminateEngineBackends(): Promise<void> {
  await db.enginePool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where usename = 'kassaflow_engine' and datname = current_database() and pid <> pg_backend_pid()`,
  );
}
