import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import { bulkJobRetention, taskRetention } from './people-retention.ts';
import { inDays, keepHouse } from './retention.test-support.ts';

let db: TestDatabase;
let session: OwnerSession;

beforeAll(async () => {
  db = await testDatabase();
  session = await OwnerSession.open(db.address);
});
afterAll(async () => {
  await session.close();
  await db.close();
});

async function names(table: 'bulk_job' | 'staff_task', column: 'reason' | 'title'): Promise<string[]> {
  const { rows } = await db.ownerPool.query<{ name: string }>(`select ${column} as name from ${table} order by 1`);
  return rows.map(({ name }) => name);
}

async function addJob(name: string, state: string, finishedDaysAgo?: number): Promise<void> {
  const id = randomUUID();
  await db.ownerPool.query(
    `insert into bulk_job (id, tenant_id, action, detail, selection, state, plan, plan_version, total, reason, previewed_by, previewed_at, started_at, finished_at)
     values ($1, $2, 'retry', '{}', '{}', $3, '{}', 'v', 3, $4, 'test', now() - interval '95 days',
       case when $3 <> 'preview' then now() - interval '95 days' end, now() - make_interval(days => $5::int))`,
    [id, db.tenantId, state, name, finishedDaysAgo ?? null],
  );
  await db.ownerPool.query(
    `insert into bulk_job_run (job_id, position, tenant_id, run_id, status, journal_rows, category)
     select $1, n, $2, gen_random_uuid(), 'failed', 1, 'safe' from generate_series(1, 3) n`,
    [id, db.tenantId],
  );
}

test('bulk jobs go with their runs 90 days after their end, and previews that nobody started; what may go on stays', async () => {
  await addJob('old', 'completed', 91);
  await addJob('aborted', 'aborted', 91);
  await addJob('recent', 'completed', 89);
  await addJob('forgotten', 'preview');
  await addJob('paused', 'paused');
  expect(await keepHouse(session, bulkJobRetention(90), inDays(0))).toEqual(['delete 3 bulk jobs that are over']);
  expect(await names('bulk_job', 'reason')).toEqual(['paused', 'recent']);
  const { rows } = await db.ownerPool.query<{ n: number }>('select count(*)::int as n from bulk_job_run');
  expect(rows).toEqual([{ n: 6 }]);
  expect(await keepHouse(session, bulkJobRetention(90), inDays(0))).toEqual([]);
});

test('a task that was closed goes after 90 days, unless a run asked it; an open one stays for ever', async () => {
  const add = (title: string, state: string, closedDaysAgo: number | null, run: string | null = null) =>
    db.ownerPool.query(
      `insert into staff_task (id, tenant_id, idempotency_key, team, title, state, closed_at, created_at, run_id, step, choices)
       values ($1, $2, $3, 'finance', $3, $4, now() - make_interval(days => $5::int), now() - interval '400 days', $6,
         case when $6::uuid is not null then '0' end, case when $6::uuid is not null then array['yes'] end)`,
      [randomUUID(), db.tenantId, title, state, closedDaysAgo, run],
    );
  await add('old', 'done', 91);
  await add('recent', 'done', 89);
  await add('open', 'open', null);
  await add('asked', 'done', 91, randomUUID());
  expect(await keepHouse(session, taskRetention(90), inDays(0))).toEqual(['delete 1 tasks that were closed']);
  expect(await names('staff_task', 'title')).toEqual(['asked', 'open', 'recent']);
});
