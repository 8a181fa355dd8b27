import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, unknown } from '@kassaflow/plugin-sdk';
import { eventErrors } from '../../events/event-errors.ts';
import { definitionOf } from '../../events/catalogue/catalogue.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { call, computed, fail, flow, literal } from '../conformance/flow-builder.ts';
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

interface Recorded {
  readonly type: string;
  readonly subject: string;
  readonly routed: boolean;
  readonly data: { readonly run: Readonly<Record<string, unknown>> };
}

async function aboutRuns(): Promise<readonly Recorded[]> {
  const { rows } = await db.ownerPool.query<Recorded>(`select type, subject, routed, data from event where type like 'run.%' order by seq`);
  for (const { type, data } of rows) definitionOf(type).data.parse(data);
  return rows;
}

async function runs(): Promise<readonly { flow: string; status: string }[]> {
  const { rows } = await db.ownerPool.query<{ flow_id: string; status: string }>('select flow_id, status from run order by id');
  return rows.map(({ flow_id, status }) => ({ flow: its.catalogue.index.get(flow_id)?.flow.name ?? '', status }));
}

async function settled(count: number): Promise<void> {
  await until(
    async () => its.engine.load === 0 && (await runs()).length === count && (await runs()).every(({ status }) => status !== 'running'),
    () => `there are not ${count} runs at rest`,
  );
}

const onFailure = { kind: 'event', event: 'run.failed' } as const;

describe('a run that fails', () => {
  test('records so in the commit that ends it, and starts the flows that react to it', async () => {
    provider.script('test.once', () => failed('permanent', 'The account is closed'));
    its.catalogue.add(db.tenantId, flow([call('test.once')], { name: 'charge' }));
    const reaction = [
      call(
        'test.keyed',
        computed(['event'], ({ event }) => event),
      ),
    ];
    its.catalogue.add(db.tenantId, flow(reaction, { name: 'alert', triggers: [onFailure] }));
    await its.intake.accept(incoming(db.tenantId));
    await settled(2);
    const [event, ...others] = await aboutRuns();
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      type: 'run.failed',
      routed: true,
      data: { run: { flow: 'charge', step: '0', reason: 'The account is closed' } },
    });
    expect(event?.subject).toBe(`run/${String(event?.data.run['id'])}`);
    expect(provider.calls.at(-1)?.input).toEqual(event?.data);
  });

  test('does not start its own flow, and flows that react to failures do not start each other', async () => {
    its.catalogue.add(db.tenantId, flow([fail('one')], { name: 'one', triggers: [{ kind: 'event', event: 'custom.started' }, onFailure] }));
    its.catalogue.add(db.tenantId, flow([fail('two')], { name: 'two', triggers: [onFailure] }));
    await its.intake.accept(incoming(db.tenantId));
    await settled(2);
    expect(await runs()).toEqual([
      { flow: 'one', status: 'failed' },
      { flow: 'two', status: 'failed' },
    ]);
    expect((await aboutRuns()).map(({ data }) => data.run['flow'])).toEqual(['one', 'two']);
  });

  test('because its condition cannot be computed never begins, and says so', async () => {
    const condition = computed(['event'], () => {
      throw eventErrors['unknown-type']();
    });
    its.catalogue.add(db.tenantId, flow([call('test.keyed')], { name: 'broken', condition }));
    await its.intake.accept(incoming(db.tenantId));
    await settled(1);
    expect(await runs()).toEqual([{ flow: 'broken', status: 'failed' }]);
    expect(provider.calls).toEqual([]);
    expect(await aboutRuns()).toMatchObject([{ type: 'run.failed', data: { run: { flow: 'broken', step: '' } } }]);
    const { rows } = await db.ownerPool.query<{ kind: string }>(`select entries -> 0 ->> 'kind' as kind from run_journal order by seq`);
    expect(rows.map(({ kind }) => kind)).toEqual(['unstartable', 'end']);
  });
});

test('a run that needs a person records so, once', async () => {
  provider.script('test.once', () => unknown('Connection reset'));
  its.catalogue.add(db.tenantId, flow([call('test.once', literal({}))], { name: 'message' }));
  its.catalogue.add(
    db.tenantId,
    flow([call('test.keyed')], { name: 'alert', triggers: [{ kind: 'event', event: 'run.needs-attention' }] }),
  );
  await its.intake.accept(incoming(db.tenantId));
  await settled(2);
  expect(await aboutRuns()).toMatchObject([{ type: 'run.needs-attention', data: { run: { flow: 'message', step: '0' } } }]);
  expect(await runs()).toEqual([
    { flow: 'message', status: 'attention' },
    { flow: 'alert', status: 'completed' },
  ]);
});
