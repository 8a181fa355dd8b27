import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CHAINED_LOGS } from '../../chained-logs.ts';
import { newUuid } from '../../kernel/ids.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { OwnerSession } from '../housekeeping/owner-session.ts';
import { keepHeads, readHeads } from './chain-heads.ts';
import { extendChain } from './extend-chain.ts';
import { verifyChain } from './verify-chain.ts';

let db: TestDatabase;
let owner: OwnerSession;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kassaflow-chain-'));
  db = await testDatabase();
  owner = await OwnerSession.open(db.address);
});
afterEach(async () => {
  await owner.close();
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Posts an entry of two lines, as the application does. */
async function post(tenantId = db.tenantId): Promise<string> {
  const id = newUuid();
  await db.database.transact(tenantId, async (tx) => {
    const accounts = await tx.query<{ id: string }>(
      `insert into ledger_account (id, tenant_id, code, currency, normal)
       values (gen_random_uuid(), $1, 'asset:a', 'EUR', 'debit'), (gen_random_uuid(), $1, 'income:b', 'EUR', 'credit')
       on conflict (tenant_id, code, currency) do update set normal = excluded.normal returning id`,
      [tenantId],
    );
    await tx.query(
      `insert into ledger_entry (id, tenant_id, idempotency_key, request_hash, kind, subject, description, effective_at)
       values ($1::uuid, $2, $1::text, '\\x01', 'payment.captured', 'payment/pay_1', 'Sale', now())`,
      [id, tenantId],
    );
    await tx.query(
      `insert into ledger_line (entry_id, line, tenant_id, account_id, side, minor, currency)
       values ($1, 1, $2, $3, 'debit', 1250, 'EUR'), ($1, 2, $2, $4, 'credit', 1250, 'EUR')`,
      [id, tenantId, accounts[0]?.id, accounts[1]?.id],
    );
    await tx.query(`insert into audit_entry (tenant_id, actor, action, subject) values ($1, 'key/key_1', 'payment.refund', $2)`, [
      tenantId,
      id,
    ]);
  });
  return id;
}

async function chainAll(session = owner): Promise<void> {
  for (const log of CHAINED_LOGS) while ((await extendChain(session, log)) > 0);
}

async function problems(): Promise<string[]> {
  return verifyAll((await readHeads(folder)).heads);
}

async function verifyAll(heads: Awaited<ReturnType<typeof readHeads>>['heads']): Promise<string[]> {
  const found: string[] = [];
  for (const log of CHAINED_LOGS) found.push(...(await verifyChain(owner, log, heads)).problems.map((one) => `${one.log}: ${one.problem}`));
  return found;
}

/** What somebody can do who owns the tables. */
async function tamper(...statements: readonly string[]): Promise<void> {
  const tables = ['ledger_entry', 'ledger_line', 'audit_entry', 'chain_block'];
  await owner.transaction(async () => {
    for (const table of tables) await owner.rows(`alter table ${table} disable trigger user`);
    for (const statement of statements) await owner.rows(statement);
    for (const table of tables) await owner.rows(`alter table ${table} enable trigger user`);
  });
}

describe('the chains', () => {
  test('of untouched books fit, over several tenants and blocks', async () => {
    const other = await db.addTenant('other');
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([post(), post(other), post()]);
      await chainAll();
    }
    await keepHeads(owner, folder, new Date(0));
    expect(await problems()).toEqual([]);
    const [ledger] = await owner.rows<{ blocks: number; rows: number }>(
      `select count(*)::int as blocks, sum(rows)::int as rows from chain_block where log = 'ledger'`,
    );
    expect(ledger).toEqual({ blocks: 6, rows: 9 });
  });

  test('never cover a row before everything that may stand below it is final', async () => {
    const client = await db.ownerPool.connect();
    try {
      await client.query('begin');
      await client.query(`insert into audit_entry (tenant_id, actor, action, subject) values ('${db.tenantId}', 'a', 'b', 'slow')`);
      await post();
      await chainAll();
      expect(await owner.rows('select from chain_block')).toEqual([]);
      await client.query('commit');
    } finally {
      client.release();
    }
    await chainAll();
    expect(await problems()).toEqual([]);
    expect(await owner.rows(`select sum(rows)::int as rows from chain_block where log = 'audit'`)).toEqual([{ rows: 2 }]);
  });

  test('are not extended twice by two processes at once', async () => {
    await post();
    const second = await OwnerSession.open(db.address);
    try {
      for (let round = 0; round < 5; round += 1) await Promise.all([post(), chainAll(), chainAll(second)]);
    } finally {
      await second.close();
    }
    await chainAll();
    expect(await problems()).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['a text of an entry', `update ledger_entry set description = 'Gift'`, 'ledger: one of its rows was changed'],
    ['a moment', `update ledger_entry set effective_at = effective_at + interval '1 microsecond'`, 'ledger: one of its rows was changed'],
    ['the amounts of both lines', `update ledger_line set minor = minor + 1`, 'ledger: one of its rows was changed'],
    ['an entry that is deleted', `delete from ledger_line; delete from ledger_entry`, 'ledger: it has 1 rows, and 0 are there'],
    ['an act in the audit log', `update audit_entry set actor = 'nobody'`, 'audit: one of its rows was changed'],
    [
      'a row added behind the chain',
      `insert into audit_entry (tenant_id, actor, action, subject, position) select tenant_id, 'a', 'b', 'c', 1 from audit_entry`,
      'audit: 1 rows were added behind the chain',
    ],
    ['a block that is deleted', `delete from chain_block where log = 'ledger'`, 'ledger: 1 rows were added behind the chain'],
    ['a block that is rewritten', `update chain_block set hash = sha256('x') where log = 'audit'`, 'audit: one of its rows was changed'],
  ])('show %s', async (_, statement, problem) => {
    await post();
    await chainAll();
    expect(await verifyAll([])).toEqual([]);
    await tamper(...statement.split(';'));
    expect(await verifyAll([])).toEqual([problem]);
  });

  test('that were rebuilt after a change do not fit the heads that were signed', async () => {
    await post();
    await chainAll();
    await keepHeads(owner, folder, new Date(0));
    await tamper(
      `update ledger_line set minor = minor * 2`,
      `delete from chain_block where log = 'ledger'`,
      `update chain_cursor set position = 0 where log = 'ledger'`,
    );
    await chainAll();
    expect(await verifyAll([])).toEqual([]);
    expect(await problems()).toContain('ledger: it was signed with another hash: the chain was rebuilt');
  });

  test('that were cut short miss a head that was signed', async () => {
    await post();
    await chainAll();
    await keepHeads(owner, folder, new Date(0));
    await tamper(`delete from chain_block`, `update chain_cursor set position = 0`, `delete from ledger_line`, `delete from ledger_entry`);
    expect(await problems()).toContain('ledger: it was signed, and is not there any more');
  });
});

test('a head that somebody else signed is reported and not believed', async () => {
  await post();
  await chainAll();
  await keepHeads(owner, folder, new Date(0));
  const before = await readHeads(folder);
  await appendFile(path.join(folder, 'chain-heads.jsonl'), `{"signed":"{\\"heads\\":[]}","signature":"AAAA"}\nnonsense\n`);
  const after = await readHeads(folder);
  expect(after.heads).toEqual(before.heads);
  expect(after.forged).toHaveLength(2);
});
