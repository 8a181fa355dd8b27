import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { call, flow, waitFor } from '../conformance/flow-builder.ts';
import { incoming } from './engine.test-support.ts';
import { Workers } from './workers.test-support.ts';

let its: Workers;
beforeEach(async () => {
  its = await Workers.open();
});
afterEach(() => its.close());

test('a run that was being read when the lease was lost is left to whoever took the lease', async () => {
  const { db, catalogue, provider } = its;
  catalogue.add(db.tenantId, flow([waitFor(['custom.paid']), call('test.keyed')]));
  const one = await its.engine();
  await one.intake.accept(incoming(db.tenantId));
  const look = async <R extends object>(sql: string) => (await db.ownerPool.query<R>(sql)).rows;
  const becomes = (sql: string, what: string) =>
    until(
      async () => (await look(sql)).length > 0,
      () => what,
    );
  await becomes(`select from run where status = 'waiting' and epoch = 0`, 'the run does not wait');

  // The flow is not at hand at once: meanwhile another process takes the lease with the run, and has it now.
  const compiled = catalogue.compiled.bind(catalogue);
  let read: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (read = resolve));
  catalogue.compiled = (id) => gate.then(() => compiled(id));
  await one.intake.accept(incoming(db.tenantId, {}, { type: 'custom.paid' }));
  await becomes('select from run where epoch <> 0', 'the run was not claimed');
  await db.ownerPool.query('update run set epoch = 999999, claimed_by = 999999');
  await db.ownerPool.query('update engine_lease set taken_by = 999999');
  await becomes('select from engine_lease where taken_by is null', 'there is no new lease');
  read();
  // Whatever follows is answered by this engine, after it has had its chance to go on with the run.
  await one.intake.accept(incoming(db.tenantId, {}, { type: 'custom.other' }));
  await one.intake.accept(incoming(db.tenantId, {}, { type: 'custom.other' }));
  expect(provider.calls).toEqual([]);
  expect(await look('select epoch::text, status from run')).toEqual([{ epoch: '999999', status: 'running' }]);
  expect(await look(`select from run_journal where entries::text like '%heard%'`)).toEqual([]);
});
