import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { newUuid } from '../../kernel/ids.ts';

let db: TestDatabase;
let other: string;
beforeAll(async () => {
  db = await testDatabase();
  other = await db.addTenant('other');
});
afterAll(() => db.close());

async function addCustomer(tenantId: string): Promise<string> {
  const id = newUuid();
  await db.database.transact(tenantId, async (tx) => {
    await tx.query('insert into customer (id, tenant_id, name) values ($1, $2, $3)', [id, tenantId, 'Ada']);
  });
  return id;
}

describe('the app role', () => {
  test('sees the rows of its own tenant only', async () => {
    const [mine, theirs] = [await addCustomer(db.tenantId), await addCustomer(other)];
    const seen = await db.database.transact(db.tenantId, (tx) => tx.query<{ id: string }>('select id from customer'));
    expect(seen.map((row) => row.id)).toContain(mine);
    expect(seen.map((row) => row.id)).not.toContain(theirs);
  });
});
