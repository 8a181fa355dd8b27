import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failed } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { EventIntake } from '../../events/event-intake.ts';
import { PollTriggers } from './poll-triggers.ts';
import { DeliveryReaders } from '../../plugin-host/delivery-readers.ts';
import { ReadDeliveries } from './read-deliveries.ts';
import { flowProcess, type FlowProcess } from './schedules.test-support.ts';
import { away, ScriptedTrigger } from './scripted-trigger.test-support.ts';
import { TriggerItems } from './trigger-items.ts';

let db: TestDatabase;
let its: FlowProcess;
let door: ScriptedTrigger;
let poller: PollTriggers;

beforeAll(async () => {
  db = await testDatabase({ poolSize: 12 });
});
afterAll(() => db.close());
beforeEach(async () => {
  number += 1;
  door = new ScriptedTrigger();
  its = await flowProcess(db, { triggers: door });
  poller = pollerOf(its);
});
afterEach(async () => {
  for (const flow of ['second', `listener-${number}`]) await its.flows.setEnabled(db.tenantId, flow, false, 'test').catch(() => undefined);
  await its.engine.stop();
});

const pollerOf = ({ intake, published, index }: FlowProcess, through: EventIntake = intake) =>
  new PollTriggers(db.enginePool, door, new TriggerItems(through, published, index), systemClock);

let number = 0;
let texts = 0;

/** A flow whose runs end with the id of the item that started them; another source each time. */
const listener = (trigger = 'books.changed', more = '') => {
  texts += 1;
  return `kassaflow: 1\nflow: listener-${number}\non: { trigger: ${trigger}, with: { n: ${texts}${more} } }\nsteps:\n  - stop: "{{event.trigger.id}} of ${texts}"\n`;
};

async function started(): Promise<string[]> {
  const { rows } = await db.ownerPool.query<{ message: string | null }>(`select reason ->> 'message' as message from run`);
  return rows.flatMap(({ message }) => (message?.endsWith(` of ${texts}`) ? [message.split(' ')[0] ?? ''] : [])).toSorted();
}

async function allStarted(count: number): Promise<string[]> {
  await until(
    async () => (await started()).length >= count,
    () => `not ${count} runs`,
  );
  return started();
}

async function pollNow(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await db.ownerPool.query('update trigger_source set next_poll_at = clock_timestamp(), claimed_until = null');
    await poller.pollDue();
  }
}

const source = async () =>
  (
    await db.ownerPool.query<{ cursor: string; failures: number; problem: string | null; rest: number }>(
      'select cursor, failures, problem, round(extract(epoch from next_poll_at - polled_at))::int as rest from trigger_source',
    )
  ).rows[0];

