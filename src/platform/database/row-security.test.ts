import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { newUuid } from '../../kernel/ids.ts';
import { openPool } from './engine-pool.ts';
import { sqlState } from './sql-state.ts';

let db: TestDatabase;
let app: pg.Pool;
let other: string;
beforeAll(async () => {
  db = await testDatabase();
  app = openPool(db.address, 'app', 2);
  other = await db.addTenant('other');
});
afterAll(async () => {
  await app.end();
  await db.close();
});

async function addCustomer(tenantId: string): Promise<string> {
  const id = newUuid();
  await db.database.transact(tenantId, (tx) =>
    tx.query('insert into customer (id, tenant_id, name) values ($1, $2, $3)', [id, tenantId, 'Ada']),
  );
  return id;
}

/** Posts an entry with lines of the given sides and amounts, and returns the SQLSTATE with which it was refused. */
async function post(lines: readonly (readonly ['debit' | 'credit', number])[]): Promise<string | undefined> {
  const [account, entry] = [newUuid(), newUuid()];
  try {
    await db.database.transact(db.tenantId, async (tx) => {
      await tx.query(`insert into ledger_account (id, tenant_id, code, currency, normal) values ($1, $2, $1::uuid::text, 'EUR', 'debit')`, [
        account,
        db.tenantId,
      ]);
      await tx.query(
        `insert into ledger_entry (id, tenant_id, idempotency_key, request_hash, kind, subject, description, effective_at) values ($1, $2, $1::uuid::text, '', 'test', '', '', now())`,
        [entry, db.tenantId],
      );
      for (const [index, [side, minor]] of lines.entries()) {
        await tx.query(
          `insert into ledger_line (entry_id, line, tenant_id, account_id, side, minor, currency) values ($1, $2, $3, $4, $5, $6, 'EUR')`,
          [entry, index, db.tenantId, account, side, minor],
        );
      }
    });
    return undefined;
  } catch (error) {
    return sqlState(error);
  }
}

const refusal = (work: Promise<unknown>) => work.then(() => undefined, sqlState);

describe('the app role', () => {
  test('sees the rows of its own tenant only', async () => {
    const [mine, theirs] = [await addCustomer(db.tenantId), await addCustomer(other)];
    const seen = await db.database.transact(db.tenantId, (tx) => tx.query<{ id: string }>('select id from customer'));
    expect(seen.map((row) => row.id)).toContain(mine);
    expect(seen.map((row) => row.id)).not.toContain(theirs);
  });

  test('changes and deletes nothing of another tenant', async () => {
    const theirs = await addCustomer(other);
    await db.database.transact(db.tenantId, (tx) => tx.query(`update customer set name = 'Eve' where id = $1`, [theirs]));
    const { rows } = await db.ownerPool.query('select name from customer where id = $1', [theirs]);
    expect(rows).toEqual([{ name: 'Ada' }]);
  });

  test('cannot write a row into another tenant', async () => {
    const write = db.database.transact(db.tenantId, (tx) =>
      tx.query(`insert into customer (id, tenant_id, name) values ($1, $2, 'Eve')`, [newUuid(), other]),
    );
    expect(await refusal(write)).toBe('42501');
  });

  test('sees nothing at all without a tenant, in every table that has one', async () => {
    await addCustomer(db.tenantId);
    const { rows: tables } = await app.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
       where c.relkind in ('r', 'p') and has_table_privilege(c.oid, 'select') and c.relnamespace = 'public'::regnamespace`,
    );
    expect(tables.length).toBeGreaterThan(20);
    for (const { name } of tables) expect([name, (await app.query(`select from ${name}`)).rowCount]).toEqual([name, 0]);
  });

  test('can be neither owner nor engine, and its tenant ends with the transaction', async () => {
    expect(await refusal(app.query('set role kassaflow_owner'))).toBe('42501');
    expect(await refusal(app.query('set role kassaflow_engine'))).toBe('42501');
    await db.database.transact(db.tenantId, (tx) => tx.query('select 1'));
    const one = await db.database.transact(other, (tx) => tx.query<{ tenant: string }>(`select current_tenant() as tenant`));
    expect(one).toEqual([{ tenant: other }]);
  });
});

test('every table with a tenant has forced row security', async () => {
  const { rows } = await db.ownerPool.query(
    `select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  expect(rows).toEqual([]);
});

describe('the engine role', () => {
  test.each(['customer', 'connection', 'ledger_entry', 'ledger_line', 'api_key', 'tenant_data_key', 'payment', 'audit_entry'])(
    'cannot read %s',
    async (table) => {
      expect(await refusal(db.enginePool.query(`select * from ${table}`))).toBe('42501');
    },
  );

  test('sees the events and runs of all tenants', async () => {
    const { rows } = await db.enginePool.query('select count(*)::int as count from event');
    expect(rows).toEqual([{ count: 0 }]);
  });
});

describe('append-only tables', () => {
  const TABLES = ['event', 'event_key', 'ledger_entry', 'ledger_line', 'credit_entry', 'flow_revision', 'run_journal', 'audit_entry'];

  test.each(TABLES)('%s refuses to be truncated, by its owner too', async (table) => {
    expect(await refusal(db.ownerPool.query(`truncate ${table} cascade`))).toBe('55000');
  });

  test('a row of the audit is neither changed nor removed by anybody', async () => {
    await db.database.transact(db.tenantId, (tx) =>
      tx.query(`insert into audit_entry (tenant_id, actor, action, subject) values ($1, 'key_1', 'payment.refund', 'pay_1')`, [
        db.tenantId,
      ]),
    );
    expect(await refusal(db.ownerPool.query(`update audit_entry set actor = 'nobody'`))).toBe('55000');
    expect(await refusal(db.ownerPool.query(`delete from audit_entry`))).toBe('55000');
    const asApp = (text: string) => refusal(db.database.transact(db.tenantId, (tx) => tx.query(text)));
    expect(await asApp(`update audit_entry set actor = 'nobody'`)).toBe('42501');
    expect(await asApp(`delete from audit_entry`)).toBe('42501');
  });
});

describe('a ledger entry', () => {
  test('commits when it balances', async () => {
    expect(
      await post([
        ['debit', 100],
        ['credit', 60],
        ['credit', 40],
      ]),
    ).toBeUndefined();
  });

  test.each<[string, (readonly ['debit' | 'credit', number])[]]>([
    [
      'that does not balance',
      [
        ['debit', 100],
        ['credit', 99],
      ],
    ],
    ['with one line', [['debit', 100]]],
    ['without lines', []],
  ])('%s fails at commit', async (_, lines) => {
    expect(await post(lines)).toBe('23514');
  });
});
