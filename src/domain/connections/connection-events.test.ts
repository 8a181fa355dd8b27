import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { idOf } from '../../kernel/ids.ts';
import { ConnectionNews, type ConnectionTurn } from '../../plugin-host/connections/connection-news.ts';

let at: DomainApp;
beforeAll(async () => {
  at = await domainApp();
});
afterAll(() => at.close());

const tell = (kind: ConnectionTurn['kind'], problem: string) =>
  at.db.database.transact(at.db.tenantId, (tx) =>
    at.app.get(ConnectionNews).tell(tx, { connection: { id: at.connectionId, name: 'pay', plugin: 'acme', mode: 'test' }, kind, problem }),
  );
const eventsOf = async (id: string) =>
  (await at.db.ownerPool.query('select type, data from event where subject = $1 order by seq', [`connection/${id}`])).rows;

test('a pause and its end are events about the connection, in the transaction in which they happen', async () => {
  const id = idOf('con', at.connectionId);
  await tell('paused', 'The key was revoked');
  await tell('recovered', '');
  const connection = { id, name: 'pay', plugin: 'acme', mode: 'test' };
  expect(await eventsOf(id)).toEqual([
    { type: 'connection.paused', data: { connection: { ...connection, status: 'paused' }, problem: 'The key was revoked' } },
    { type: 'connection.recovered', data: { connection: { ...connection, status: 'active' } } },
  ]);
  const undone = at.db.database.transact(at.db.tenantId, async (tx) => {
    await at.app
      .get(ConnectionNews)
      .tell(tx, { connection: { ...connection, id: at.connectionId, mode: 'test' }, kind: 'paused', problem: '' });
    throw new Error('rolled back');
  });
  await expect(undone).rejects.toThrow('rolled back');
  expect(await eventsOf(id)).toHaveLength(2);
});
