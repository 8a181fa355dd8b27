import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { emptyDatabase, testDatabase } from '../../../test/support/database.ts';
import { openPool } from './engine-pool.ts';
import { migrate, migrationNames } from './migrations.ts';

let empty: Awaited<ReturnType<typeof emptyDatabase>>;
beforeEach(async () => {
  empty = await emptyDatabase();
});
afterEach(() => empty.drop());

async function asOwner(text: string): Promise<object[]> {
  const pool = openPool(empty.address, 'owner', 1);
  try {
    return (await pool.query<object>(text)).rows;
  } finally {
    await pool.end();
  }
}

describe('G12: migrations', () => {
  test('are applied once, in order, and then nothing is left to do', async () => {
    expect(await migrate(empty.address)).toEqual(await migrationNames());
    expect(await migrate(empty.address)).toEqual([]);
  });

  test('of two processes that start at once are applied by one; the other waits', async () => {
    const applied = await Promise.all([migrate(empty.address), migrate(empty.address)]);
    expect(applied.flat()).toEqual(await migrationNames());
  });

  test('of a newer version stop an older one, and nothing is changed', async () => {
    await migrate(empty.address);
    await asOwner(`insert into schema_migration (name, executed_at) values ('29990101_0001_later', now())`);
    await expect(migrate(empty.address)).rejects.toMatchObject({
      code: 'database.migrations-ahead',
      facts: { unknown: '29990101_0001_later' },
    });
  });

  test('that are listed but whose tables are gone are half applied', async () => {
    await migrate(empty.address);
    await asOwner('drop table run');
    await expect(migrate(empty.address)).rejects.toMatchObject({ code: 'database.migrations-half-applied' });
  });

  test('tables without a list are half applied too', async () => {
    await asOwner('create table tenant (id int)');
    await expect(migrate(empty.address)).rejects.toMatchObject({ code: 'database.migrations-half-applied' });
  });

  test('that fail leave nothing behind', async () => {
    await asOwner('create table payment (id int)');
    await expect(migrate(empty.address)).rejects.toMatchObject({ code: 'database.migration-failed' });
    expect(await asOwner(`select relname from pg_class where relname in ('tenant', 'event', 'run')`)).toEqual([]);
  });
});

test('a test database has the tables, the tenant and no rows of others', async () => {
  const [first, second] = [await testDatabase(), await testDatabase()];
  await first.addTenant('only-here');
  const { rows } = await second.ownerPool.query('select slug from tenant');
  expect(rows).toEqual([{ slug: 'test' }]);
  await Promise.all([first.close(), second.close()]);
});
