import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import pg from 'pg';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { readCloudEvent } from './cloud-event.ts';
import type { IncomingEvent } from './event-intake.ts';
import { LogIntake } from './log-intake.ts';

let db: TestDatabase;
let intake: LogIntake;

beforeAll(async () => {
  db = await testDatabase();
  intake = new LogIntake(db.enginePool, new EventEmitter2());
}, 60_000);
afterAll(() => db.close());

const sent = (id: string, n = 1, tenantId = db.tenantId): IncomingEvent =>
  readCloudEvent({ specversion: '1.0', id, source: '/shop', type: 'custom.sent', data: { n } }, tenantId, new Date());
const stored = async (id: string) =>
  (await db.ownerPool.query<{ id: string; data: object }>('select id, data from event where source_id = $1', [id])).rows;

describe('taking events in', () => {
  test('an accepted event is in the log', async () => {
    const receipt = await intake.accept(sent('one'));
    expect(receipt.kind).toBe('accepted');
    expect(await stored('one')).toEqual([{ id: receipt.eventId, data: { n: 1 } }]);
  });

  test('A26 the same event again is a duplicate of the first, A27 another under its id a conflict', async () => {
    const first = await intake.accept(sent('twice'));
    expect(await intake.accept(sent('twice'))).toEqual({ kind: 'duplicate', eventId: first.eventId });
    expect(await intake.accept(sent('twice', 2))).toEqual({ kind: 'conflict', eventId: first.eventId });
    expect(await stored('twice')).toHaveLength(1);
  });

  test('A28 of 1,000 at once one is accepted and all others are duplicates of it, also over two processes', async () => {
    const other = new LogIntake(db.enginePool, new EventEmitter2());
    const receipts = await Promise.all(Array.from({ length: 1_000 }, (_, index) => (index % 2 ? intake : other).accept(sent('crowd'))));
    expect(receipts.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
    expect(receipts.filter(({ kind }) => kind === 'duplicate')).toHaveLength(999);
    expect(new Set(receipts.map(({ eventId }) => eventId)).size).toBe(1);
    expect(await stored('crowd')).toHaveLength(1);
  });

  test('the same id of another tenant is another event', async () => {
    const tenant = await db.addTenant('second');
    expect(await Promise.all([intake.accept(sent('shared')), intake.accept(sent('shared', 2, tenant))])).toMatchObject([
      { kind: 'accepted' },
      { kind: 'accepted' },
    ]);
  });

  test('two processes with the same events in opposite order both come through', async () => {
    const other = new LogIntake(db.enginePool, new EventEmitter2());
    for (let round = 0; round < 5; round += 1) {
      const ids = Array.from({ length: 300 }, (_, index) => `r${round}-${index}`);
      const receipts = await Promise.all([
        ...ids.map((id) => intake.accept(sent(id))),
        ...ids.toReversed().map((id) => other.accept(sent(id))),
      ]);
      expect(receipts.filter(({ kind }) => kind === 'accepted')).toHaveLength(300);
      expect(receipts.filter(({ kind }) => kind === 'duplicate')).toHaveLength(300);
    }
  });

  test('events are refused and not dropped when the database is away', async () => {
    const away = new pg.Pool({ host: '127.0.0.1', port: 1 });
    await expect(new LogIntake(away, new EventEmitter2()).accept(sent('away'))).rejects.toMatchObject({
      code: 'events.unavailable',
      retryAfterMs: 1_000,
    });
    await away.end();
  });

  test('when too many wait the next is told to come back', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = Object.assign(new pg.Pool(), { query: () => promise.then(() => ({ rows: [] })) });
    const busy = new LogIntake(slow, new EventEmitter2());
    const waiting = Array.from({ length: 5_501 }, (_, index) => busy.accept(sent(`w${index}`)).catch(() => undefined));
    await expect(busy.accept(sent('late'))).rejects.toMatchObject({ code: 'events.overloaded' });
    resolve();
    await Promise.all(waiting);
  });
});
