import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import { sqlState } from '../../platform/database/sql-state.ts';
import { addRun, idAt, inDays, keepHouse, partitionAt } from './retention.test-support.ts';
import { runRetention } from './run-retention.ts';
import { ABOUT_RUNS, JOURNAL_TABLE, OUTLIVING_RUNS, RUN_TABLE } from './run-tables.ts';

let db: TestDatabase;
let session: OwnerSession;
let week: string;
let journals: string;
const during = inDays(14);
const over = inDays(15);
const retention = runRetention(90);
beforeEach(async () => {
  db = await testDatabase();
  session = await OwnerSession.open(db.address);
  week = await partitionAt(session, RUN_TABLE, during);
  journals = await partitionAt(session, JOURNAL_TABLE, during);
  // The partitions of the present week, which are empty.
  await keepHouse(session, retention, inDays(98));
});
afterEach(async () => {
  await session.close();
  await db.close();
});

async function runs(): Promise<string[]> {
  const { rows } = await db.ownerPool.query<{ id: string }>('select id::text from run order by id');
  return rows.map(({ id }) => id);
}

async function exists(table: string): Promise<boolean> {
  const { rows } = await db.ownerPool.query<{ there: boolean }>('select to_regclass($1) is not null as there', [table]);
  return rows[0]?.there === true;
}

describe('a week of runs', () => {
  test('goes with its journals when all have been over for 90 days', async () => {
    await addRun(db, { startedAt: during, finishedAt: over });
    expect(await keepHouse(session, retention, inDays(104))).toEqual([]);
    expect(await keepHouse(session, retention, inDays(120))).toEqual([expect.stringContaining(`drop ${week} and ${journals}: its 1 runs`)]);
    expect([await exists(week), await exists(journals), await runs()]).toEqual([false, false, []]);
  });

  test('keeps exactly the runs that are open or have not been over for long, with their journals', async () => {
    for (let n = 0; n < 20; n += 1) await addRun(db, { startedAt: during, finishedAt: over });
    const open = await addRun(db, { startedAt: during });
    const late = await addRun(db, { startedAt: during, finishedAt: inDays(100) });
    const before = await db.ownerPool.query('select * from run_journal where run_id = any($1) order by run_id, seq', [[open, late]]);
    expect(await keepHouse(session, retention, inDays(120))).toEqual([expect.stringContaining(`keep 2 of the 22 runs in ${week}`)]);
    expect(await runs()).toEqual([open, late].toSorted());
    expect((await db.ownerPool.query('select * from run_journal order by run_id, seq')).rows).toEqual(before.rows);
    expect(await keepHouse(session, retention, inDays(121))).toEqual([]);
  });

  test('goes when the last of its runs has been over for 90 days', async () => {
    const open = await addRun(db, { startedAt: during });
    await addRun(db, { startedAt: during, finishedAt: over });
    await keepHouse(session, retention, inDays(120));
    await db.enginePool.query(`update run set status = 'completed', finished_at = $2 where id = $1`, [open, inDays(400)]);
    expect(await keepHouse(session, retention, inDays(480))).toEqual([]);
    expect(await keepHouse(session, retention, inDays(500))).toEqual([expect.stringContaining(`drop ${week}`)]);
  });

  test('stays when a run was taken up again after it was counted', async () => {
    const run = await addRun(db, { startedAt: during, finishedAt: over });
    const [drop] = await retention.plan(session, inDays(120));
    await db.enginePool.query(`update run set status = 'running', finished_at = null where id = $1`, [run]);
    expect(await drop?.do(session)).toBe(0);
    expect(await runs()).toEqual([run]);
  });

  test('refuses to be emptied by anybody after it was thinned, as before', async () => {
    await addRun(db, { startedAt: during });
    await addRun(db, { startedAt: during, finishedAt: over });
    await keepHouse(session, retention, inDays(120));
    expect(await db.ownerPool.query(`truncate ${journals}`).then(() => 'done', sqlState)).toBe('55000');
    expect(await db.ownerPool.query(`delete from ${journals}`).then(() => 'done', sqlState)).toBe('55000');
  });

  test('is as it was when the process dies in the middle', async () => {
    const ids = [await addRun(db, { startedAt: during }), await addRun(db, { startedAt: during, finishedAt: over })];
    const [thin] = await retention.plan(session, inDays(120));
    const rows = session.rows.bind(session);
    session.rows = async (text, values) => {
      if (text.startsWith('truncate'))
        await db.ownerPool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query like 'alter table%'`,
        );
      return rows(text, values);
    };
    await expect(thin?.do(session)).rejects.toThrow();
    expect(await runs()).toEqual(ids.toSorted());
  });
});

describe('what is said about a run', () => {
  const addAttention = (run: string) =>
    db.enginePool.query(`insert into run_attention (run_id, step, tenant_id, kind, detail) values ($1, '0', $2, 'failed', '{}')`, [
      run,
      db.tenantId,
    ]);

  test('goes with it, and stays for the others', async () => {
    const [gone, open] = [await addRun(db, { startedAt: during, finishedAt: over }), await addRun(db, { startedAt: during })];
    await addAttention(gone);
    await addAttention(open);
    await keepHouse(session, retention, inDays(120));
    expect(await keepHouse(session, retention, inDays(120))).toEqual(['delete 1 rows of run_attention about runs that are gone']);
    expect((await db.ownerPool.query('select run_id::text from run_attention')).rows).toEqual([{ run_id: open }]);
  });

  test('is left alone for runs that are not old, also when they are not there', async () => {
    await addAttention(idAt(inDays(100)));
    await keepHouse(session, retention, inDays(120));
    expect((await db.ownerPool.query('select from run_attention')).rowCount).toBe(1);
  });

  test('is in a table that retention knows', async () => {
    const { rows } = await db.ownerPool.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'run_id'
       where c.relkind = 'r' and not c.relispartition and c.relnamespace = 'public'::regnamespace and c.relname not in ('run_timer', 'run_key') order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual([...ABOUT_RUNS, ...OUTLIVING_RUNS].toSorted());
  });
});
