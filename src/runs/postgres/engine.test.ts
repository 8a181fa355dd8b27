import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, emit, fail, flow, literal, set, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { incoming, testEngine, type TestEngine } from './engine.test-support.ts';

let db: TestDatabase;
let provider: Provider;
let its: TestEngine;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  its = testEngine(db, provider);
  await its.engine.start();
});

afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

async function statuses(): Promise<readonly string[]> {
  const { rows } = await db.ownerPool.query<{ status: string }>('select status from run order by id');
  return rows.map(({ status }) => status);
}

async function allEnd(count: number): Promise<void> {
  await until(
    async () =>
      Number((await db.ownerPool.query<{ n: string }>('select count(*) as n from run where finished_at is not null')).rows[0]?.n) === count,
    () => `the runs did not end; calls: ${provider.calls.length}`,
  );
}

describe('an event', () => {
  test('starts a run whose steps see the event and each other', async () => {
    its.catalogue.add(
      db.tenantId,
      flow([
        set({ text: computed(['event'], ({ event }) => `Thanks, ${String((event as { name: string }).name)}`) }),
        call(
          'test.keyed',
          computed(['vars'], ({ vars }) => ({ text: (vars as { text: string }).text })),
          { id: 'first' },
        ),
        call(
          'test.once',
          computed(['steps'], ({ steps }) => ({ heard: (steps as { first: { echo: unknown } }).first.echo })),
        ),
      ]),
    );
    const receipt = await its.intake.accept(incoming(db.tenantId, { name: 'Kim' }));
    expect(receipt.kind).toBe('accepted');
    await allEnd(1);
    expect(await statuses()).toEqual(['completed']);
    expect(provider.calls.map(({ input }) => input)).toEqual([{ text: 'Thanks, Kim' }, { heard: { text: 'Thanks, Kim' } }]);
    const { rows } = await db.ownerPool.query<{ kinds: string }>(
      `select string_agg(e ->> 'kind', ' ' order by seq, n) as kinds from run_journal, json_array_elements(entries) with ordinality as x(e, n)`,
    );
    expect(rows[0]?.kinds).toBe('set intent answer intent answer end');
  });

  test('that is sent twice starts one run, and with another body is a conflict', async () => {
    its.catalogue.add(db.tenantId, flow([call('test.keyed')]));
    const event = incoming(db.tenantId, { a: 1 });
    const [first, second] = await Promise.all([its.intake.accept(event), its.intake.accept(event)]);
    const conflict = await its.intake.accept({ ...event, bodyHash: Buffer.alloc(32) });
    expect([first.kind, second.kind].toSorted()).toEqual(['accepted', 'duplicate']);
    expect(conflict).toEqual({ kind: 'conflict', eventId: first.eventId });
    await allEnd(1);
    expect(provider.calls).toHaveLength(1);
  });

  test('whose flow fails ends as failed, after its on-failure', async () => {
    its.catalogue.add(
      db.tenantId,
      flow([fail('on purpose')], {
        onFailure: [
          call(
            'test.keyed',
            computed(['error'], ({ error }) => ({ message: (error as { message: string }).message })),
          ),
        ],
      }),
    );
    await its.intake.accept(incoming(db.tenantId));
    await allEnd(1);
    expect(await statuses()).toEqual(['failed']);
    expect(provider.calls[0]?.input).toEqual({ message: 'on purpose' });
  });

  test('recorded by a flow starts other flows, once', async () => {
    its.catalogue.add(db.tenantId, flow([emit('custom.second', literal({ n: 7 }))]));
    its.catalogue.add(
      db.tenantId,
      flow(
        [
          call(
            'test.keyed',
            computed(['event'], ({ event }) => event),
          ),
        ],
        { triggers: [{ kind: 'event', event: 'custom.second' }] },
      ),
    );
    await its.intake.accept(incoming(db.tenantId));
    await allEnd(2);
    expect(provider.calls.map(({ input }) => input)).toEqual([{ n: 7 }]);
  });
});

test('a sleeping run is a row and no memory, and goes on when its time has come', async () => {
  its.catalogue.add(
    db.tenantId,
    flow([waitUntil(computed(['event'], ({ event }) => (event as { until: string }).until)), call('test.keyed')]),
  );
  await its.intake.accept(incoming(db.tenantId, { until: new Date(Date.now() + 400).toISOString() }));
  await until(
    async () => (await statuses())[0] === 'waiting',
    () => 'the run does not wait',
  );
  await until(
    () => its.engine.load === 0,
    () => 'the run stays in memory',
  );
  await allEnd(1);
  expect(await statuses()).toEqual(['completed']);
  expect((await db.ownerPool.query('select from run_timer')).rowCount).toBe(0);
  expect(provider.calls).toHaveLength(1);
});

test('many events at once become few flushes', async () => {
  its.catalogue.add(db.tenantId, flow([call('test.keyed'), call('test.once')]));
  await Promise.all(Array.from({ length: 500 }, () => its.intake.accept(incoming(db.tenantId))));
  await allEnd(500);
  expect(new Set(await statuses())).toEqual(new Set(['completed']));
  expect([...provider.effects.values()].every((times) => times === 1)).toBe(true);
  expect(provider.effects.size).toBe(1_000);
  expect(Number(its.engine.flushes)).toBeLessThan(100);
});
