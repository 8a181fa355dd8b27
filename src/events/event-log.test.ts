import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { systemClock } from '../kernel/clock.ts';
import { idOf, newUuid } from '../kernel/ids.ts';
import type { Transaction } from '../platform/database/transaction.ts';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { customerExample } from './catalogue/examples.ts';
import { EventLog } from './event-log.ts';
import { EventReader } from './event-reader.ts';

let db: TestDatabase;
let reader: EventReader;
const emitter = new EventEmitter2();
const log = new EventLog(systemClock, emitter);
const draft = (n: number) => ({ type: 'custom.counted', subject: '', data: { n } });
const numbers = (events: readonly { data: Readonly<Record<string, unknown>> }[]) => events.map(({ data }) => data['n']);

beforeAll(async () => {
  db = await testDatabase();
  reader = new EventReader(db.enginePool, db.database);
}, 60_000);
afterAll(() => db.close());

describe('the event log', () => {
  test('holds what a committed transaction appended, in order, and nothing of one that rolled back', async () => {
    const tenant = await db.addTenant('order');
    let hints = 0;
    emitter.on('events.recorded', () => (hints += 1));
    const events = await db.database.transact(tenant, async (tx) => [
      ...(await log.append(tx, draft(1), draft(2))),
      ...(await log.append(tx, draft(3))),
    ]);
    await db.database.transact(tenant, (tx) => failing(tx)).catch(() => undefined);
    await db.allShown();
    expect(await reader.list(tenant, {}, { limit: 10 })).toEqual(events);
    expect(numbers(events)).toEqual([1, 2, 3]);
    expect(events.map(({ seq }) => seq - (events[0]?.seq ?? 0n))).toEqual([0n, 1n, 2n]);
    expect(hints).toBe(2);
  });

  test('gives own events our source, and their own id as the source id', async () => {
    const [event] = await db.database.transact(db.tenantId, (tx) =>
      log.append(tx, { type: 'customer.created', subject: 'customer/x', data: { customer: customerExample } }),
    );
    expect(event).toMatchObject({
      tenantId: db.tenantId,
      source: '/kassaflow',
      sourceId: idOf('evt', event?.id ?? ''),
      subject: 'customer/x',
    });
    expect(await reader.find(db.tenantId, idOf('evt', event?.id ?? ''))).toEqual(event);
  });

  test.each([
    ['a type that is not in the catalogue', { type: 'customer.renamed', subject: '', data: {} }, 'events.unknown-type'],
    [
      'data that do not fit',
      { type: 'customer.created', subject: '', data: { customer: { ...customerExample, credits: 'many' } } },
      'events.invalid-data',
    ],
  ])('refuses %s, and with it the transaction', async (_, wrong, code) => {
    await expect(db.database.transact(db.tenantId, (tx) => log.append(tx, wrong))).rejects.toMatchObject({ code });
  });

  test('shows a tenant its own events only', async () => {
    const [mine, other] = [await db.addTenant('mine'), await db.addTenant('other')];
    const [event] = await db.database.transact(mine, (tx) => log.append(tx, draft(1)));
    expect(await reader.find(other, idOf('evt', event?.id ?? ''))).toBeUndefined();
    expect(await reader.list(other, {}, { limit: 10 })).toEqual([]);
    await expect(
      db.database.transact(other, (tx) =>
        tx.query(
          `insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
      values ($1, $2, '/x', 'x', 'custom.x', '', now(), '{}', false)`,
          [newUuid(), mine],
        ),
      ),
    ).rejects.toThrow();
  });

  test('is found by type and subject, and read in pages from either end', async () => {
    const tenant = await db.addTenant('pages');
    await db.database.transact(tenant, (tx) =>
      log.append(tx, draft(1), draft(2), draft(3), { type: 'custom.other', subject: 'customer/1', data: { n: 4 } }),
    );
    await db.allShown();
    const newest = await reader.list(tenant, {}, { newestFirst: true, limit: 2 });
    expect(numbers(newest)).toEqual([4, 3]);
    expect(numbers(await reader.list(tenant, {}, { newestFirst: true, limit: 2, before: newest[1]?.seq ?? 0n }))).toEqual([2, 1]);
    expect(numbers(await reader.list(tenant, { type: 'custom.other' }, { limit: 9 }))).toEqual([4]);
    expect(numbers(await reader.list(tenant, { subject: 'customer/1' }, { limit: 9 }))).toEqual([4]);
  });

  test('never changes: neither the application nor the engine can rewrite it', async () => {
    await expect(db.database.transact(db.tenantId, (tx) => tx.query(`update event set type = 'custom.x'`))).rejects.toThrow();
    await expect(db.enginePool.query('delete from event')).rejects.toThrow(/permission denied/);
    await expect(db.ownerPool.query('delete from event')).rejects.toThrow(/append-only/);
  });
});

