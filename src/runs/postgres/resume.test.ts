import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { until } from '../../../test/support/until.ts';
import { call, flow, literal, waitUntil } from '../conformance/flow-builder.ts';
import { incoming } from './engine.test-support.ts';
import { LOAD_RUNS } from './queries/load-runs.ts';
import { Workers } from './workers.test-support.ts';

let its: Workers;
beforeEach(async () => void (its = await Workers.open()));
afterEach(() => its.close());

/** The next `times` loads of runs fail, as when the connection breaks between the claim and the load. */
function failLoads(pool: pg.Pool, times: number): void {
  let left = times;
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...given: readonly unknown[]) => unknown;
    Object.assign(client, {
      query: (...given: readonly unknown[]) => {
        if (given[0] !== LOAD_RUNS || left === 0) return query(...given);
        left -= 1;
        return Promise.reject(new Error('Connection terminated unexpectedly'));
      },
    });
  });
}

test('a run that was claimed and could not be loaded is found and goes on, in the same process', async () => {
  const soon = new Date(Date.now() + 500).toISOString();
  its.catalogue.add(its.db.tenantId, flow([waitUntil(literal(soon)), call('test.once')]));
  const opening = its.engine();
  const [pool] = its.pools;
  if (pool) failLoads(pool, 2);
  const { intake } = await opening;
  await intake.accept(incoming(its.db.tenantId));
  await until(
    async () => (await its.db.ownerPool.query(`select from run where status = 'completed'`)).rowCount === 1,
    () => 'the run is nobody’s',
  );
  expect(its.provider.calls).toHaveLength(1);
});
