import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import pg from 'pg';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { newUuid } from '../kernel/ids.ts';
import { readCloudEvent } from './cloud-event.ts';
import type { IncomingEvent } from './event-intake.ts';
import { keyDigest, LogIntake } from './log-intake.ts';

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
/** How many connections to this database wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await db.ownerPool.query<{ n: string }>(
    'select count(*) as n from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()',
  );
  return Number(rows[0]?.n);
}

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

  test('two processes with the same events in opposite order wait for each other, never in a circle', async () => {
    const [first, middle, last] = [sent('o-1'), sent('o-2'), sent('o-3')];
    const other = new LogIntake(db.enginePool, new EventEmitter2());
    // A third process holds the middle one, so that both of them stand half-way when it lets go.
    const holder = await db.ownerPool.connect();
    await holder.query('begin');
    await holder.query(`insert into event_key (tenant_id, digest, event_id, body_hash) values ($1, $2, $3, '')`, [
      db.tenantId,
      keyDigest(middle),
      newUuid(),
    ]);
    const receipts = Promise.all(
      [first, middle, last].map((event) => intake.accept(event)).concat([last, middle, first].map((event) => other.accept(event))),
    );
    await until(
      async () => (await waiting()) === 2,
      () => 'they do not wait for the holder',
    );
    await holder.query('rollback');
    holder.release();
    expect((await receipts).filter(({ kind }) => kind === 'accepted')).toHaveLength(3);
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
