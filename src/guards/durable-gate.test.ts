import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { smsSend } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { EventLog } from '../events/event-log.ts';
import { newUuid } from '../kernel/ids.ts';
import { MasterKeys } from '../platform/secrets/master-keys.ts';
import { EnvelopeSealer } from '../platform/secrets/sealer.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import type { ActionManifest } from '../plugin-host/action-call.ts';
import { ConnectionPaces } from '../plugin-host/connection-paces.ts';
import type { Connections } from '../plugin-host/connections/connections.ts';
import { CapAlerts } from './cap-alerts.ts';
import { DurableGate } from './durable-gate.ts';
import type { GuardedCall } from './gate.ts';
import { GuardBook } from './guard-book.ts';
import type { GuardRulesDraft } from './guard-rules.ts';
import { GuardSettings } from './guard-settings.ts';
import { ParkedSteps } from './parked-steps.ts';
import { Reservations } from './reservations.ts';
import { Switches } from './switches.ts';

const sms = { ...smsSend, plugin: 'texts', effect: 'once', sample: { id: 'x', status: 'sent', parts: 1 } } as unknown as ActionManifest;
const charge = {
  ...sms,
  name: 'test.charge',
  plugin: 'cards',
  effect: 'keyed',
  movesMoney: true,
  guards: { charge: { invoice: '/invoice', method: '/card' }, money: { amount: '/amount' } },
} as unknown as ActionManifest;

const CONNECTION = newUuid();
const AT = Date.parse('2026-11-21T12:00:00Z');

let db: TestDatabase;
let tenantId: string;
let gate: DurableGate;
let book: GuardBook;
let switches: Switches;
let settings: GuardSettings;
let parked: ParkedSteps;
let now: number;

beforeAll(async () => {
  db = await testDatabase({ poolSize: 8 });
  const clock = { now: () => new Date(now), elapsed: () => performance.now() };
  book = new GuardBook(db.enginePool);
  await book.refresh();
  switches = new Switches(db.database, book, new Audit());
  settings = new GuardSettings(db.database, book, new Audit());
  parked = new ParkedSteps(db.enginePool);
  // The connections of the host need its plugins; the gate asks only for a name and a plugin.
  const connections = { open: () => ({ name: 'shop', plugin: 'cards' }) } as unknown as Connections;
  gate = new DurableGate(
    book,
    new Reservations(db.enginePool),
    parked,
    new CapAlerts(db.database, new EventLog(clock, new EventEmitter2())),
    new ConnectionPaces(db.enginePool),
    connections,
    new EnvelopeSealer(db.database, new MasterKeys(randomBytes(32))),
    clock,
    db.enginePool,
  );
}, 30_000);
afterAll(() => db.close());

let tenants = 0;
beforeEach(async () => {
  now = AT;
  tenants += 1;
  tenantId = await db.addTenant(`shop-${tenants}`);
});

/** A call of a run that is on disk. */
async function callOf(more: Partial<GuardedCall> = {}): Promise<GuardedCall> {
  const runId = more.runId ?? newUuid();
  await db.ownerPool.query(
    "insert into run (id, tenant_id, flow_id, revision, epoch, status) values ($1, $2, $3, 1, 1, 'running') on conflict do nothing",
    [runId, tenantId, newUuid()],
  );
  return {
    tenantId,
    runId,
    step: '0',
    flow: 'late-invoice',
    cause: newUuid(),
    use: randomBytes(32).toString('base64url'),
    manifest: sms,
    connectionId: undefined,
    input: { to: '+31612345678', text: 'Hello' },
    returning: false,
    ...more,
  };
}

const allow = async (rules: GuardRulesDraft) => settings.replace(tenantId, rules, (await settings.read(tenantId)).version, 'key/test');
const alerts = async () =>
  (
    await db.ownerPool.query<{ data: { reached: object } }>("select data from event where type = 'guard.cap-reached' and tenant_id = $1", [
      tenantId,
    ])
  ).rows;

