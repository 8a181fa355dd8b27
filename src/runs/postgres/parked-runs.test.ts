import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { EventLog } from '../../events/event-log.ts';
import { CapAlerts } from '../../guards/cap-alerts.ts';
import { DurableGate } from '../../guards/durable-gate.ts';
import { GuardBook } from '../../guards/guard-book.ts';
import { ParkedSteps } from '../../guards/parked-steps.ts';
import { Parking } from '../../guards/parking.ts';
import { Reservations } from '../../guards/reservations.ts';
import { Switches } from '../../guards/switches.ts';
import { systemClock } from '../../kernel/clock.ts';
import { MasterKeys } from '../../platform/secrets/master-keys.ts';
import { EnvelopeSealer } from '../../platform/secrets/sealer.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { ConnectionPaces } from '../../plugin-host/connection-paces.ts';
import type { Connections } from '../../plugin-host/connections/connections.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, flow, literal } from '../conformance/flow-builder.ts';
import { manifest, Provider } from '../conformance/provider.ts';
import { giveCommand, incoming, testEngine, type TestEngine } from './engine.test-support.ts';

const text = manifest('test.text', 'keyed', { guards: { message: { to: '/to' } } });
const to = computed(['event'], ({ event }) => ({ to: (event as { to: string }).to }));

let db: TestDatabase;
let provider: Provider;
let switches: Switches;
let book: GuardBook;
let its: TestEngine;

/** An engine with guards of its own, as a process has them. */
async function engineWithGuards(shared: { catalogue?: TestEngine['catalogue'] } = {}): Promise<TestEngine> {
  book = new GuardBook(db.enginePool);
  await book.onModuleInit();
  const audit = new Audit();
  switches = new Switches(db.database, book, audit);
  const parked = new ParkedSteps(db.enginePool);
  const gate = new DurableGate(
    book,
    new Reservations(db.enginePool),
    parked,
    new CapAlerts(db.database, new EventLog(systemClock, new EventEmitter2())),
    new ConnectionPaces(db.enginePool),
    // No step of these flows uses a connection.
    { open: () => undefined } as unknown as Connections,
    new EnvelopeSealer(db.database, new MasterKeys(KEY)),
    systemClock,
    db.enginePool,
  );
  const engine = testEngine(db, provider, {}, { ...shared, guards: { gate, parking: new Parking(book, parked) } });
  await engine.engine.start();
  return engine;
}

const KEY = randomBytes(32);

beforeEach(async () => {
  db = await testDatabase({ poolSize: 10 });
  provider = new Provider([manifest('test.keyed', 'keyed'), manifest('test.once', 'once'), text]);
  its = await engineWithGuards();
}, 30_000);

afterEach(async () => {
  await its.engine.stop();
  await book.onApplicationShutdown();
  await db.close();
});

const statuses = async () =>
  (await db.ownerPool.query<{ status: string; reason: { message: string } | null }>('select status, reason from run order by id')).rows;
const all = (wanted: string, count: number) =>
  until(
    async () => {
      const runs = await statuses();
      return runs.length === count && runs.every(({ status }) => status === wanted) && its.engine.load === 0;
    },
    () => `not all runs became ${wanted}`,
  );

test('runs that come to a stopped action rest outside memory, survive a restart, and go on when it is released', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.keyed'), call('test.once')]));
  await switches.turnOn(db.tenantId, { level: 'action', target: 'test.once' }, 'wrong text', 'key/test');
  for (let run = 0; run < 30; run += 1) await its.intake.accept(incoming(db.tenantId));
  await all('waiting', 30);
  expect((await statuses())[0]?.reason?.message).toContain('wrong text');
  expect(provider.calls.filter(({ action }) => action === 'test.once')).toEqual([]);

  await its.engine.stop();
  await book.onApplicationShutdown();
  its = await engineWithGuards({ catalogue: its.catalogue });
  expect((await statuses()).every(({ status }) => status === 'waiting')).toBe(true);

  await switches.release(db.tenantId, { level: 'action', target: 'test.once' }, 'key/test');
  await all('completed', 30);
  const sent = provider.calls.filter(({ action }) => action === 'test.once');
  expect(sent).toHaveLength(30);
  expect(sent.every(({ attempt }) => attempt === 1)).toBe(true);
  await until(
    async () => (await db.ownerPool.query('select from run_parked')).rowCount === 0,
    () => 'rows of steps that went on are left',
  );
});

test('a parked run can be cancelled', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.once')]));
  await switches.turnOn(db.tenantId, { level: 'tenant', target: '' }, '', 'key/test');
  await its.intake.accept(incoming(db.tenantId));
  await all('waiting', 1);
  await giveCommand(db, its, 'cancel');
  await all('cancelled', 1);
  expect(provider.calls).toEqual([]);
});

test('the sixth message of a day fails its step, and the five before it went out', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.text', literal({ to: '+31612345678' }))]));
  for (let run = 0; run < 6; run += 1) await its.intake.accept(incoming(db.tenantId));
  await until(
    async () => (await statuses()).filter(({ status }) => status === 'completed' || status === 'failed').length === 6,
    () => 'not all runs ended',
  );
  const failed = (await statuses()).filter(({ status }) => status === 'failed');
  expect(failed).toMatchObject([{ reason: { code: 'guard.message-cap' } }]);
  expect(provider.effects.size).toBe(5);
});

test('an event that is told twice sends and counts nothing twice', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.text', to)]));
  const event = incoming(db.tenantId, { to: '+31612345678' });
  await Promise.all(Array.from({ length: 5 }, () => its.intake.accept(event)));
  await all('completed', 1);
  expect(provider.effects.size).toBe(1);
  const { rows } = await db.ownerPool.query('select amount::integer from guard_use');
  expect(rows).toEqual([{ amount: 1 }, { amount: 1 }]);
});
