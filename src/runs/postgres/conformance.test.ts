import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { Provider } from '../conformance/provider.ts';
import { scenarios } from '../conformance/scenarios.ts';
import type { PostgresEngine } from './engine.ts';
import { incoming, testEngine } from './engine.test-support.ts';

let db: TestDatabase;
const engines: PostgresEngine[] = [];

beforeAll(async () => {
  db = await testDatabase({ poolSize: 6 });
});

afterEach(async () => void (await Promise.all(engines.splice(0).map((engine) => engine.stop()))));
afterAll(() => db.close());

interface Row {
  readonly status: string;
  readonly reason: { readonly message: string } | null;
}

describe('the engine over Postgres', () => {
  test.each(scenarios)('$name', async ({ name, flow, data, script, status, done, calls, reason }) => {
    const provider = new Provider();
    script?.(provider);
    const { engine, intake, catalogue } = testEngine(db, provider);
    engines.push(engine);
    await engine.start();
    const { flowId } = catalogue.add(db.tenantId, flow);
    await intake.accept(incoming(db.tenantId, data));
    const read = async (): Promise<Row | undefined> =>
      (await db.ownerPool.query<Row>('select status, reason from run where flow_id = $1', [flowId])).rows[0];
    await until(
      async () => (await read())?.status === status && engine.load === 0,
      () => `"${name}" did not come to ${status}`,
    );
    expect(provider.done.toSorted()).toEqual(done.toSorted());
    expect(provider.calls).toHaveLength(calls ?? done.length);
    if (reason !== undefined) expect((await read())?.reason?.message).toContain(reason);
  });
});
