import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { systemClock } from '../kernel/clock.ts';
import { testDatabase, withAdmin, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventLog } from './event-log.ts';
import { EventReader } from './event-reader.ts';
import type { EventBatch, EventSubscriber } from './event-subscriber.ts';

let db: TestDatabase;
const log = new EventLog(systemClock, new EventEmitter2());
const running: Dispatcher[] = [];
let next = 0;

beforeAll(async () => {
  db = await testDatabase({ poolSize: 12 });
  await db.ownerPool.query('create table received (subscriber text, n integer, at bigserial)');
  await db.ownerPool.query(
    'grant select, insert on received to kassaflow_engine; grant usage on all sequences in schema public to kassaflow_engine',
  );
}, 60_000);
afterEach(async () => void (await Promise.all(running.splice(0).map((each) => each.onModuleDestroy()))));
afterAll(() => db.close());

/** A dispatcher as of a process of its own, at work; it is stopped after the test at the latest. */
async function start(subscribers: readonly EventSubscriber[], pool = db.enginePool): Promise<Dispatcher> {
  const made = new Dispatcher(new EventReader(db.enginePool, db.database), pool, systemClock);
  for (const subscriber of subscribers) made.subscribe(subscriber);
  running.push(made);
  await made.onApplicationBootstrap();
  return made;
}

/** Appends `count` events in one transaction; `before` holds it open. Gives their numbers. */
async function append(count: number, before: Promise<void> = Promise.resolve()): Promise<number[]> {
  const drafts = Array.from({ length: count }, () => ({ type: 'custom.counted', subject: '', data: { n: (next += 1) } }));
  await db.database.transact(db.tenantId, async (tx) => {
    await log.append(tx, ...drafts);
    await before;
  });
  return drafts.map(({ data }) => data.n);
}

/** Subscribers of a fresh name, so that each test begins with what it appends. */
async function named(name: string): Promise<string> {
  await db.enginePool.query('insert into event_cursor (subscriber, seq) select $1, event_horizon() - 1', [name]);
  return name;
}

function collector(name: string, seen: number[], handle: (batch: EventBatch) => Promise<void> | void = () => undefined): EventSubscriber {
  return {
    name,
    handle: async (batch) => {
      await handle(batch);
      seen.push(...batch.events.map(({ data }) => Number(data['n'])));
    },
  };
}

/** Writes what it gets and its cursor in one statement, as the run engine does. */
function exact(name: string): EventSubscriber {
  return {
    name,
    advancesCursorItself: true,
    handle: async ({ events, after, upTo }) => {
      await db.enginePool.query(
        `with moved as (update event_cursor set seq = $3 where subscriber = $1 and seq = $2 returning 1)
         insert into received (subscriber, n) select $1, n from unnest($4::int[]) as n, moved`,
        [name, after, upTo, events.map(({ data }) => data['n'])],
      );
    },
  };
}

const receivedBy = async (name: string) =>
  (await db.ownerPool.query<{ n: number }>('select n from received where subscriber = $1 order by at', [name])).rows.map(({ n }) => n);

