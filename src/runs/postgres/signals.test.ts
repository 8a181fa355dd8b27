import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import type { CompiledFlow, CompiledStep, EventMatch } from '../../flows/language/compiled-flow.ts';
import { ask, call, computed, fail, flow, literal, parallel, type StepDraft } from '../conformance/flow-builder.ts';
import type { Provider } from '../conformance/provider.ts';
import { giveCommand, incoming, type TestCatalogue } from './engine.test-support.ts';
import { findableKey } from './flush-news.ts';
import { Workers } from './workers.test-support.ts';

let its: Workers;
let db: TestDatabase;
let provider: Provider;
let catalogue: TestCatalogue;

beforeEach(async () => {
  its = await Workers.open();
  ({ db, provider, catalogue } = its);
});
afterEach(() => its.close());

const engine = () => its.engine();

const STEP = { title: 'step', place: { line: 1, column: 1 }, onFailure: 'stop' } as const;
const at =
  (make: (path: string) => CompiledStep): StepDraft =>
  (path) =>
    make(path);

const sameOrder: EventMatch = { key: { path: 'order.id', value: computed(['event'], ({ event }) => (event as { order: string }).order) } };
const waitFor = (match: EventMatch, ...events: string[]) =>
  at((path) => ({ ...STEP, path, id: 'paid', verb: 'wait-for', events, match, onTimeout: [] }));
const paid = computed(['steps'], ({ steps }) => (steps as { paid: { data: object } }).paid.data);
const paidFlow = (match = sameOrder): CompiledFlow => flow([waitFor(match, 'custom.paid'), call('test.keyed', paid)], { name: 'paid' });
const started = (order: string) => incoming(db.tenantId, { order });
const payment = (order: string, more: object = {}) => incoming(db.tenantId, { order: { id: order }, ...more }, { type: 'custom.paid' });

async function count(query: string): Promise<number> {
  return Number((await db.ownerPool.query<{ n: string }>(`select count(*) as n from (${query}) x`)).rows[0]?.n);
}

const reach = (query: string, wanted: number) =>
  until(
    async () => (await count(query)) === wanted,
    () => `not ${wanted}: ${query}`,
  );
const sleeping = (runs: number) => reach(`select from run where status = 'waiting' and epoch = 0`, runs);
const completed = (runs: number) => reach(`select from run where status = 'completed'`, runs);
/** Nothing is left of what was waited for; news that came in the moment of a run's end is swept up by the next round. */
const nothingLeft = () => reach('select run_id from run_wait union all select run_id from run_signal', 0);

describe('a run that waits for an event', () => {
  test('costs a row and no memory, goes on with the event that has its key, and with no other', async () => {
    catalogue.add(db.tenantId, paidFlow());
    const { engine: one, intake } = await engine();
    for (const order of ['a', 'b', 'c']) await intake.accept(started(order));
    await sleeping(3);
    expect(one.load).toBe(0);
    await intake.accept(payment('b', { amount: 5 }));
    await completed(1);
    await intake.accept(payment('b', { amount: 6 }));
    await intake.accept(payment('a'));
    await intake.accept(payment('c'));
    await completed(3);
    expect(provider.calls.map(({ input }) => input)).toEqual(
      expect.arrayContaining([{ order: { id: 'a' } }, { order: { id: 'b' }, amount: 5 }, { order: { id: 'c' } }]),
    );
    expect(provider.calls).toHaveLength(3);
    await nothingLeft();
  });

  test('hears of an event that was recorded before it waited, while the step before was under way', async () => {
    catalogue.add(db.tenantId, flow([call('test.once'), waitFor(sameOrder, 'custom.paid'), call('test.keyed', paid)]));
    const { intake } = await engine();
    provider.script('test.once', async (attempt) => {
      await intake.accept(payment('a'));
      return provider.happen(attempt);
    });
    await intake.accept(started('a'));
    await completed(1);
    await nothingLeft();
  });

  test('hears of an event that was recorded behind it, though its process has a clock that is ahead', async () => {
    catalogue.add(db.tenantId, paidFlow());
    const { intake } = await engine();
    await intake.accept(started('a'));
    await sleeping(1);
    await db.ownerPool.query(`update run_wait set since = now() + interval '1 hour'`);
    await intake.accept(payment('a'));
    await completed(1);
  });

  test('is woken by whichever process has recorded the event', async () => {
    catalogue.add(db.tenantId, paidFlow());
    const [one, two] = [await engine(), await engine()];
    for (let n = 0; n < 20; n += 1) await one.intake.accept(started(`o${n}`));
    await sleeping(20);
    await Promise.all(Array.from({ length: 20 }, (_, n) => two.intake.accept(payment(`o${n}`))));
    await completed(20);
    expect(provider.calls).toHaveLength(20);
    await nothingLeft();
  });

  test('is offered every event of the type when it has no key, and goes on with the one it means', async () => {
    const where = computed(['event'], ({ event }) => (event as { n: number }).n === 3);
    catalogue.add(db.tenantId, paidFlow({ where }));
    const { intake } = await engine();
    await intake.accept(started('a'));
    await sleeping(1);
    for (const n of [1, 2, 3, 4]) await intake.accept(payment('a', { n }));
    await completed(1);
    expect(provider.calls[0]?.input).toMatchObject({ n: 3 });
    await nothingLeft();
  });

  test('of which the process died between the event and its hand-over goes on in another', async () => {
    catalogue.add(db.tenantId, paidFlow());
    const first = await engine();
    await first.intake.accept(started('a'));
    await sleeping(1);
    await first.engine.stop();
    its.engines.shift();
    // The event is recorded by a process that runs no flows.
    await db.ownerPool.query(
      `insert into event (id, tenant_id, source, source_id, type, subject, occurred_at, data, routed)
       values (gen_random_uuid(), $1, '/x', '1', 'custom.paid', '', now(), '{"order":{"id":"a"}}', true)`,
      [db.tenantId],
    );
    await engine();
    await completed(1);
    await nothingLeft();
  });
});

