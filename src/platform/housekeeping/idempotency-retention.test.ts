import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { newUuid } from '../../kernel/ids.ts';
import { IdempotencyRetention } from './idempotency-retention.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

async function addRecords(count: number, age: string): Promise<void> {
  await db.ownerPool.query(
    `insert into idempotency_record (tenant_id, api_key_id, route, key, request_hash, created_at)
     select $1, $2, 'POST /v1/payments', $3 || number, '\\x00', now() - $3::interval from generate_series(1, $4) as number`,
    [db.tenantId, newUuid(), age, count],
  );
}

async function remaining(): Promise<number> {
  const { rows } = await db.ownerPool.query<{ count: string }>('select count(*) from idempotency_record');
  return Number(rows[0]?.count);
}

test('answers older than 30 days are forgotten in batches, younger ones are kept', async () => {
  await addRecords(1_500, '31 days');
  await addRecords(700, '40 days');
  await addRecords(3, '29 days');
  expect(await new IdempotencyRetention(db.enginePool).forget()).toBe(2_200);
  expect(await remaining()).toBe(3);
});

test('two processes at once do not harm each other', async () => {
  await addRecords(50, '35 days');
  const [a, b] = await Promise.all([1, 2].map(() => new IdempotencyRetention(db.enginePool).forget()));
  expect((a ?? 0) + (b ?? 0)).toBe(50);
});