describe('messages to one receiver', () => {
  test('are five a day; the sixth fails with the moment at which it frees, and one event says so', async () => {
    for (let count = 0; count < 5; count += 1) expect(await gate.admit(await callOf())).toEqual({ kind: 'go' });
    const [sixth, seventh] = [await gate.admit(await callOf()), await gate.admit(await callOf())];
    expect(sixth).toMatchObject({ kind: 'settled', outcome: { reason: 'permanent', code: 'guard.message-cap' } });
    expect(JSON.stringify(sixth)).toContain('2026-11-21T23:00:00.000Z');
    expect(seventh.kind).toBe('settled');
    expect(await alerts()).toMatchObject([{ data: { reached: { guard: 'message-cap', cap: '5', flow: 'late-invoice' } } }]);
    now = Date.parse('2026-11-21T23:00:00Z');
    expect(await gate.admit(await callOf())).toEqual({ kind: 'go' });
  });

  test('are counted under one number, however it is written, and not those to another', async () => {
    await allow({ messages: { perReceiver: { cap: 1 } } });
    const to = async (number: string) => (await gate.admit(await callOf({ input: { to: number, text: '' } }))).kind;
    expect([await to('+31 6 1234-5678'), await to('0031612345678'), await to('+31612345679')]).toEqual(['go', 'settled', 'go']);
  });

  test('are not stored with the number', async () => {
    await gate.admit(await callOf());
    const { rows } = await db.ownerPool.query<{ text: string }>(
      `select (select string_agg(c::text, '') from guard_counter c) || (select string_agg(f::text, '') from guard_fact f) as text`,
    );
    expect(rows[0]?.text).not.toContain('612345678');
    expect(rows[0]?.text).not.toContain(Buffer.from('+31612345678').toString('hex'));
  });

  test('may wait for the next day in place of failing, and go on at once when the cap is raised', async () => {
    await allow({ messages: { perReceiver: { cap: 0, whenReached: 'park' } } });
    const call = await callOf();
    const verdict = await gate.admit(call);
    expect(verdict.kind === 'park' && verdict.until !== undefined && verdict.until >= Date.parse('2026-11-21T23:00:00Z')).toBe(true);
    expect(await parked.freed(undefined, 10)).toEqual([]);
    await allow({ messages: { perReceiver: { cap: 1 } } });
    expect(await parked.freed(undefined, 10)).toMatchObject([{ runId: call.runId, step: '0' }]);
    expect(await gate.admit(call)).toEqual({ kind: 'go' });
  });
});

describe('one attempt', () => {
  test('is counted once, however often it is asked about', async () => {
    await allow({ messages: { perReceiver: { cap: 1 } } });
    const call = await callOf();
    expect([await gate.admit(call), await gate.admit(call), await gate.admit(call)]).toEqual([
      { kind: 'go' },
      { kind: 'go' },
      { kind: 'go' },
    ]);
  });

  test('that surely sent nothing is taken off again', async () => {
    await allow({ messages: { perReceiver: { cap: 1 } } });
    const call = await callOf();
    await gate.admit(call);
    await gate.settle(call, { kind: 'not-done' });
    await gate.settle(call, { kind: 'not-done' });
    expect([await gate.admit(await callOf()), (await gate.admit(await callOf())).kind]).toEqual([{ kind: 'go' }, 'settled']);
  });
});

