import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { once } from 'node:events';
import net from 'node:net';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { newUuid } from '../../kernel/ids.ts';
import { PostgresDatabase } from './postgres-database.ts';

const Customer = defineEntity({
  name: 'Customer',
  tableName: 'customer',
  properties: { id: p.uuid().primary(), tenantId: p.uuid(), name: p.string(), createdAt: p.datetime() },
});

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase({ entities: [Customer] });
});
afterAll(() => db.close());
beforeEach(() => db.ownerPool.query('delete from customer'));

const customer = (name: string) => ({ id: newUuid(), tenantId: db.tenantId, name, createdAt: new Date('2026-11-21T10:00:00Z') });

async function names(): Promise<string[]> {
  const { rows } = await db.ownerPool.query<{ name: string }>('select name from customer order by name');
  return rows.map((row) => row.name);
}

describe('a transaction', () => {
  test('saves entities and plain SQL together', async () => {
    await db.database.transact(db.tenantId, async (tx) => {
      tx.em.create(Customer, customer('Ada'));
      await tx.query('insert into customer (id, tenant_id, name) values ($1, $2, $3)', [newUuid(), tx.tenantId, 'Bo']);
    });
    expect(await names()).toEqual(['Ada', 'Bo']);
  });

  test('saves nothing when its work rejects, and runs no hint', async () => {
    const hints: string[] = [];
    const work = db.database.transact(db.tenantId, async (tx) => {
      tx.em.create(Customer, customer('Ada'));
      await tx.em.flush();
      tx.afterCommit(() => hints.push('wake'));
      throw new RangeError('no');
    });
    await expect(work).rejects.toThrow(new RangeError('no'));
    expect([await names(), hints]).toEqual([[], []]);
  });

  test('runs hints after the commit, when others can see the rows', async () => {
    let seen: Promise<string[]> | undefined;
    await db.database.transact(db.tenantId, async (tx) => {
      tx.em.create(Customer, customer('Ada'));
      tx.afterCommit(() => {
        seen = names();
      });
    });
    expect(await seen).toEqual(['Ada']);
  });

  test('reads times as dates, days as text and large numbers as text, through entities and SQL alike', async () => {
    await db.database.transact(db.tenantId, async (tx) => tx.em.create(Customer, customer('Ada')));
    const [entity, rows] = await db.database.transact(db.tenantId, async (tx) => [
      await tx.em.findOneOrFail(Customer, { name: 'Ada' }),
      await tx.query("select created_at, date '2026-11-21' as day, 9007199254740993 as large, $1::jsonb as json from customer", [
        '{"a":1}',
      ]),
    ]);
    expect(entity.createdAt).toEqual(new Date('2026-11-21T10:00:00Z'));
    expect(rows).toEqual([{ created_at: new Date('2026-11-21T10:00:00Z'), day: '2026-11-21', large: '9007199254740993', json: { a: 1 } }]);
  });

  test('cannot be used after it has ended', async () => {
    const tx = await db.database.transact(db.tenantId, async (inner) => inner);
    await expect(tx.query('select 1')).rejects.toThrow();
  });

  test('is tried again after a deadlock, until both have happened', async () => {
    await db.database.transact(db.tenantId, async (tx) => {
      tx.em.create(Customer, customer('Ada'));
      tx.em.create(Customer, customer('Bo'));
    });
    let attempts = 0;
    let arrived = 0;
    let open: () => void = () => undefined;
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const cross = (first: string, second: string) =>
      db.database.transact(db.tenantId, async (tx) => {
        attempts += 1;
        await tx.query('update customer set version = version + 1 where name = $1', [first]);
        arrived += 1;
        if (arrived === 2) open();
        await both;
        await tx.query('update customer set version = version + 1 where name = $1', [second]);
      });
    await Promise.all([cross('Ada', 'Bo'), cross('Bo', 'Ada')]);
    const { rows } = await db.ownerPool.query('select version from customer');
    expect(rows).toEqual([{ version: 3 }, { version: 3 }]);
    expect(attempts).toBe(3);
  }, 15_000);

  test('a conflict that does not go away is told to come back after three tries', async () => {
    let attempts = 0;
    const work = db.database.transact(db.tenantId, async (tx) => {
      attempts += 1;
      await tx.query(`do $$ begin raise exception 'conflict' using errcode = '40001'; end $$`);
    });
    await expect(work).rejects.toMatchObject({ code: 'database.busy', retryAfterMs: expect.any(Number) });
    expect(attempts).toBe(3);
  });

  test('a full disk is said to be one', async () => {
    const work = db.database.transact(db.tenantId, (tx) => tx.query(`do $$ begin raise exception 'full' using errcode = '53100'; end $$`));
    await expect(work).rejects.toMatchObject({ code: 'database.storage-full' });
  });
});

describe('when the connection breaks', () => {
  test('before the commit, nothing was saved and the same request may be sent again', async () => {
    const work = db.database.transact(db.tenantId, async (tx) => {
      tx.em.create(Customer, customer('Ada'));
      await tx.em.flush();
      await tx.query('select pg_terminate_backend(pg_backend_pid())');
    });
    await expect(work).rejects.toMatchObject({ code: 'database.unavailable' });
    expect(await names()).toEqual([]);
  });

  test('during the commit, the outcome is said to be unknown', async () => {
    const proxy = await cuttingProxy(db.address.host, 'commit');
    const database = PostgresDatabase.open({ ...db.address, host: '127.0.0.1', port: proxy.port }, [], 1);
    const work = database.transact(db.tenantId, (tx) =>
      tx.query('insert into customer (id, tenant_id, name) values ($1, $2, $3)', [newUuid(), db.tenantId, 'Ada']),
    );
    await expect(work).rejects.toMatchObject({ code: 'database.outcome-unknown' });
    await database.close();
    proxy.close();
  });

  test('nobody listening is unavailable', async () => {
    const database = PostgresDatabase.open({ ...db.address, host: '127.0.0.1', port: 1 }, [], 1);
    await expect(database.transact(db.tenantId, async () => 1)).rejects.toMatchObject({
      code: 'database.unavailable',
      retryAfterMs: 1_000,
    });
    await database.close();
  });
});

/** Passes bytes on to PostgreSQL and cuts both sides as soon as the client sends `word`. */
async function cuttingProxy(directory: string, word: string): Promise<{ port: number; close(): void }> {
  const server = net.createServer((client) => {
    const upstream = net.connect(`${directory}/.s.PGSQL.5432`);
    upstream.pipe(client);
    client.on('error', () => undefined);
    upstream.on('error', () => undefined);
    client.on('data', (bytes) => {
      if (!bytes.includes(word)) return void upstream.write(bytes);
      upstream.destroy();
      client.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, close: () => server.close() };
}
