import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { Provider } from '../conformance/provider.ts';
import type { Happening } from '../conformance/verb-scenario.ts';
import { verbScenarios } from '../conformance/verb-scenarios.ts';
import type { PostgresEngine } from './engine.ts';
import { incoming, testEngine, type TestEngine } from './engine.test-support.ts';

let db: TestDatabase;
const engines: PostgresEngine[] = [];

beforeAll(async () => {
  db = await testDatabase({ poolSize: 6 });
});

afterEach(async () => void (await Promise.all(engines.splice(0).map((engine) => engine.stop()))));
afterAll(() => db.close());

interface Row {
  readonly id: string;
  readonly status: string;
  readonly epoch: string;
  readonly reason: { readonly message: string } | null;
}

type Ordered = Extract<Happening, { order: unknown }>['order'];

/** What an order is as a command of the API: `by` and `why` are the caller's. */
function detailOf(order: Ordered): object {
  return Object.fromEntries(Object.entries(order).filter(([name]) => name !== 'by' && name !== 'why' && name !== 'kind'));
}

async function give({ engine }: TestEngine, run: string, order: Ordered): Promise<void> {
  const { rows } = await db.ownerPool.query<{ id: string }>(
    `insert into run_command (tenant_id, run_id, kind, detail, requested_by, reason) values ($1, $2, $3, $4, $5, $6) returning id::text`,
    [db.tenantId, run, order.kind, detailOf(order), order.by, order.why ?? ''],
  );
  engine.nudge();
  await until(
    async () => {
      const found = await db.ownerPool.query<{ answer: unknown }>('select answer from run_command where id = $1', [rows[0]?.id]);
      if (found.rows[0]?.answer) expect(found.rows[0].answer).toEqual({ done: true });
      return Boolean(found.rows[0]?.answer);
    },
    () => `${order.kind} was not answered`,
  );
}

async function happen(its: TestEngine, { id }: Row, happening: Happening): Promise<void> {
  if ('event' in happening) return void (await its.intake.accept(incoming(db.tenantId, happening.data, { type: happening.event })));
  if ('order' in happening) return give(its, id, happening.order);
  await db.ownerPool.query(
    `insert into run_signal (tenant_id, run_id, step, source, kind, detail) values ($1, $2, $3, gen_random_uuid(), 'answer', $4)`,
    [db.tenantId, id, happening.step, { choice: happening.answer, by: 'kim', note: '' }],
  );
}

describe('over Postgres', () => {
  test.each(verbScenarios)('$name', async ({ name, flow, others = [], data, script, happenings = [], status, done, calls, reason }) => {
    const provider = new Provider();
    script?.(provider);
    const its = testEngine(db, provider);
    engines.push(its.engine);
    await its.engine.start();
    const { flowId } = its.catalogue.add(db.tenantId, flow);
    for (const other of others) its.catalogue.add(db.tenantId, other);
    await its.intake.accept(incoming(db.tenantId, data));
    const read = async (): Promise<Row | undefined> =>
      (await db.ownerPool.query<Row>('select id, status, epoch, reason from run where flow_id = $1 order by id', [flowId])).rows[0];
    const atRest = async (calledAtLeast: number): Promise<Row | undefined> => {
      let row: Row | undefined;
      await until(
        async () => {
          row = await read();
          return row?.epoch === '0' && row.status !== 'running' && its.engine.load === 0 && provider.calls.length >= calledAtLeast;
        },
        () => `"${name}" did not come to rest`,
      );
      return row;
    };
    for (const happening of happenings) {
      const row = await atRest(('calls' in happening && happening.calls) || 0);
      if (row) await happen(its, row, happening);
    }
    await until(
      async () => (await read())?.status === status && its.engine.load === 0 && provider.calls.length >= (calls ?? done.length),
      () => `"${name}" did not come to ${status} with ${calls ?? done.length} calls`,
    );
    expect(provider.done.toSorted()).toEqual(done.toSorted());
    expect(provider.calls).toHaveLength(calls ?? done.length);
    if (reason !== undefined) expect((await read())?.reason?.message).toContain(reason);
  });
});