describe('a message about one fact', () => {
  const value = { id: 'SM1', status: 'sent', parts: 1 };

  test('is sent once: a second run for the same event gets the first reference', async () => {
    const first = await callOf();
    await gate.admit(first);
    await gate.settle(first, { kind: 'done', reference: 'SM1', value });
    const again = await gate.admit(await callOf({ cause: first.cause }));
    expect(again).toMatchObject({ kind: 'settled', outcome: { kind: 'ok', reference: 'SM1', value: { ...value, alreadySent: true } } });
  });

  test('is sent again for another event, another round, another receiver or another step', async () => {
    const first = await callOf({ step: '0.repeat.1.0' });
    await gate.admit(first);
    await gate.settle(first, { kind: 'done', reference: 'SM1', value });
    const { cause, step } = first;
    for (const more of [
      { step },
      { cause, step: '0.repeat.2.0' },
      { cause, step, input: { to: '+4512345678', text: '' } },
      { cause, step, flow: 'other' },
    ])
      expect(await gate.admit(await callOf(more))).toEqual({ kind: 'go' });
  });

  test('that the author names is sent once whatever flow and event it comes from', async () => {
    const input = { to: 'Someone@Example.com', text: '', oncePer: 'INV-1' };
    const first = await callOf({ input });
    await gate.admit(first);
    await gate.settle(first, { kind: 'done', reference: 'M1', value });
    const again = await gate.admit(await callOf({ flow: 'other', step: '7', input: { ...input, to: 'someone@example.com' } }));
    expect(again).toMatchObject({ kind: 'settled', outcome: { reference: 'M1', value: { alreadySent: true } } });
  });

  test('waits for another run that is about to send it, and goes when that one did not', async () => {
    const first = await callOf();
    const second = await callOf({ cause: first.cause });
    await gate.admit(first);
    expect(await gate.admit(second)).toMatchObject({ kind: 'park', until: AT + 10_000 });
    await gate.settle(first, { kind: 'not-done' });
    expect(await gate.admit(second)).toEqual({ kind: 'go' });
  });

  test('is not sent again when its run ended without saying what became of it', async () => {
    const first = await callOf();
    await gate.admit(first);
    await db.ownerPool.query("update run set status = 'cancelled' where id = $1", [first.runId]);
    expect(await gate.admit(await callOf({ cause: first.cause }))).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'ok', reference: '' },
    });
  });
});

describe('charges', () => {
  const of = (invoice: string, card: string) =>
    callOf({ manifest: charge, input: { invoice, card, amount: { amount: '10.00', currency: 'EUR' } } });

  test('the ninth attempt on one invoice is refused before the provider is called', async () => {
    for (let count = 0; count < 8; count += 1) expect(await gate.admit(await of('inv_1', `card-${count}`))).toEqual({ kind: 'go' });
    expect(await gate.admit(await of('inv_1', 'card-9'))).toMatchObject({ outcome: { code: 'guard.charge-cap' } });
  });

  test('the eleventh on one card in thirty days is, and declines count', async () => {
    for (let count = 0; count < 10; count += 1) {
      const call = await of(`inv_${count}`, 'card-a');
      expect(await gate.admit(call)).toEqual({ kind: 'go' });
      await gate.settle(call, { kind: 'not-done' });
      now += 86_400_000;
    }
    expect(await gate.admit(await of('inv_x', 'card-a'))).toMatchObject({ outcome: { code: 'guard.charge-cap' } });
    now = AT + 32 * 86_400_000;
    expect(await gate.admit(await of('inv_x', 'card-a'))).toEqual({ kind: 'go' });
  });
});

describe('a budget', () => {
  const refund = (amount: string | undefined, more: Partial<GuardedCall> = {}) =>
    callOf({
      manifest: { ...charge, guards: { money: { amount: '/amount' } } },
      input: amount === undefined ? {} : { amount: { amount, currency: 'EUR' } },
      ...more,
    });
  const money = { amount: '100.00', currency: 'EUR' } as const;

  test('of money lets through what fits, gives back what did not happen, and parks the rest', async () => {
    await allow({ budgets: [{ name: 'refunds', of: 'tenant', per: 'day', money, whenReached: 'park' }] });
    const declined = await refund('60.00');
    expect(await gate.admit(declined)).toEqual({ kind: 'go' });
    expect((await gate.admit(await refund('40.01'))).kind).toBe('park');
    await gate.settle(declined, { kind: 'not-done' });
    expect(await gate.admit(await refund('100.00'))).toEqual({ kind: 'go' });
    expect((await gate.admit(await refund('0.01'))).kind).toBe('park');
  });

  test('of money refuses a call that does not say its amount', async () => {
    await allow({ budgets: [{ name: 'refunds', of: 'tenant', per: 'day', money, whenReached: 'park' }] });
    expect(await gate.admit(await refund(undefined))).toMatchObject({ outcome: { reason: 'input', code: 'guard.amount-missing' } });
  });

  test('of calls holds one flow or one connection only', async () => {
    await allow({
      budgets: [
        { name: 'one', of: 'flow', target: 'late-invoice', per: 'hour', calls: 1, whenReached: 'stop' },
        { name: 'two', of: 'connection', target: 'shop', per: 'month', calls: 1, whenReached: 'stop' },
      ],
    });
    const kinds: string[] = [];
    for (const more of [{}, {}, { flow: 'b' }, { flow: 'b', connectionId: CONNECTION }, { flow: 'b', connectionId: CONNECTION }])
      kinds.push((await gate.admit(await refund('1.00', more))).kind);
    expect(kinds).toEqual(['go', 'settled', 'go', 'go', 'settled']);
  });
});

