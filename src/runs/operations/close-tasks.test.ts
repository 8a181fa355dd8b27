import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import type { Duration } from '../../kernel/duration.ts';
import { idOf } from '../../kernel/ids.ts';
import type { CompiledStep } from '../../flows/language/compiled-flow.ts';
import { call, computed, flow, literal } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { incoming, testEngine, TestCatalogue, type TestEngine } from '../postgres/engine.test-support.ts';
import { PostgresRunEngine } from '../postgres/postgres-run-engine.ts';
import { CloseTasks } from './close-tasks.service.ts';

let db: TestDatabase;
let provider: Provider;
let one: TestEngine;
let tasks: CloseTasks;
const catalogue = new TestCatalogue();

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  one = testEngine(db, provider, {}, { catalogue });
  await one.engine.start();
  tasks = new CloseTasks(db.database, new Audit(), new PostgresRunEngine(one.engine));
});

afterEach(async () => {
  await one.engine.stop();
  await db.close();
});

const choices = ['approve', 'reject'];
const ask = (within?: Duration) => (path: string) =>
  ({
    path,
    id: 'asked',
    title: 'asked',
    place: { line: 1, column: 1 },
    onFailure: 'stop',
    verb: 'ask',
    question: literal('Refund 5 EUR?'),
    who: 'finance',
    choices,
    ...(within && { within }),
    onTimeout: [],
  }) as unknown as CompiledStep; // written by hand, as the checker would give it
const answer = computed(['steps'], ({ steps }) => {
  const { choice, by, note } = (steps as { asked: Record<string, unknown> }).asked;
  return { choice, by, note };
});

interface Row {
  readonly id: string;
  readonly state: string;
  readonly team: string;
  readonly title: string;
  readonly choices: readonly string[];
  readonly answer: string | null;
}

async function asked(flowName: string, draft = ask()): Promise<Row> {
  catalogue.add(
    db.tenantId,
    flow([draft, call('test.keyed', answer)], { name: flowName, triggers: [{ kind: 'event', event: `custom.${flowName}` }] }),
  );
  await one.intake.accept(incoming(db.tenantId, {}, { type: `custom.${flowName}` }));
  await reach(`select from run where status = 'waiting' and epoch = 0`, 1);
  const [row] = (await db.ownerPool.query<Row>('select * from staff_task')).rows;
  if (!row) throw new Error('nobody was asked');
  return row;
}

async function reach(query: string, wanted: number): Promise<void> {
  await until(
    async () => (await db.ownerPool.query(query)).rowCount === wanted,
    () => `not ${wanted}: ${query}`,
  );
}

describe('a question of a run', () => {
  test('is a task with its choices; the run goes on with the answer, which is in the audit', async () => {
    const task = await asked('answered');
    expect(task).toMatchObject({ state: 'open', team: 'finance', title: 'Refund 5 EUR?', choices });
    expect(one.engine.load).toBe(0);
    const closed = await tasks.answer(db.tenantId, idOf('tsk', task.id), { choice: 'approve', note: 'fine' }, 'key/key_1');
    expect(closed).toMatchObject({ status: 'done', closed: { by: 'key/key_1', choice: 'approve', note: 'fine' } });
    await reach(`select from run where status = 'completed'`, 1);
    expect(provider.calls[0]?.input).toEqual({ choice: 'approve', by: 'key/key_1', note: 'fine' });
    const { rows } = await db.ownerPool.query(`select actor, action from audit_entry where action = 'task.answer'`);
    expect(rows).toEqual([{ actor: 'key/key_1', action: 'task.answer' }]);
    await reach(`select from event where type = 'task.created'`, 1);
    await reach('select from run_signal', 0);
  });

  test('is answered once: of two at the same time one is refused', async () => {
    const id = idOf('tsk', (await asked('twice')).id);
    const results = await Promise.allSettled(choices.map((choice) => tasks.answer(db.tenantId, id, { choice, note: '' }, 'key/key_1')));
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(tasks.answer(db.tenantId, id, { choice: 'approve', note: '' }, 'key/key_1')).rejects.toMatchObject({
      code: 'tasks.closed',
    });
    await reach(`select from run where status = 'completed'`, 1);
    expect(provider.calls).toHaveLength(1);
  });

  test('takes only its own choices', async () => {
    const id = idOf('tsk', (await asked('choices')).id);
    await expect(tasks.answer(db.tenantId, id, { choice: 'maybe', note: '' }, 'key/key_1')).rejects.toMatchObject({
      code: 'tasks.no-such-choice',
    });
    await expect(tasks.done(db.tenantId, id, '', 'key/key_1')).rejects.toMatchObject({ code: 'tasks.is-question' });
  });

  test('is refused once its time is over, and taken back when the run has noticed', async () => {
    const task = await asked('late', ask({ count: 1, unit: 'minute' }));
    await db.ownerPool.query(`update staff_task set until = now() - interval '1 second'`);
    const late = tasks.answer(db.tenantId, idOf('tsk', task.id), { choice: 'approve', note: '' }, 'key/key_1');
    await expect(late).rejects.toMatchObject({ code: 'tasks.overdue', spec: { status: 409 } });
    await db.ownerPool.query(
      `insert into run_command (tenant_id, run_id, kind, requested_by) select tenant_id, id, 'cancel', 'key/test' from run`,
    );
    one.engine.nudge();
    await reach(`select from staff_task where state = 'withdrawn'`, 1);
    await expect(tasks.answer(db.tenantId, idOf('tsk', task.id), { choice: 'approve', note: '' }, 'key/key_1')).rejects.toMatchObject({
      code: 'tasks.closed',
    });
  });
});
