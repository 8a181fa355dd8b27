import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { call, computed, flow, waitUntil } from '../conformance/flow-builder.ts';
import type { Provider } from '../conformance/provider.ts';
import { DEFAULT_RUN_SETTINGS, type RunSettings } from '../run-settings.ts';
import { incoming, type TestCatalogue } from './engine.test-support.ts';
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

const engine = (settings: Partial<RunSettings> = {}) => its.engine(settings);

const count = async (query: string) => (await db.ownerPool.query(query)).rowCount ?? 0;
/** Of all processes: the others come back. Only the role itself may do that. */
async function dropEngineConnections(): Promise<void> {
  const client = await its.pools[0]?.connect();
  await client
    ?.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and datname = current_database() and pid <> pg_backend_pid()`,
    )
    .catch(() => undefined);
  client?.release(true);
}

const input = computed(['event'], ({ event }) => event);

test('four processes share the sleeping runs: each goes on once, and every effect happens once', async () => {
  const at = new Date(Date.now() + 3_000).toISOString();
  catalogue.add(db.tenantId, flow([call('test.once', input), waitUntil(computed([], () => at)), call('test.once', input)]));
  const engines = await Promise.all([engine(), engine(), engine(), engine()]);
  await Promise.all(
    Array.from({ length: 200 }, (_, n) => engines[n % 4]?.intake.accept(incoming(db.tenantId, { n })) ?? Promise.resolve(undefined)),
  );
  await until(
    async () => (await count(`select from run where status = 'completed'`)) === 200,
    () => 'the runs did not end',
    30_000,
  );
  expect(provider.calls).toHaveLength(400);
  expect([...provider.effects.values()].every((times) => times === 1)).toBe(true);
});

test('the runs of a process that died go on within five seconds, with the default lease', async () => {
  catalogue.add(db.tenantId, flow([call('test.keyed', input), call('test.once', input)]));
  provider.script('test.keyed', (attempt) => {
    provider.happen(attempt);
    return new Promise(() => undefined);
  });
  const { leaseMs } = DEFAULT_RUN_SETTINGS;
  const first = await engine({ leaseMs });
  await engine({ leaseMs });
  await first.intake.accept(incoming(db.tenantId, { n: 1 }));
  await until(
    () => provider.calls.length === 1,
    () => 'no call',
  );
  // All that the database ever sees of a process that died: its connections are gone and no others come.
  its.engines.shift();
  const gone = its.pools.shift()?.end();
  await dropEngineConnections();
  const died = performance.now();
  await until(
    () => provider.calls.length >= 2,
    () => 'nobody took the run over',
    5_000,
  );
  expect(performance.now() - died).toBeLessThan(5_000);
  await until(
    async () => (await count(`select from run where status = 'completed'`)) === 1,
    () => 'the run did not end',
  );
  expect([...provider.effects.values()]).toEqual([1, 1]);
  await first.engine.stop();
  await gone;
});

test('a run that sleeps when its process dies is woken in time by another, which did not know of its timer', async () => {
  const first = await its.engine();
  await its.engine();
  const due = computed(['event'], ({ event }) => (event as { until: string }).until);
  catalogue.add(db.tenantId, flow([waitUntil(due), call('test.once', input)]));
  const until3 = Date.now() + 3_000;
  await first.intake.accept(incoming(db.tenantId, { until: new Date(until3).toISOString() }));
  await until(
    async () => (await count('select from run_timer')) === 1 && first.engine.load === 0,
    () => 'the run does not sleep',
  );
  its.engines.shift();
  const gone = its.pools.shift()?.end();
  await dropEngineConnections();
  await until(
    async () => (await count(`select from run where status = 'completed'`)) === 1,
    () => 'nobody woke the run',
    8_000,
  );
  await first.engine.stop();
  await gone;
});

test('more than there is room for is refused with 429 and Retry-After, never dropped; what was accepted is done, and memory stays bounded', async () => {
  catalogue.add(db.tenantId, flow([call('test.once', input)]));
  const maxInFlight = 50;
  const { engine: one, intake } = await engine({ maxInFlight });
  let most = 0;
  const results = await Promise.allSettled(
    Array.from({ length: maxInFlight * 20 }, async (_, n) => {
      const receipt = intake.accept(incoming(db.tenantId, { n }));
      most = Math.max(most, one.load);
      return receipt;
    }),
  );
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const accepted = results.length - refused.length;
  expect(refused.length).toBeGreaterThan(0);
  for (const error of refused) {
    expect(isKassaflowError(error) && [error.code, error.spec.status, error.retryAfterMs]).toEqual(['events.overloaded', 429, 1_000]);
  }
  await until(
    async () => (await count(`select from run where status = 'completed'`)) === accepted,
    () => 'what was accepted was not done',
  );
  expect(await count('select from event')).toBe(accepted);
  expect(most).toBeLessThanOrEqual(maxInFlight + 1);
});
