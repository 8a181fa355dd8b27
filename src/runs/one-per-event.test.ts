import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { incoming } from './postgres/engine.test-support.ts';
import { flowProcess, type FlowProcess } from './schedules/schedules.test-support.ts';

let db: TestDatabase;
let its: FlowProcess;

beforeAll(async () => {
  db = await testDatabase({ poolSize: 12 });
  its = await flowProcess(db);
});

afterAll(async () => {
  await its.engine.stop();
  await db.close();
});

test('one-per: run.event.id makes a case of every event, so none is skipped while another run is open', async () => {
  const source = 'kassaflow: 1\nflow: each\non: custom.each\none-per: run.event.id\nsteps:\n  - wait: 1d\n';
  await its.flows.publish(db.tenantId, { source, by: 'test' });
  for (let number = 0; number < 3; number += 1) await its.intake.accept(incoming(db.tenantId, { number }, { type: 'custom.each' }));
  const { rows } = await db.ownerPool.query<{ one_per: string }>('select one_per from run');
  expect(rows).toHaveLength(3);
  for (const row of rows) expect(row.one_per).toMatch(/^evt_/);
});
