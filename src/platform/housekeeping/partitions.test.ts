import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { PARTITIONED_TABLES } from '../../retention.ts';
import { JOURNAL_TABLE, RUN_TABLE } from '../../runs/retention/run-tables.ts';
import { sqlState } from '../database/sql-state.ts';
import { OwnerSession } from './owner-session.ts';
import { countStrays, coverPresent, partitionsTask } from './partitions-task.ts';
import { partitionsOf } from './partitions.ts';
import { lowestUuid, periodOf } from './period.ts';

let db: TestDatabase;
let session: OwnerSession;
beforeEach(async () => {
  db = await testDatabase();
  session = await OwnerSession.open(db.address);
});
afterEach(async () => {
  await session.close();
  await db.close();
});

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

/** An id of `moment` with random bits behind it. */
const idAt = (moment: Date) => `${lowestUuid(moment).slice(0, 14)}7${randomUUID().slice(15)}`;

async function addRun(id: string): Promise<void> {
  await db.enginePool.query(`insert into run (id, tenant_id, flow_id, revision, epoch, status) values ($1, $2, $3, 1, 0, 'waiting')`, [
    id,
    db.tenantId,
    randomUUID(),
  ]);
  await db.enginePool.query(`insert into run_journal (run_id, seq, tenant_id, entries) values ($1, 0, $2, '[]')`, [id, db.tenantId]);
}

async function doAll(now: Date): Promise<string[]> {
  const chores = await partitionsTask(PARTITIONED_TABLES).plan(session, now);
  for (const chore of chores) if (chore.blocked === undefined) await chore.do(session);
  return chores.map(({ what }) => what);
}

describe('partitions', () => {
  test('of two weeks and two months ahead are made, and then nothing is left to do', async () => {
    const made = await doAll(inDays(0));
    expect(made).toContain(`make run_${periodOf(inDays(14), 'week').name}`);
    expect(made).toContain(`make run_journal_${periodOf(inDays(14), 'week').name}`);
    expect(made).toHaveLength(6);
    expect(await doAll(inDays(0))).toEqual([]);
  });

  test('follow each other without a gap', async () => {
    await doAll(inDays(0));
    await doAll(inDays(14));
    const weeks = await partitionsOf(session, RUN_TABLE);
    expect(weeks.length).toBeGreaterThanOrEqual(5);
    expect(weeks.slice(1).map(({ from }) => from)).toEqual(weeks.slice(0, -1).map(({ to }) => to));
  });

  test('take the rows of their time', async () => {
    await doAll(inDays(0));
    const id = idAt(inDays(14));
    await addRun(id);
    const { rows } = await db.ownerPool.query(`select tableoid::regclass::text as name from run where id = $1`, [id]);
    expect(rows).toEqual([{ name: `run_${periodOf(inDays(14), 'week').name}` }]);
    expect(await countStrays(session, RUN_TABLE)).toBe(0);
  });

  test('take rows in that came while nobody had made them', async () => {
    const [late, later] = [idAt(inDays(60)), idAt(inDays(75))];
    await addRun(late);
    await addRun(later);
    expect([await countStrays(session, RUN_TABLE), await countStrays(session, JOURNAL_TABLE)]).toEqual([2, 2]);
    expect(await coverPresent(session, PARTITIONED_TABLES, inDays(60))).toContain(`run_${periodOf(inDays(60), 'week').name}`);
    await doAll(inDays(60));
    expect([await countStrays(session, RUN_TABLE), await countStrays(session, JOURNAL_TABLE)]).toEqual([0, 0]);
    const { rows } = await db.ownerPool.query('select id::text from run join run_journal on run_id = id order by id');
    expect(rows).toEqual([{ id: late }, { id: later }]);
  });

  test('are not made for ids that no clock has made; those stay and are counted', async () => {
    await addRun('f3c2a1b0-0000-4000-8000-000000000001');
    expect((await doAll(inDays(0))).join()).toContain('for rows in run_stray');
    expect(await countStrays(session, RUN_TABLE)).toBe(1);
  });
});

describe('every partition', () => {
  beforeEach(() => doAll(inDays(0)));

  test('is closed to everybody but its owner, with forced row security', async () => {
    const { rows } = await db.ownerPool.query<{ name: string; secured: boolean; engine: boolean; app: boolean }>(
      `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as secured,
         has_table_privilege('kassaflow_engine', c.oid, 'select,insert,update,delete') as engine, has_table_privilege('kassaflow_app', c.oid, 'select,insert,update,delete') as app
       from pg_inherits join pg_class c on c.oid = inhrelid where c.relkind = 'r'`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(12);
    for (const row of rows) expect(row).toMatchObject({ secured: true, engine: false, app: false });
  });

  test('has every index of its table', async () => {
    const { rows } = await db.ownerPool.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = inhrelid
       where c.relkind = 'r' and (select count(*) from pg_index where indrelid = c.oid) <> (select count(*) from pg_index where indrelid = inhparent)`,
    );
    expect(rows).toEqual([]);
  });

  test('of journals and events refuses to be changed or emptied, by its owner too', async () => {
    await addRun(idAt(inDays(14)));
    const { rows } = await db.ownerPool.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent in ('run_journal'::regclass, 'event'::regclass)`,
    );
    const refusal = (text: string) => db.ownerPool.query(text).then(() => 'done', sqlState);
    for (const { name } of rows) expect([name, await refusal(`truncate ${name}`)]).toEqual([name, '55000']);
    expect(await refusal('delete from run_journal')).toBe('55000');
    expect(await refusal(`delete from run_journal_${periodOf(inDays(14), 'week').name}`)).toBe('55000');
  });

  test('gives runs room on the page, so that their updates stay HOT', async () => {
    await addRun(idAt(inDays(14)));
    const { rows } = await db.ownerPool.query<{ options: string[] }>(
      `select c.reloptions as options from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'run'::regclass and c.relkind = 'r'`,
    );
    for (const { options } of rows) expect(options).toContain('fillfactor=60');
  });
});
