import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { DEEPEST, depthOfEvent, sourceOfDepth } from './event-chain.ts';
import { incoming } from './postgres/engine.test-support.ts';
import { flowProcess, type FlowProcess } from './schedules/schedules.test-support.ts';

let db: TestDatabase;
let its: FlowProcess;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 12 });
  its = await flowProcess(db);
});

afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

const publish = (name: string, on: string, ...steps: readonly string[]) =>
  its.flows.publish(db.tenantId, {
    source: `kassaflow: 1\nflow: ${name}\non: ${on}\nsteps:\n${steps.map((step) => `  - ${step}\n`).join('')}`,
    by: 'test',
  });

/** How many events of each type there are, once the last of `type` is there and every run has ended. */
async function recorded(type: string, count: number): Promise<Record<string, number>> {
  const counts = async () =>
    (await db.ownerPool.query<{ type: string; n: number }>('select type, count(*)::int as n from event group by type')).rows;
  const open = async () => (await db.ownerPool.query(`select from run where status in ('running', 'waiting')`)).rowCount;
  await until(
    async () => ((await counts()).find((row) => row.type === type)?.n ?? 0) >= count && (await open()) === 0,
    () => `not ${count} ${type}`,
    20_000,
  );
  return Object.fromEntries((await counts()).map((row) => [row.type, row.n]));
}

describe('flows that start each other in a circle', () => {
  test('come to an end after ten, and it is told once', async () => {
    await publish('ping', 'custom.ping', 'emit: custom.pong');
    await publish('pong', 'custom.pong', 'emit: custom.ping');
    // Whoever listens to the end is not told of what it does itself.
    await publish('watch', 'run.chain-stopped', 'emit: custom.ping');
    await its.intake.accept(incoming(db.tenantId, {}, { type: 'custom.ping' }));
    // The event from outside, five of each by runs, the eleventh that starts nothing, and that of the flow that watches.
    expect(await recorded('custom.ping', 7)).toEqual({ 'custom.ping': 7, 'custom.pong': 6, 'run.chain-stopped': 1 });
    const { rows } = await db.ownerPool.query<{ data: unknown; source: string }>(
      `select data, source from event where type = 'run.chain-stopped'`,
    );
    expect(rows).toEqual([
      {
        source: sourceOfDepth(DEEPEST + 1),
        data: { event: 'custom.pong', run: expect.objectContaining({ flow: 'ping', reason: expect.stringContaining('11 runs away') }) },
      },
    ]);
  });

  test('also when the runs between sleep, or start the next one as a sub-flow', async () => {
    await publish('leaf', '{ manual: { inputs: {} } }', 'wait: 1s', 'emit: custom.ping');
    await publish('ping', 'custom.ping', 'wait: 1s', '{ run: leaf, and: continue }');
    await its.intake.accept({ ...incoming(db.tenantId, {}, { type: 'custom.ping' }), source: sourceOfDepth(DEEPEST - 1) });
    expect(await recorded('run.chain-stopped', 1)).toEqual({ 'custom.ping': 3, 'run.chain-stopped': 1 });
  }, 30_000);
});

test('a source says how deep its event is, and no other source says anything', () => {
  for (const depth of [1, 2, 10, 11, 500]) expect(depthOfEvent(sourceOfDepth(depth))).toBe(depth);
  for (const source of ['/kassaflow', '/shop', '/kassaflow/schedules', '/kassaflow/flows/x', '/kassaflow/flows/0'])
    expect(depthOfEvent(source)).toBe(0);
});