describe('positions', () => {
  test('a slower transaction that drew its position first is never passed by a reader', async () => {
    const slowTenant = await db.addTenant('slow');
    const fastTenant = await db.addTenant('fast');
    const [holding, release] = gate();
    const [begun, started] = gate();
    // The order that a sequence gets wrong: this transaction has its number, writes its event and commits last.
    const slow = db.database.transact(slowTenant, async (tx) => {
      const appended = await log.append(tx, draft(1));
      started();
      await holding;
      return appended;
    });
    await begun;
    const [fast] = await db.database.transact(fastTenant, (tx) => log.append(tx, draft(2)));
    expect(await reader.list(fastTenant, {}, { limit: 9 })).toEqual([]);
    release();
    const [late] = await slow;
    await db.allShown();
    const { events } = await reader.tail([slowTenant, fastTenant], 0n, 10);
    expect(numbers(events)).toEqual([1, 2]);
    expect((late?.seq ?? 0n) < (fast?.seq ?? 0n)).toBe(true);
  });

  test('nor one that began first and appended last', async () => {
    const [early, later] = [await db.addTenant('early'), await db.addTenant('later')];
    const [mayAppend, letAppend] = gate();
    const [begun, started] = gate();
    const first = db.database.transact(early, async (tx) => {
      await tx.query('select pg_current_xact_id()');
      started();
      await mayAppend;
      return log.append(tx, draft(1));
    });
    await begun;
    const second = await db.database.transact(later, (tx) => log.append(tx, draft(2)));
    expect(await reader.tail([early, later], 0n, 10)).toMatchObject({ events: [] });
    letAppend();
    await first;
    await db.allShown();
    const { events } = await reader.tail([early, later], 0n, 10);
    expect(numbers(events)).toEqual([1, 2]);
    expect(events[1]?.seq).toBe(second[0]?.seq);
  });

  test('of a log that was restored from a server further on are refused at the start', async () => {
    const other = await testDatabase();
    const otherReader = new EventReader(other.enginePool, other.database);
    await other.database.transact(other.tenantId, (tx) => log.append(tx, draft(1)));
    await expect(otherReader.checkPositions()).resolves.toBeUndefined();
    await other.ownerPool.query(
      `insert into event (seq, id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
      values (($1::bigint) << 20, $2, $3, '/x', 'x', 'custom.x', '', now(), '{}', false)`,
      ['4000000000', newUuid(), other.tenantId],
    );
    await expect(otherReader.checkPositions()).rejects.toMatchObject({ code: 'events.log-ahead' });
    await other.ownerPool.query(
      'create or replace function event_base() returns bigint language sql immutable parallel safe as $$ select 4000000001::bigint $$',
    );
    await expect(otherReader.checkPositions()).resolves.toBeUndefined();
    await other.database.transact(other.tenantId, (tx) => log.append(tx, draft(2)));
    await other.allShown();
    expect(numbers(await otherReader.list(other.tenantId, {}, { limit: 9 }))).toEqual([1, undefined, 2]);
    await other.close();
  });
});

async function failing(tx: Transaction): Promise<never> {
  await log.append(tx, draft(99));
  throw new RangeError('rolled back');
}

/** A promise and what resolves it. */
function gate(): [Promise<void>, () => void] {
  const { promise, resolve } = Promise.withResolvers<void>();
  return [promise, resolve];
}
