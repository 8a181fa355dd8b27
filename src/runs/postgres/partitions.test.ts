import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import { call, flow, literal } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { addRun, inDays, keepHouse, partitionAt } from '../retention/retention.test-support.ts';
import { runRetention } from '../retention/run-retention.ts';
import { JOURNAL_TABLE, RUN_TABLE } from '../retention/run-tables.ts';
import { incoming, testEngine } from './engine.test-support.ts';
import { ADOPT_CLAIMED, ADOPT_STARTED } from './queries/adopt-runs.ts';
import { LOAD_JOURNALS, LOAD_RUNS } from './queries/load-runs.ts';

let db: TestDatabase;
let session: OwnerSession;
/** The first is not over in eight days, whichever day of the week today is. */
const weeks = [2, 3, 4, 5].map((n) => inDays(n * 7));
beforeEach(async () => {
  db = await testDatabase();
  session = await OwnerSession.open(db.address);
  for (const week of weeks) for (const table of [RUN_TABLE, JOURNAL_TABLE]) await partitionAt(session, table, week);
});
afterEach(async () => {
  await session.close();
  await db.close();
});

/** Names of the partitions that an execution of the statement looked at, of those it was planned for. */
async function touched(text: string, values: readonly unknown[]): Promise<string[]> {
  const literal = (item: unknown): string =>
    Array.isArray(item) ? `'{${item.join()}}'` : typeof item === 'number' ? String(item) : `'${String(item)}'`;
  const client = await db.enginePool.connect();
  try {
    await client.query(`prepare probe as ${text}`);
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off, timing off, summary off) execute probe (${values.map(literal).join()})`,
    );
    const lines = rows.map((row) => row['QUERY PLAN']).filter((line) => !line.includes('never executed'));
    expect(lines.join('\n')).not.toContain('Seq Scan on run');
    return [...new Set(lines.flatMap((line) => / on (run\w*_(?:\d{4}w\d\d|origin|stray))\b/.exec(line)?.[1] ?? []))];
  } finally {
    client.release(true);
  }
}

describe('the statements of the engine, by a general plan,', () => {
  test('read a run and its journal in the partition of the run only', async () => {
    const run = await addRun(db, { startedAt: weeks[1] ?? inDays(21) });
    const { rows } = await db.ownerPool.query<{ name: string }>('select distinct tableoid::regclass::text as name from run_journal');
    expect(await touched(LOAD_JOURNALS, [[run]])).toEqual(rows.map(({ name }) => name));
    expect(await touched('select entries from run_journal where run_id = $1::uuid order by seq', [run])).toEqual(
      rows.map(({ name }) => name),
    );
    expect(await touched(LOAD_RUNS, [0, [run]])).toHaveLength(1);
  });

  test('adopt the runs that a process had started in partitions from its low-water mark on', async () => {
    const run = await addRun(db, { startedAt: weeks[2] ?? inDays(28) });
    const names = await touched(ADOPT_STARTED, [2, 1, run]);
    expect(names).not.toContain('run_origin');
    expect(names.length).toBeLessThanOrEqual(3);
  });

  test('adopt the runs that a process had claimed by an index, however old they are', async () => {
    const run = await addRun(db, { startedAt: weeks[0] ?? inDays(14) });
    await db.enginePool.query('update run set epoch = 1, claimed_by = 1 where id = $1', [run]);
    expect((await db.enginePool.query(ADOPT_CLAIMED, [2, 1])).rowCount).toBe(1);
    await touched(ADOPT_CLAIMED, [3, 2]);
  });
});

describe('while a week is dropped', () => {
  // Housekeeping of the future must not find the runs of this test: without a partition of their week they are strays.
  beforeEach(async () => {
    await keepHouse(session, runRetention(90), inDays(98));
  });

  const posts = flow([call('test.keyed', literal({ amount: 1 }), { id: 'post' })]);

  test('flushes go on, and none is refused or lost', async () => {
    const door = new Provider();
    const running = testEngine(db, door);
    running.catalogue.add(db.tenantId, posts);
    await running.engine.start();
    await db.ownerPool.query(
      `insert into run (id, tenant_id, flow_id, revision, epoch, status, finished_at)
       select (left(uuid_floor($1)::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid, $2, $2, 1, 0, 'completed', $1 from generate_series(1, 50000)`,
      [weeks[0], db.tenantId],
    );
    let dropping = true;
    const sending = (async () => {
      let sent = 0;
      for (; dropping || sent < 50; sent += 1)
        expect(await running.intake.accept(incoming(db.tenantId))).toMatchObject({ kind: 'accepted' });
      return sent;
    })();
    // Housekeeping waits for a table a fifth of a second at most, and comes back later.
    await until(
      async () => (await keepHouse(session, runRetention(90), inDays(120))).some((what) => what.includes('its 50000 runs')),
      () => 'the week was not dropped',
      60_000,
    ).finally(() => (dropping = false));
    const sent = await sending;
    await until(
      async () => (await db.ownerPool.query(`select from run where status = 'completed'`)).rowCount === sent,
      () => 'the runs did not end',
    );
    await running.engine.stop();
  }, 120_000);

  test('a report that is open keeps housekeeping waiting, and nobody else', async () => {
    const running = testEngine(db, new Provider());
    running.catalogue.add(db.tenantId, posts);
    await running.engine.start();
    const report = await db.ownerPool.connect();
    await report.query('begin');
    await report.query('select count(*) from run');
    let over = false;
    const house = keepHouse(session, runRetention(90), inDays(130)).then(() => (over = true));
    for (let n = 0; n < 100; n += 1) await running.intake.accept(incoming(db.tenantId));
    expect(over).toBe(false);
    await report.query('commit');
    report.release();
    await house;
    await running.engine.stop();
  });
});