describe('a trigger that polls', () => {
  test('begins at the present, and then starts a run for each item, once', async () => {
    door.happened.push({ id: 'before', at: 10 });
    await its.flows.publish(db.tenantId, { source: listener(), by: 'test' });
    await pollNow();
    for (const [id, at] of [
      ['a', 20],
      ['b', 20],
      ['c', 30],
      ['d', 40],
      ['e', 40],
    ] as const)
      door.happened.push({ id, at });
    await pollNow(5);
    expect(await allStarted(5)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(door.polls.map(({ cursor }) => cursor)).toEqual([undefined, '11', '30', '40', '40', '40']);
  });

  test('an item with the time of the last one that was made later is not lost', async () => {
    await its.flows.publish(db.tenantId, { source: listener(), by: 'test' });
    await pollNow();
    door.happened.push({ id: 'a', at: 20 });
    await pollNow();
    door.happened.push({ id: 'late', at: 20 });
    await pollNow(2);
    expect(await allStarted(2)).toEqual(['a', 'late']);
  });

  test('an item that the provider gives again long after the key of its event is gone starts nothing', async () => {
    await its.flows.publish(db.tenantId, { source: listener(), by: 'test' });
    await pollNow();
    door.happened.push({ id: 'a', at: 20 });
    await pollNow();
    await allStarted(1);
    await db.ownerPool.query(
      'alter table event_key disable trigger user; delete from event_key; alter table event_key enable trigger user',
    );
    await pollNow(2);
    expect(await started()).toEqual(['a']);
  });

  test('several processes ask once, and flows with the same trigger, connection and settings share it', async () => {
    const text = listener();
    await its.flows.publish(db.tenantId, { source: text, by: 'test' });
    await its.flows.publish(db.tenantId, { source: text.replace(`flow: listener-${number}`, 'flow: second'), by: 'test' });
    expect((await db.ownerPool.query('select from trigger_source')).rowCount).toBe(1);
    await pollNow();
    door.happened.push({ id: 'a', at: 20 });
    await db.ownerPool.query('update trigger_source set next_poll_at = clock_timestamp()');
    await Promise.all([pollerOf(its), pollerOf(its), pollerOf(its)].map((one) => one.pollDue()));
    expect(door.polls).toHaveLength(2);
    expect(await allStarted(2)).toEqual(['a', 'a']);
    await its.flows.setEnabled(db.tenantId, 'second', false, 'test');
    expect((await db.ownerPool.query('select from trigger_source')).rowCount).toBe(1);
    await its.flows.setEnabled(db.tenantId, `listener-${number}`, false, 'test');
    expect((await db.ownerPool.query('select from trigger_source')).rowCount).toBe(0);
  });

  test('a process that lost its claim does not move the cursor', async () => {
    await its.flows.publish(db.tenantId, { source: listener(), by: 'test' });
    await pollNow();
    door.happened.push({ id: 'a', at: 20 });
    door.meanwhile = async () => {
      door.meanwhile = () => undefined;
      await db.ownerPool.query(`update trigger_source set claimed_until = clock_timestamp() + interval '1 minute', cursor = '15'`);
    };
    await pollNow();
    expect((await source())?.cursor).toBe('15');
    expect(await allStarted(1)).toEqual(['a']);
  });

  test('rests as long as the flow says, and longer after each failure, as the provider asks', async () => {
    await its.flows.publish(db.tenantId, { source: listener('books.changed', ', every: 2min'), by: 'test' });
    await pollNow();
    expect(await source()).toMatchObject({ failures: 0, rest: 120 });
    door.troubles = [away, away, failed('rate-limited', 'Slow down', { retryAfterMs: 90_000 })];
    await pollNow();
    expect(await source()).toMatchObject({ failures: 1, problem: 'The provider is away', rest: 5 });
    await pollNow();
    expect(await source()).toMatchObject({ failures: 2, rest: 10 });
    await pollNow();
    expect(await source()).toMatchObject({ failures: 3, problem: 'Slow down', rest: 90 });
    await pollNow();
    expect(await source()).toMatchObject({ failures: 0, problem: null, rest: 120 });
  });

  test('another connection begins at its own present', async () => {
    await its.flows.publish(db.tenantId, { source: listener(), by: 'test' });
    await pollNow(2);
    door.connection = { id: '01900000-0000-7000-8000-0000000000c2', plugin: 'books' };
    await pollNow();
    expect(door.polls.at(-1)?.cursor).toBeUndefined();
  });

  test('whatever dies when, each item starts one run: equal times, late items, failures, polls that are repeated', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('happens' as const), after: fc.integer({ min: 0, max: 2 }) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('poll' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('fails' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('dies' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await its.flows.publish(db.tenantId, { source: listener(), by: 'test' });
        door.happened.length = 0;
        await pollNow();
        let now = 1;
        for (const action of steps) {
          if (action.kind === 'happens') door.happened.push({ id: `i${door.happened.length}`, at: (now += action.after) });
          if (action.kind === 'fails') door.troubles.push(away);
          // The items are on disk, and the cursor stays where it was.
          if (action.kind === 'dies')
            door.meanwhile = async () => void (await db.ownerPool.query('update trigger_source set claimed_until = null'));
          if (action.kind !== 'happens') await pollNow();
          door.meanwhile = () => undefined;
        }
        await pollNow(door.happened.length + 2);
        const wanted = door.happened.map(({ id }) => id).toSorted();
        expect(await allStarted(wanted.length)).toEqual(wanted);
      }),
      { numRuns: 10 },
    );
  }, 60_000);
});

test('a delivery starts a run for each item that a trigger reads in it, however often it is read', async () => {
  await its.flows.publish(db.tenantId, { source: listener('books.pushed'), by: 'test' });
  const items = new TriggerItems(its.intake, its.published, its.index);
  const readers = new DeliveryReaders();
  new ReadDeliveries(db.enginePool, door, readers, items, systemClock).onModuleInit();
  const connection = { tenantId: db.tenantId, connectionId: door.connection.id, plugin: 'books', mode: 'test' } as const;
  const delivery = (text: string) => ({ method: 'POST', url: '', headers: {}, body: Buffer.from(text), receivedAt: 0 });
  expect(await readers.read(connection, delivery('x y'))).toBe(2);
  expect(await readers.read(connection, delivery('x y'))).toBe(2);
  expect(await readers.read(connection, delivery(''))).toBe(0);
  expect(await readers.read({ ...connection, connectionId: db.tenantId }, delivery('z'))).toBe(0);
  expect(await allStarted(2)).toEqual(['x', 'y']);
  // It is not asked for: the provider pushes.
  await poller.pollDue();
  expect(await poller.pollDue()).toBe(0);
  expect(door.polls).toEqual([]);
});