describe('a kill switch', () => {
  test.each([
    ['tenant', ''],
    ['flow', 'late-invoice'],
    ['connection', 'shop'],
    ['action', 'sms.send'],
    ['plugin', 'cards'],
  ] as const)('of a %s parks the call until it is released', async (level, target) => {
    expect(gate.watches(tenantId, { ...sms, guards: undefined } as unknown as ActionManifest, undefined)).toBe(false);
    await switches.turnOn(tenantId, { level, target }, 'the texts are wrong', 'key/test');
    const call = await callOf({ connectionId: CONNECTION });
    expect(await gate.admit(call)).toMatchObject({
      kind: 'park',
      until: undefined,
      message: expect.stringContaining('the texts are wrong'),
    });
    expect(await switches.list(tenantId, 10)).toMatchObject([{ level, target, parked: 1, setBy: 'key/test' }]);
    expect(await parked.freed(undefined, 10)).not.toContainEqual(expect.objectContaining({ runId: call.runId }));
    await switches.release(tenantId, { level, target }, 'key/test');
    expect(await parked.freed(undefined, 100)).toContainEqual(expect.objectContaining({ runId: call.runId }));
    expect(await gate.admit(call)).toEqual({ kind: 'go' });
  });

  test('of something else, or of another tenant, does not', async () => {
    await switches.turnOn(tenantId, { level: 'flow', target: 'other' }, '', 'key/test');
    await switches.turnOn(await db.addTenant(`other-${tenants}`), { level: 'tenant', target: '' }, '', 'key/test');
    expect(await gate.admit(await callOf())).toEqual({ kind: 'go' });
  });

  test('is audited, on and off', async () => {
    await switches.turnOn(tenantId, { level: 'action', target: 'sms.send' }, 'why', 'key/test');
    await switches.release(tenantId, { level: 'action', target: 'sms.send' }, 'key/test');
    await expect(switches.release(tenantId, { level: 'action', target: 'sms.send' }, 'key/test')).rejects.toMatchObject({
      code: 'guard.not-on',
    });
    const { rows } = await db.ownerPool.query('select action, subject from audit_entry where tenant_id = $1 order by seq', [tenantId]);
    expect(rows).toEqual([
      { action: 'switch.on', subject: 'action/sms.send' },
      { action: 'switch.off', subject: 'action/sms.send' },
    ]);
  });
});

test('another process learns of a switch within its next look', async () => {
  const other = new GuardBook(db.enginePool);
  await other.refresh();
  await switches.turnOn(tenantId, { level: 'tenant', target: '' }, '', 'key/test');
  expect(other.switchesOf(tenantId)).toBeUndefined();
  await other.refresh();
  expect(other.switchesOf(tenantId)).toHaveLength(1);
});

test('settings are changed by whoever has read the version that they replace', async () => {
  await allow({ messages: { perReceiver: { cap: 9 } } });
  await expect(settings.replace(tenantId, {}, 0, 'key/test')).rejects.toMatchObject({ code: 'guard.changed' });
  expect((await settings.read(tenantId)).rules.messages).toEqual({
    perReceiver: { cap: 9, whenReached: 'stop' },
    perTenant: { cap: 10_000, whenReached: 'park' },
  });
});
