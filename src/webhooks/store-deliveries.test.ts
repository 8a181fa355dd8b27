import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addConnection } from '../../test/support/domain.ts';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import type { Database } from '../platform/database/transaction.ts';
import { StoreDeliveries, type VerifiedDelivery } from './store-deliveries.ts';

let db: TestDatabase;
let connections: string[];
beforeAll(async () => {
  db = await testDatabase({ poolSize: 8 });
  connections = [await addConnection(db, 'one', 'acme'), await addConnection(db, 'two', 'acme')];
}, 60_000);
afterAll(() => db.close());

const delivery = (connectionId: string, eventKey: string, headers: Record<string, string> = {}): VerifiedDelivery => ({
  connectionId,
  eventKey,
  delivery: {
    method: 'POST',
    url: 'https://kassaflow.example',
    headers,
    body: Buffer.from([0, 255, 10, 92]),
    receivedAt: 1_795_000_000_000,
  },
});
const inInbox = async (like: string) =>
  (
    await db.ownerPool.query<{ key: string }>(
      `select connection_id || ' ' || event_key as key from inbox where event_key like $1 order by key`,
      [`${like}%`],
    )
  ).rows.map(({ key }) => key);

/** Counts the transactions that the work takes. */
function counting(): { readonly deliveries: StoreDeliveries; readonly commits: () => number } {
  let commits = 0;
  const database = {
    transact: (...given: Parameters<Database['transact']>) => {
      commits += 1;
      return db.database.transact(...given);
    },
  } as Database; // what StoreDeliveries uses of it
  return { deliveries: new StoreDeliveries(database), commits: () => commits };
}

describe('verified deliveries', () => {
  test('that come together share commits, and each event is stored once per connection, whoever repeats it', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(1), fc.nat(9)), { minLength: 1, maxLength: 60 }), async (all) => {
        round += 1;
        const { deliveries, commits } = counting();
        const keys = all.map(([connection, event]) => [connections[connection] ?? '', `r${round}-${event}`] as const);
        const results = await Promise.all(keys.map(([connection, key]) => deliveries.store(db.tenantId, delivery(connection, key))));
        const wanted = [...new Set(keys.map(([connection, key]) => `${connection} ${key}`))].toSorted();
        expect(results.filter((result) => result === 'stored')).toHaveLength(wanted.length);
        expect(await inInbox(`r${round}-`)).toEqual(wanted);
        // The first goes by itself; those that came meanwhile go together.
        expect(commits()).toBeLessThanOrEqual(2);
      }),
      { numRuns: 25 },
    );
  });

  test('keep their bytes and headers as they came', async () => {
    await counting().deliveries.store(
      db.tenantId,
      delivery(connections[0] ?? '', 'bytes', { 'x-name': 'a "quoted" \\ value, {with} braces' }),
    );
    const { rows } = await db.ownerPool.query<{ body: Buffer; headers: unknown }>(
      `select body, headers from inbox where event_key = 'bytes'`,
    );
    expect(rows).toEqual([{ body: Buffer.from([0, 255, 10, 92]), headers: { 'x-name': 'a "quoted" \\ value, {with} braces' } }]);
  });

  test('do not lose their places to one that the database refuses', async () => {
    const { deliveries } = counting();
    const [one = ''] = connections;
    const all = ['bad-1', 'bad-2', 'bad-3'].map((key) =>
      deliveries.store(db.tenantId, delivery(one, key, key === 'bad-2' ? { 'x-nul': '\u0000' } : {})),
    );
    const results = await Promise.allSettled([deliveries.store(db.tenantId, delivery(one, 'bad-0')), ...all]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(await inInbox('bad-')).toEqual(['bad-0', 'bad-1', 'bad-3'].map((key) => `${one} ${key}`));
  });
});