test('a flow is stopped by the event that its stop-on names', async () => {
  const stopOn = [{ event: 'custom.paid', match: sameOrder }];
  catalogue.add(db.tenantId, flow([waitFor({}, 'custom.never')], { stopOn }));
  const { intake } = await engine();
  await intake.accept(started('a'));
  await sleeping(1);
  await intake.accept(payment('a'));
  await reach(`select from run where status = 'stopped'`, 1);
  await nothingLeft();
});

test('a question that was taken back when the run failed is asked again by a retry: it is another task', async () => {
  catalogue.add(db.tenantId, flow([parallel({ a: [call('test.keyed')], b: [ask('Go on?')] }, 'stop-others')]));
  const tasks = (state: string) => `select from staff_task where state = '${state}'`;
  provider.script('test.keyed', async () => {
    await reach(tasks('open'), 1);
    return { kind: 'failed', reason: 'permanent', message: 'No such account' };
  });
  const one = await engine();
  await one.intake.accept(started('a'));
  await reach(`select from run where status = 'failed'`, 1);
  expect(await count(tasks('withdrawn'))).toBe(1);
  expect(await giveCommand(db, one, 'retry')).toEqual({ done: true });
  await reach(tasks('open'), 1);
  expect(await count(tasks('withdrawn'))).toBe(1);
  expect(await count(`select from event where type = 'task.created'`)).toBe(2);
});

describe('a run that starts another', () => {
  const child = (name: string, and: 'wait' | 'continue' = 'wait') =>
    at((path) => ({ ...STEP, path, id: 'child', verb: 'run', flow: name, with: literal({}), and }));
  const manual = [{ kind: 'manual', inputs: {} }] as const;
  const result = computed(['steps'], ({ steps }) => ({ status: (steps as { child: { status: string } }).child.status }));

  test('goes on when the other has ended; the other names it as its parent', async () => {
    catalogue.add(db.tenantId, flow([child('inner'), call('test.keyed', result)], { name: 'outer' }));
    catalogue.add(db.tenantId, flow([call('test.once')], { name: 'inner', triggers: manual }));
    const { intake } = await engine();
    await intake.accept(started('a'));
    await completed(2);
    expect(provider.calls.map(({ action, input }) => [action, input])).toEqual([
      ['test.once', {}],
      ['test.keyed', { status: 'completed' }],
    ]);
    const { rows } = await db.ownerPool.query('select parent_step, depth from run where parent_run is not null');
    expect(rows).toEqual([{ parent_step: '0', depth: 1 }]);
    await nothingLeft();
  });

  test.each([
    ['does not exist', () => undefined, /missing/],
    ['fails', () => catalogue.add(db.tenantId, flow([fail('broken')], { name: 'missing', triggers: manual })), /broken/],
  ])('fails when the other %s', async (_, add, message) => {
    catalogue.add(db.tenantId, flow([child('missing')], { name: 'outer' }));
    add();
    const { intake } = await engine();
    await intake.accept(started('a'));
    await reach(`select from run where status = 'failed' and parent_run is null`, 1);
    const { rows } = await db.ownerPool.query<{ reason: { message: string } }>('select reason from run where parent_run is null');
    expect(rows[0]?.reason.message).toMatch(message);
    await nothingLeft();
  });

  test('and does not wait for it is not told of its end', async () => {
    catalogue.add(db.tenantId, flow([child('inner', 'continue')], { name: 'outer' }));
    catalogue.add(db.tenantId, flow([call('test.once')], { name: 'inner', triggers: manual }));
    const { intake } = await engine();
    await intake.accept(started('a'));
    await completed(2);
    await nothingLeft();
  });
});

test('a wait whose value payloads are not searched for is offered every event', () => {
  expect(findableKey('invoice.id=inv_1')).toBe('invoice.id=inv_1');
  for (const key of [undefined, `a=${'x'.repeat(201)}`, 'a.b.c.d=1', 'a={"b":1}', 'a=null', 'a=[]']) expect(findableKey(key)).toBe('');
});
