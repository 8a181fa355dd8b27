import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, flow, waitFor } from '../conformance/flow-builder.ts';
import type { Provider } from '../conformance/provider.ts';
import { incoming, type TestCatalogue } from './engine.test-support.ts';
import { Workers } from './workers.test-support.ts';

let its: Workers;
let db: TestDatabase;
let provider: Provider;
let catalogue: TestCatalogue;

beforeEach(async () => {
  its = await Workers.open();
  ({ db, provider, catalogue } = its);
});
afterEach(() => its.close());

const engine = () => its.engine();

const input = computed(['event'], ({ event }) => event);
const onePerKey = (ifRunning: 'skip' | 'queue' | 'replace') =>
  flow([call('test.once', input), call('test.keyed', input)], {
    onePer: { key: computed(['event'], ({ event }) => (event as { key: string }).key), ifRunning },
  });

/** Lets every first call of the provider wait until it is let go. */
function holdFirstCalls(times: number): (() => void)[] {
  const held: (() => void)[] = [];
  for (let n = 0; n < times; n += 1)
    provider.script('test.once', async (attempt) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return provider.happen(attempt);
    });
  return held;
}

async function statuses(): Promise<readonly string[]> {
  return (await db.ownerPool.query<{ status: string }>('select status from run order by id')).rows.map(({ status }) => status);
}

async function reaches(...wanted: readonly string[]): Promise<void> {
  let seen: readonly string[] = [];
  await until(
    async () => JSON.stringify((seen = await statuses())) === JSON.stringify(wanted),
    () => `the runs are ${seen.join(', ')}`,
  );
}

const started = () => provider.calls.filter(({ action }) => action === 'test.once').map(({ input: { n } }) => n);

describe('if-running: queue', () => {
  test('runs of one key go one after the other in the order of their events, each once, over two processes', async () => {
    catalogue.add(db.tenantId, onePerKey('queue'));
    const engines = [await engine(), await engine()];
    const counts = new Map<string, number>();
    for (let n = 0; n < 40; n += 1) {
      const key = `k${n % 4}`;
      counts.set(key, n);
      await engines[n % 2]?.intake.accept(incoming(db.tenantId, { key, n }));
    }
    await until(
      async () => (await statuses()).filter((status) => status === 'completed').length === 40,
      () => 'the runs did not end',
    );
    for (const key of counts.keys()) {
      const calls = provider.calls.filter(({ input: given }) => given['key'] === key).map(({ action, input: { n } }) => [n, action]);
      const ns = [...Array(40).keys()].filter((n) => `k${n % 4}` === key);
      expect(calls).toEqual(
        ns.flatMap((n) => [
          [n, 'test.once'],
          [n, 'test.keyed'],
        ]),
      );
    }
    expect((await db.ownerPool.query('select from run_queue union all select from run_key')).rowCount).toBe(0);
  });

  test("a queued run is in nobody's memory, and can be cancelled", async () => {
    catalogue.add(db.tenantId, onePerKey('queue'));
    const held = holdFirstCalls(1);
    const one = await engine();
    for (const n of [0, 1, 2]) await one.intake.accept(incoming(db.tenantId, { key: 'k', n }));
    await reaches('running', 'queued', 'queued');
    expect(one.engine.load).toBe(1);
    const { rows } = await db.ownerPool.query<{ id: string }>(`select id from run where status = 'queued' order by id limit 1`);
    await db.ownerPool.query(
      `insert into run_command (tenant_id, run_id, kind, requested_by) select tenant_id, id, 'cancel', 'key/test' from run where id = $1`,
      [rows[0]?.id],
    );
    one.engine.nudge();
    await reaches('running', 'cancelled', 'queued');
    held[0]?.();
    await reaches('completed', 'cancelled', 'completed');
    expect(started()).toEqual([0, 2]);
  });

  test('a queued run that was taken to be cancelled stands in line again when its process dies before it was told', async () => {
    catalogue.add(db.tenantId, onePerKey('queue'));
    const held = holdFirstCalls(1);
    const one = await engine();
    for (const n of [0, 1, 2]) await one.intake.accept(incoming(db.tenantId, { key: 'k', n }));
    await reaches('running', 'queued', 'queued');
    // As by a process that died between taking the run and writing its end.
    const { rows } = await db.ownerPool.query<{ epoch: string }>(
      `insert into engine_lease (epoch, process, low_water, expires_at)
       values (nextval('engine_epoch'), 'dead', 'ffffffff-ffff-ffff-ffff-ffffffffffff', clock_timestamp() - interval '1 hour') returning epoch::text`,
    );
    await db.ownerPool.query(
      `update run set epoch = $1::bigint, claimed_by = $1::bigint, status = 'running' where id = (select id from run where status = 'queued' order by id desc limit 1)`,
      [rows[0]?.epoch],
    );
    await until(
      async () => ((await db.ownerPool.query('select from engine_lease where taken_by is not null')).rowCount ?? 0) > 0,
      () => 'the lease was not taken over',
    );
    await reaches('running', 'queued', 'queued');
    expect(started()).toEqual([0]);
    held[0]?.();
    await reaches('completed', 'completed', 'completed');
    expect(started()).toEqual([0, 1, 2]);
  });

  test('what is recorded while a run is queued is not missed: it ends its wait, and an event of stop-on ends the run', async () => {
    const itsOwn = { key: { path: 'n', value: computed(['event'], ({ event }) => (event as { n: number }).n) } };
    catalogue.add(
      db.tenantId,
      flow([call('test.once', input), waitFor(['custom.paid'], { match: itsOwn }), call('test.keyed', input)], {
        onePer: { key: computed(['event'], ({ event }) => (event as { key: string }).key), ifRunning: 'queue' },
        stopOn: [{ event: 'custom.cancelled', match: itsOwn }],
      }),
    );
    const held = holdFirstCalls(1);
    const one = await engine();
    for (const n of [0, 1, 2]) await one.intake.accept(incoming(db.tenantId, { key: 'k', n }));
    await reaches('running', 'queued', 'queued');
    for (const n of [0, 1]) await one.intake.accept(incoming(db.tenantId, { key: 'k', n }, { type: 'custom.paid' }));
    await one.intake.accept(incoming(db.tenantId, { key: 'k', n: 2 }, { type: 'custom.cancelled' }));
    held[0]?.();
    await reaches('completed', 'completed', 'stopped');
    // Not even its first call has left.
    expect(started()).toEqual([0, 1]);
  });

  test('a turn that was not given because the process died is given by the sweep of another', async () => {
    const published = catalogue.add(db.tenantId, onePerKey('queue'));
    const held = holdFirstCalls(1);
    const one = await engine();
    for (const n of [0, 1]) await one.intake.accept(incoming(db.tenantId, { key: 'k', n }));
    await reaches('running', 'queued');
    // As if the first had ended in a process that died before it looked who is next.
    await db.ownerPool.query('delete from run_key where flow_id = $1', [published.flowId]);
    await reaches('running', 'completed');
    held[0]?.();
    await reaches('completed', 'completed');
  });
});

