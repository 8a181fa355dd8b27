import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { EVENT_TABLE, eventRetention } from '../../events/event-retention.ts';
import { OwnerSession } from '../../platform/housekeeping/owner-session.ts';
import { eventDigest } from '../postgres/flush-batch.ts';
import { EVENTS_OF_RUNS } from './events-of-runs.ts';
import { addRun, idAt, inDays, keepHouse, partitionAt } from './retention.test-support.ts';

let db: TestDatabase;
let session: OwnerSession;
let month: string;
const during = inDays(62);
const retention = eventRetention(400, EVENTS_OF_RUNS);
beforeEach(async () => {
  db = await testDatabase();
  session = await OwnerSession.open(db.address);
  month = await partitionAt(session, EVENT_TABLE, during);
  // The partition of the present month, which is empty.
  await keepHouse(session, retention, inDays(432));
});
afterEach(async () => {
  await session.close();
  await db.close();
});

async function addEvent(sourceId: string): Promise<string> {
  const id = idAt(during);
  await db.enginePool.query(
    `insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed) values ($1, $2, '/portal', $3, 'custom.x', '', now(), '{"é":1}', true)`,
    [id, db.tenantId, sourceId],
  );
  await db.enginePool.query(`insert into event_key (tenant_id, digest, event_id, body_hash) values ($1, $2, $3, '')`, [
    db.tenantId,
    eventDigest('/portal', sourceId),
    id,
  ]);
  return id;
}

async function left(table: 'event' | 'event_key', column: string): Promise<string[]> {
  const { rows } = await db.ownerPool.query<{ id: string }>(`select ${column}::text as id from ${table} order by 1`);
  return rows.map(({ id }) => id);
}

describe('a month of events', () => {
  test('goes with its keys after 400 days', async () => {
    for (let n = 0; n < 5; n += 1) await addEvent(`an event – ${n}`);
    expect(await keepHouse(session, retention, inDays(460))).toEqual([]);
    expect(await keepHouse(session, retention, inDays(500))).toEqual([`drop ${month} with its 5 events`]);
    expect([await left('event', 'id'), await left('event_key', 'event_id')]).toEqual([[], []]);
    expect(await keepHouse(session, retention, inDays(500))).toEqual([]);
  });

  test('keeps the events of runs that are still there, with their keys, at their place in the log', async () => {
    const [gone, kept] = [await addEvent('gone'), await addEvent('kept')];
    await addRun(db, { startedAt: during, eventId: kept });
    const before = await db.ownerPool.query('select * from event where id = $1', [kept]);
    expect(await keepHouse(session, retention, inDays(500))).toEqual([expect.stringContaining(`keep 1 of the 2 events in ${month}`)]);
    expect((await db.ownerPool.query('select * from event')).rows).toEqual(before.rows);
    expect(await left('event_key', 'event_id')).toEqual([kept]);
    expect(await left('event', 'id')).not.toContain(gone);
    expect(await keepHouse(session, retention, inDays(501))).toEqual([]);
  });

  test('keeps events that a run is still to be told of', async () => {
    const kept = await addEvent('news');
    await addEvent('other');
    await db.enginePool.query(`insert into run_signal (tenant_id, run_id, step, kind, source) values ($1, $2, '0', 'event', $3)`, [
      db.tenantId,
      idAt(during),
      kept,
    ]);
    await keepHouse(session, retention, inDays(500));
    expect(await left('event', 'id')).toEqual([kept]);
  });

  test('stays while a subscriber has not read all of it', async () => {
    const event = await addEvent('unread');
    await db.enginePool.query(`insert into event_cursor (subscriber, seq) values ('runs', 0)`);
    expect(await keepHouse(session, retention, inDays(500))).toEqual([expect.stringContaining('(runs has not read all of its events)')]);
    expect(await left('event', 'id')).toEqual([event]);
    await db.enginePool.query(`update event_cursor set seq = (select max(seq) from event)`);
    await keepHouse(session, retention, inDays(500));
    expect(await left('event', 'id')).toEqual([]);
  });
});

test('nobody but housekeeping takes a key away', async () => {
  await addEvent('one');
  await expect(db.ownerPool.query('delete from event_key')).rejects.toMatchObject({ code: '55000' });
  await expect(db.enginePool.query(`delete from event_key`)).rejects.toMatchObject({ code: '42501' });
});
