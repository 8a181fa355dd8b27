import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { systemClock } from '../../kernel/clock.ts';
import { databaseErrors } from '../../platform/database/database-errors.ts';
import { customerExample } from '../../events/catalogue/examples.ts';
import { Dispatcher } from '../../events/dispatcher.ts';
import { EventLog } from '../../events/event-log.ts';
import { EventReader } from '../../events/event-reader.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, flow } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { incoming, TestCatalogue, testEngine, type TestEngine } from './engine.test-support.ts';
import { StartFromLog } from './start-from-log.ts';

let db: TestDatabase;
let provider: Provider;
let catalogue: TestCatalogue;
const log = new EventLog(systemClock, new EventEmitter2());
const live: { its: TestEngine; dispatcher: Dispatcher }[] = [];

beforeEach(async () => {
  db = await testDatabase({ poolSize: 12 });
  provider = new Provider();
  catalogue = new TestCatalogue();
});

afterEach(async () => {
  await Promise.all(
    live.splice(0).map(async ({ its, dispatcher }) => {
      await dispatcher.onModuleDestroy();
      await its.engine.stop();
    }),
  );
  await db.close();
});

/** A process: an engine, and a dispatcher that feeds it from the log. */
async function startProcess(): Promise<TestEngine> {
  const its = testEngine(db, provider, {}, { catalogue });
  const dispatcher = new Dispatcher(new EventReader(db.enginePool, db.database), db.enginePool, systemClock);
  dispatcher.subscribe(new StartFromLog(its.engine));
  live.push({ its, dispatcher });
  its.subjects.offer('customer', (...question) => readCustomers(...question));
  await its.engine.start();
  await dispatcher.onApplicationBootstrap();
  return its;
}

let readCustomers: (tenantId: string, ids: readonly string[]) => Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;

/** Records events as a module of the domain does, in its own transaction. */
async function record(count: number, customers: (n: number) => string): Promise<void> {
  const drafts = Array.from({ length: count }, (_, n) => ({
    type: 'custom.started',
    subject: '',
    data: { n, customer: { id: customers(n) } },
  }));
  await db.database.transact(db.tenantId, async (tx) => void (await log.append(tx, ...drafts)));
}

async function completed(count: number): Promise<void> {
  await until(
    async () => (await db.ownerPool.query(`select from run where status = 'completed'`)).rowCount === count,
    () => `not all ${count} runs ended; calls: ${provider.calls.length}`,
  );
}

const name = ({ customer }: Readonly<Record<string, unknown>>) => (customer as { firstName: string }).firstName;
const greets = [
  call(
    'test.keyed',
    computed(['event', 'customer'], (scope) => ({ n: (scope['event'] as { n: number }).n, name: name(scope) })),
  ),
];

describe('events that were recorded without their runs', () => {
  test('start them once, with the state that the subject has now, asked for in few questions', async () => {
    const questions: (readonly string[])[] = [];
    readCustomers = (_, ids) => {
      questions.push(ids);
      return Promise.resolve(new Map(ids.map((id) => [id, { ...customerExample, id, firstName: `Name of ${id}` }])));
    };
    // Its condition needs the customer: for half of them it does not hold.
    catalogue.add(db.tenantId, flow(greets, { condition: computed(['customer'], (scope) => name(scope).endsWith('0')) }));
    const { engine } = await startProcess();
    await record(60, (n) => `cus_${n % 2}`);
    await completed(30);
    expect(provider.calls.map(({ input }) => Number(input['n'])).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, n) => n * 2),
    );
    expect(new Set(provider.calls.map(({ input }) => input['name']))).toEqual(new Set(['Name of cus_0']));
    expect(questions.length).toBeLessThan(60);
    expect(engine.load).toBe(0);
  });

  test('start them once when several processes are at it', async () => {
    readCustomers = (_, ids) => Promise.resolve(new Map(ids.map((id) => [id, customerExample])));
    catalogue.add(db.tenantId, flow(greets));
    await Promise.all([startProcess(), startProcess(), startProcess()]);
    for (let round = 0; round < 5; round += 1) await record(20, () => customerExample.id);
    await completed(100);
    expect((await db.ownerPool.query('select from run')).rowCount).toBe(100);
    expect(provider.calls).toHaveLength(100);
  });

  test('wait for a subject that cannot be read for a moment', async () => {
    let refused = 0;
    readCustomers = (_, ids) =>
      (refused += 1) <= 2 ? Promise.reject(databaseErrors.unavailable()) : Promise.resolve(new Map(ids.map((id) => [id, customerExample])));
    catalogue.add(db.tenantId, flow(greets));
    await startProcess();
    await record(1, () => customerExample.id);
    await completed(1);
    expect(refused).toBeGreaterThan(2);
  });

  test('are also those of a portal whose flow needs more than the event says', async () => {
    readCustomers = (_, ids) => Promise.resolve(new Map(ids.map((id) => [id, customerExample])));
    catalogue.add(db.tenantId, flow(greets, { condition: computed(['customer'], (scope) => name(scope) === customerExample.firstName) }));
    const { intake } = await startProcess();
    const event = incoming(db.tenantId, { n: 1, customer: { id: customerExample.id } });
    expect([(await intake.accept(event)).kind, (await intake.accept(event)).kind]).toEqual(['accepted', 'duplicate']);
    await completed(1);
    expect(provider.calls.map(({ input }) => input)).toEqual([{ n: 1, name: customerExample.firstName }]);
  });
});