describe('if-running: replace', () => {
  test('the newest run ends the one that has the key and those in line', async () => {
    catalogue.add(db.tenantId, onePerKey('replace'));
    const held = holdFirstCalls(1);
    const engines = [await engine(), await engine()];
    for (const n of [0, 1, 2]) await engines[n % 2]?.intake.accept(incoming(db.tenantId, { key: 'k', n }));
    await until(
      // Both processes may have told it: an order that was carried out already changes nothing.
      async () => ((await db.ownerPool.query('select from run_command where handled_at is not null')).rowCount ?? 0) > 0,
      () => 'the run that has the key was not told',
    );
    held[0]?.();
    await reaches('cancelled', 'cancelled', 'completed');
    expect(started()).toEqual([0, 2]);
    const { rows } = await db.ownerPool.query<{ message: string }>(
      `select reason ->> 'message' as message from run where status = 'cancelled'`,
    );
    for (const { message } of rows) expect(message).toMatch(/run\/run_/);
  });
});

test('if-running: skip starts nothing while a run has the key, not even a run that would end at once', async () => {
  const pure = flow([], { onePer: { key: computed([], () => 'k'), ifRunning: 'skip' }, name: 'pure' });
  const { flowId } = catalogue.add(db.tenantId, pure);
  const one = await engine();
  await db.ownerPool.query(`insert into run_key (tenant_id, flow_id, key, run_id) values ($1, $2, 'k', gen_random_uuid())`, [
    db.tenantId,
    flowId,
  ]);
  await one.intake.accept(incoming(db.tenantId));
  expect(await statuses()).toEqual([]);
  await db.ownerPool.query('delete from run_key');
  await one.intake.accept(incoming(db.tenantId));
  expect(await statuses()).toEqual(['completed']);
});