describe('the dispatcher', () => {
  test('delivers every event once, in the order of the log, while it runs well', async () => {
    const seen: number[] = [];
    const dispatcher = await start([collector(await named('plain'), seen)]);
    const before = await append(3);
    const after = [...(await append(700)), ...(await append(1))];
    dispatcher.wake();
    await until(
      () => seen.length >= 704,
      () => `${seen.length} of 704`,
    );
    expect(seen).toEqual([...before, ...after]);
    expect(dispatcher.status()).toEqual([{ subscriber: 'plain', delivering: true, failures: 0, stoppedAt: undefined }]);
  });

  test('goes on after a restart where it stopped', async () => {
    const name = await named('restarted');
    const seen: number[] = [];
    const expected = await append(2);
    for (let round = 0; round < 3; round += 1) {
      const dispatcher = await start([collector(name, seen)]);
      await until(
        () => seen.length >= expected.length,
        () => `${seen.length} of ${expected.length}`,
      );
      await dispatcher.onModuleDestroy();
      expected.push(...(await append(2)));
    }
    expect(seen).toEqual(expected.slice(0, -2));
  });

  test('stops at an event that its handler refuses, tells it again, and holds up nobody else', async () => {
    const [bad, good]: [number[], number[]] = [[], []];
    const poison = next + 3;
    let healed = false;
    const refuse = ({ events }: EventBatch) => {
      if (!healed && events.some(({ data }) => data['n'] === poison)) throw new RangeError('refused');
    };
    const dispatcher = await start([collector(await named('bad'), bad, refuse), collector(await named('good'), good)]);
    const numbers = await append(9);
    await until(
      () => good.length >= 9,
      () => `${good.length} of 9`,
    );
    expect(bad).toEqual([]);
    // After five failures the two before the bad one pass, one by one; it does not.
    await until(
      () => bad.length >= 2 && dispatcher.status()[0]?.stoppedAt !== undefined,
      () => `${bad.length} of 2`,
    );
    expect(bad).toEqual(numbers.slice(0, 2));
    healed = true;
    await until(
      () => bad.length >= 9,
      () => `${bad.length} of 9`,
    );
    expect([bad, good]).toEqual([numbers, numbers]);
  }, 30_000);

  test('of two processes one delivers, and the other takes over when it stops', async () => {
    const name = await named('shared');
    const [a, b]: [number[], number[]] = [[], []];
    const first = await start([collector(name, a)]);
    const before = await append(10);
    await until(
      () => a.length >= 10,
      () => `${a.length} of 10`,
    );
    await start([collector(name, b)]);
    const between = await append(10);
    await until(
      () => a.length >= 20,
      () => `${a.length} of 20`,
    );
    expect([a, b]).toEqual([[...before, ...between], []]);
    await first.onModuleDestroy();
    const after = await append(10);
    await until(
      () => b.length >= 10,
      () => `${b.length} of 10`,
    );
    expect(b).toEqual(after);
  });

  test('skips nothing and doubles nothing for a subscriber that moves its own cursor, with slow writers and two processes that both deliver', async () => {
    const name = await named('exact');
    const one = await start([exact(name)]);
    // A second one that delivers as well, as when a broken connection was not noticed yet.
    const other = await start([exact(name)], withoutLocks());
    const expected: number[] = [];
    const slow: Promise<number[]>[] = [];
    for (let round = 0; round < 40; round += 1) {
      const hold = Promise.withResolvers<void>();
      slow.push(append(2, hold.promise));
      expected.push(...(await append(3)));
      other.wake();
      one.wake();
      // Commits while the next round is under way.
      setImmediate(hold.resolve);
    }
    expected.push(...(await Promise.all(slow)).flat());
    let received: number[] = [];
    await until(
      async () => (received = await receivedBy(name)).length >= expected.length,
      () => `${received.length} of ${expected.length}`,
    );
    expect(received.toSorted((x, y) => x - y)).toEqual(expected.toSorted((x, y) => x - y));
  }, 30_000);

  test('takes the lock again after its connection was cut', async () => {
    const seen: number[] = [];
    await start([collector(await named('cut'), seen)]);
    const before = await append(1);
    await until(
      () => seen.length >= 1,
      () => 'none',
    );
    await withAdmin(db.address, (admin) =>
      admin.query(
        `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = $1)`,
        [db.address.database],
      ),
    );
    const after = await append(1);
    await until(
      () => seen.length >= 2,
      () => `${seen.length} of 2`,
    );
    expect(seen).toEqual([...before, ...after]);
  });

  test('lets the handler at work finish before it has stopped, and delivers nothing after', async () => {
    const seen: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = false;
    const wait = () => {
      begun = true;
      return promise;
    };
    const dispatcher = await start([collector(await named('stopping'), seen, wait)]);
    await append(1);
    await until(
      () => begun,
      () => 'not begun',
    );
    const stopped = dispatcher.onModuleDestroy();
    await append(1);
    resolve();
    await stopped;
    expect(seen).toHaveLength(1);
  });

  test('leaves out what was routed when it was taken in, for a subscriber that asks for it', async () => {
    const seen: number[] = [];
    await start([{ ...collector(await named('unrouted'), seen), unroutedOnly: true }]);
    const [n] = await append(1);
    await db.enginePool.query(
      `insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
       values (gen_random_uuid(), $1, '/shop', 'x', 'custom.counted', '', now(), '{"n": -1}', true)`,
      [db.tenantId],
    );
    const [m] = await append(1);
    await until(
      () => seen.length >= 2,
      () => `${seen.length} of 2`,
    );
    expect(seen).toEqual([n, m]);
  });

  test('does not spin on a subscriber that says it is done and leaves its cursor', async () => {
    let calls = 0;
    const name = await named('stuck');
    const dispatcher = await start([{ name, advancesCursorItself: true, handle: () => Promise.resolve(void (calls += 1)) }]);
    await append(1);
    await until(
      () => dispatcher.status()[0]?.failures === 2,
      () => 'not noticed',
    );
    expect(calls).toBeLessThanOrEqual(3);
  });
});

/** A pool whose advisory locks are always granted. */
function withoutLocks(): typeof db.enginePool {
  return new Proxy(db.enginePool, {
    get: (pool, name) => {
      if (name === 'connect')
        return () =>
          Promise.resolve({ on: () => undefined, query: () => Promise.resolve({ rows: [{ held: true }] }), release: () => undefined });
      const value: unknown = Reflect.get(pool, name);
      return typeof value === 'function' ? value.bind(pool) : value;
    },
  });
}
