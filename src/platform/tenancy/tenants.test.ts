import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { Audit } from './audit.ts';
import { Tenants } from './tenants.ts';

let db: TestDatabase;
let tenants: Tenants;
beforeAll(async () => {
  db = await testDatabase();
  tenants = new Tenants(db.database, new Audit());
});
afterAll(() => db.close());

describe('a tenant', () => {
  test('is made once under its short name, with an entry in the audit', async () => {
    const made = await tenants.create({ slug: 'gym', name: 'Gym', mode: 'live' }, 'cli');
    expect(await tenants.find('gym')).toEqual({ id: made.id, mode: 'live' });
    await expect(tenants.create({ slug: 'gym', name: 'Other', mode: 'test' }, 'cli')).rejects.toMatchObject({ code: 'tenant.slug-taken' });
    const { rows } = await db.ownerPool.query('select actor, action, detail from audit_entry where tenant_id = $1', [made.id]);
    expect(rows).toEqual([{ actor: 'cli', action: 'tenant.create', detail: { mode: 'live' } }]);
  });

  test.each([
    ['slug', { slug: 'Gym 2', name: 'x', mode: 'test' as const }, 'tenant.format'],
    ['time zone', { slug: 'gym2', name: 'x', mode: 'test' as const, timeZone: 'Mars/Olympus' }, 'tenant.time-zone'],
  ])('with a wrong %s is refused and not stored', async (_name, draft, code) => {
    await expect(tenants.create(draft, 'cli')).rejects.toMatchObject({ code });
    expect(await tenants.find(draft.slug)).toBeUndefined();
  });

  test('that nobody made is not found', async () => {
    await expect(tenants.get('nobody')).rejects.toMatchObject({ code: 'tenant.not-found' });
  });

  test('is audited in the transaction of the act: without the one there is not the other', async () => {
    const audit = new Audit();
    const act = db.database.transact(db.tenantId, async (tx) => {
      await audit.append(tx, { actor: 'test', action: 'never.happened', subject: 'x/1' });
      throw new RangeError('changed my mind');
    });
    await expect(act).rejects.toThrow(RangeError);
    const { rows } = await db.ownerPool.query(`select from audit_entry where action = 'never.happened'`);
    expect(rows).toEqual([]);
  });
});
