import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { adoptDataKeys } from './data-keys.ts';
import { MasterKeys } from './master-keys.ts';
import { EnvelopeSealer } from './sealer.ts';
import { Secret } from './secret.ts';

const PLACE = { table: 'connection', row: '01900000-0000-7000-8000-00000000000a', field: 'secrets' };
const [first, second] = [randomBytes(32), randomBytes(32)];

let db: TestDatabase;
let other: string;
beforeAll(async () => {
  db = await testDatabase();
  other = await db.addTenant('other');
});
afterAll(() => db.close());

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

const sealerWith = (current: Buffer, previous?: Buffer) => new EnvelopeSealer(db.database, new MasterKeys(current, previous));

describe('a sealed value', () => {
  test('opens in another process with the same master key', async () => {
    const sealed = await sealerWith(first).seal(db.tenantId, PLACE, 'whsec_ünïcode');
    expect((await sealerWith(first).open(db.tenantId, PLACE, sealed)).reveal()).toBe('whsec_ünïcode');
  });

  test('shows nothing of the text and is different each time', async () => {
    const sealer = sealerWith(first);
    const [a, b] = [await sealer.seal(db.tenantId, PLACE, 'hunter2-hunter2'), await sealer.seal(db.tenantId, PLACE, 'hunter2-hunter2')];
    expect(a.includes('hunter2')).toBe(false);
    expect(a.equals(b)).toBe(false);
  });

  test.each([
    ['another row', { row: '01900000-0000-7000-8000-00000000000b' }],
    ['another field', { field: 'settings' }],
    ['another table', { table: 'webhook' }],
  ])('does not open in %s', async (_, change) => {
    const sealer = sealerWith(first);
    const sealed = await sealer.seal(db.tenantId, PLACE, 'x');
    await expect(sealer.open(db.tenantId, { ...PLACE, ...change }, sealed)).rejects.toMatchObject({ code: 'secrets.unreadable' });
  });

  test('does not open for another tenant', async () => {
    const sealer = sealerWith(first);
    const sealed = await sealer.seal(db.tenantId, PLACE, 'x');
    await expect(sealer.open(other, PLACE, sealed)).rejects.toMatchObject({ code: 'secrets.unreadable' });
  });

  test('does not open when any single byte was altered', async () => {
    const sealer = sealerWith(first);
    const sealed = await sealer.seal(db.tenantId, PLACE, 'x');
    for (const index of sealed.keys()) {
      const altered = Buffer.from(sealed);
      altered.writeUInt8((sealed[index] ?? 0) ^ 1, index);
      await expect(sealer.open(db.tenantId, PLACE, altered)).rejects.toMatchObject({ code: 'secrets.unreadable' });
    }
    await expect(sealer.open(db.tenantId, PLACE, Buffer.alloc(0))).rejects.toMatchObject({ code: 'secrets.unreadable' });
  });

  test('two first uses at once agree on one data key', async () => {
    const tenant = await db.addTenant('race');
    // Selects pass this lock and inserts wait at it, so all four have seen that there is no key yet.
    const gate = await db.ownerPool.connect();
    await gate.query('begin; lock table tenant_data_key in exclusive mode');
    const racing = Promise.all(Array.from({ length: 4 }, () => sealerWith(first).seal(tenant, PLACE, 'x')));
    await until(async () => {
      const { rows } = await gate.query(`select from pg_locks where not granted and relation = 'tenant_data_key'::regclass
           and database = (select oid from pg_database where datname = current_database())`);
      return rows.length === 4;
    });
    await gate.query('commit');
    gate.release();
    const sealed = await racing;
    for (const blob of sealed) expect((await sealerWith(first).open(tenant, PLACE, blob)).reveal()).toBe('x');
  });
});

describe('G06: the master key', () => {
  test('of another installation is noticed at the start and at every use', async () => {
    const sealed = await sealerWith(first).seal(db.tenantId, PLACE, 'x');
    await expect(adoptDataKeys(db.ownerPool, new MasterKeys(second))).rejects.toMatchObject({ code: 'secrets.key-mismatch' });
    await expect(sealerWith(second).open(db.tenantId, PLACE, sealed)).rejects.toMatchObject({ code: 'secrets.key-mismatch' });
  });

  test('is rotated: both open, data keys are wrapped anew, then the old one is no longer needed', async () => {
    const tenant = await db.addTenant('rotation');
    const sealed = await sealerWith(first).seal(tenant, PLACE, 'kept');
    expect((await sealerWith(second, first).open(tenant, PLACE, sealed)).reveal()).toBe('kept');
    expect(await adoptDataKeys(db.ownerPool, new MasterKeys(second, first))).toBeGreaterThan(0);
    expect((await sealerWith(second).open(tenant, PLACE, sealed)).reveal()).toBe('kept');
    await adoptDataKeys(db.ownerPool, new MasterKeys(first, second));
  });

  test('file is made once, for this user only, and refused when others can read it', () => {
    const dataDirectory = mkdtempSync(path.join(tmpdir(), 'kassaflow-key-'));
    const from = () => MasterKeys.from({ masterKey: undefined, previousMasterKey: undefined, dataDirectory });
    const file = path.join(dataDirectory, 'master.key');
    const { id } = from().current;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(from().current.id).toBe(id);
    chmodSync(file, 0o644);
    expect(from).toThrow(expect.objectContaining({ code: 'secrets.key-file-unusable' }));
    rmSync(dataDirectory, { recursive: true });
  });
});

test('a secret does not print itself', () => {
  const secret = new Secret('hunter2');
  const printed = [
    String(secret),
    [secret].join(),
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    secret + '',
  ].join();
  expect(printed).not.toContain('hunter2');
  expect(printed).toContain('[secret]');
});
