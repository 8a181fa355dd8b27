/** kill -9 while old runs are dropped: what is kept is there, with its journal, and the next housekeeping finishes what was begun. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { OwnerSession } from '../../src/platform/housekeeping/owner-session.ts';
import { addRun, inDays, keepHouse as keepHouseHere, partitionAt } from '../../src/runs/retention/retention.test-support.ts';
import { runRetention } from '../../src/runs/retention/run-retention.ts';
import { JOURNAL_TABLE, RUN_TABLE } from '../../src/runs/retention/run-tables.ts';
import { testDatabase, type TestDatabase } from '../support/database.ts';

const SCRIPT = join(import.meta.dirname, 'keep-house.mjs');
const [first, second, now] = [inDays(14), inDays(28), inDays(200)];

let db: TestDatabase;
let kept: string;
beforeEach(async () => {
  db = await testDatabase();
  const session = await OwnerSession.open(db.address);
  for (const moment of [first, second]) for (const table of [RUN_TABLE, JOURNAL_TABLE]) await partitionAt(session, table, moment);
  // The empty partitions of the present.
  await keepHouseHere(session, runRetention(90), inDays(98));
  await session.close();
  // The first week is thinned, the second dropped; the failure of a dropped run is left to be deleted.
  kept = await addRun(db, { startedAt: first });
  for (let number = 0; number < 5; number += 1) await addRun(db, { startedAt: first, finishedAt: first });
  const gone = await addRun(db, { startedAt: second, finishedAt: second });
  await db.ownerPool.query(`insert into run_attention (run_id, step, tenant_id, kind, detail) values ($1, '0', $2, 'failed', '{}')`, [
    gone,
    db.tenantId,
  ]);
});
afterEach(() => db.close());

/** @returns the signal that ended it, or null when it came to its end */
async function keepHouse(point?: CrashPoint): Promise<string | null> {
  const child = spawn(process.execPath, [SCRIPT], {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      NODE_OPTIONS: '',
      KEEP_HOUSE_DATABASE: JSON.stringify(db.address),
      KEEP_HOUSE_NOW: now.toISOString(),
      ...(point !== undefined && { KASSAFLOW_CRASH_AT: point }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  // As Node describes the event: the exit code, and the signal when there was one.
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0 && signal === null) throw new Error(said);
  return signal;
}

async function left(): Promise<{ runs: number; journals: number; questions: number }> {
  const { rows } = await db.ownerPool.query<{ runs: number; journals: number; questions: number }>(
    `select (select count(*)::int from run) as runs, (select count(*)::int from run_journal) as journals, (select count(*)::int from run_attention) as questions`,
  );
  return rows[0] ?? { runs: 0, journals: 0, questions: 0 };
}

test.each([
  ['housekeeping.commit.before', { runs: 7, journals: 14, questions: 1 }],
  // The older week comes first: of its six runs the open one is kept.
  ['housekeeping.commit.after', { runs: 2, journals: 4, questions: 1 }],
  ['housekeeping.batch.after', { runs: 1, journals: 2, questions: 0 }],
] as const)('at %s is survived', async (point, afterDeath) => {
  // What a week leaves behind is planned when the week is gone.
  if (point === 'housekeeping.batch.after') await keepHouse();
  expect(await keepHouse(point)).toBe('SIGKILL');
  expect(await left()).toEqual(afterDeath);
  await keepHouse();
  await keepHouse();
  expect(await left()).toEqual({ runs: 1, journals: 2, questions: 0 });
  const { rows } = await db.ownerPool.query('select id::text from run');
  expect(rows).toEqual([{ id: kept }]);
});
