import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failed, unknown } from '@kassaflow/plugin-sdk';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { call, computed, flow, literal, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { giveCommand, incoming, TestCatalogue, testEngine, type TestEngine } from './engine.test-support.ts';

/** Flows of which one has several revisions. */
class RevisedCatalogue extends TestCatalogue {
  readonly revisions = new Map<number, CompiledFlow>();

  override compiled(flowId: string, revision?: number): Promise<CompiledFlow> {
    const flowOfRevision = revision === undefined ? undefined : this.revisions.get(revision);
    return flowOfRevision ? Promise.resolve(flowOfRevision) : super.compiled(flowId);
  }
}

let db: TestDatabase;
let provider: Provider;
let catalogue: RevisedCatalogue;
let its: TestEngine;

beforeEach(async () => {
  db = await testDatabase({ poolSize: 6 });
  provider = new Provider();
  catalogue = new RevisedCatalogue();
  its = testEngine(db, provider, {}, { catalogue });
  await its.engine.start();
});

afterEach(async () => {
  await its.engine.stop();
  await db.close();
});

async function status(): Promise<string | undefined> {
  return (await db.ownerPool.query<{ status: string }>('select status from run')).rows[0]?.status;
}

async function reaches(wanted: string): Promise<void> {
  await until(
    async () => (await status()) === wanted && its.engine.load === 0,
    () => `the run did not become ${wanted}`,
  );
}

async function start(started: CompiledFlow, reached: string): Promise<void> {
  const { flowId } = catalogue.add(db.tenantId, started);
  await db.ownerPool.query('insert into flow (id, tenant_id, name, title, revision) values ($1, $2, $3, $3, 1)', [
    flowId,
    db.tenantId,
    started.name,
  ]);
  await its.intake.accept(incoming(db.tenantId));
  await reaches(reached);
}

async function publish(revision: number, next: CompiledFlow): Promise<void> {
  catalogue.revisions.set(revision, next);
  await db.ownerPool.query('update flow set revision = $1', [revision]);
}

/** The entries of these kinds, in order. */
async function entries(...kinds: readonly string[]): Promise<unknown[]> {
  const { rows } = await db.ownerPool.query<{ e: { kind: string } }>(
    `select e from run_journal, json_array_elements(entries) with ordinality as x(e, n) order by seq, n`,
  );
  return rows.map(({ e }) => e).filter(({ kind }) => kinds.includes(kind));
}

const command = (kind: string, detail: object = {}) => giveCommand(db, its, kind, detail);
const farAway = literal('2999-01-01T00:00:00Z');
const seen = computed(['steps'], ({ steps }) => ({ of: steps }));

describe('skip', () => {
  test('a step that failed: the run goes on behind it with what is given in its place', async () => {
    provider.script('test.keyed', () => failed('permanent', 'Closed'));
    await start(flow([call('test.keyed', literal({}), { id: 'booked' }), call('test.once', seen)]), 'failed');
    expect(await command('skip', { output: { id: 'by hand' } })).toEqual({ done: true });
    await reaches('completed');
    expect(provider.calls.map(({ step }) => step)).toEqual(['0', '1']);
    expect(provider.calls[1]?.input).toMatchObject({ of: { booked: { id: 'by hand' } } });
    expect(await entries('skipped')).toMatchObject([{ step: '0', by: 'key/test' }]);
  });

  test('a step that waits: its timer is gone', async () => {
    await start(flow([waitUntil(farAway), call('test.once')]), 'waiting');
    expect(await command('skip')).toEqual({ done: true });
    await reaches('completed');
    expect((await db.ownerPool.query('select from run_timer')).rowCount).toBe(0);
  });

  test('a step whose outcome is unknown: the question is closed', async () => {
    provider.script('test.once', () => unknown('Reset'));
    await start(flow([call('test.once'), call('test.keyed')]), 'attention');
    expect(await command('skip')).toEqual({ done: true });
    await reaches('completed');
    expect((await db.ownerPool.query('select from run_attention where resolved_at is null')).rowCount).toBe(0);
    expect(provider.calls.map(({ step }) => step)).toEqual(['0', '1']);
  });

  test('a step at which the run does not stand is refused', async () => {
    await start(flow([call('test.keyed'), waitUntil(farAway)]), 'waiting');
    expect(await command('skip', { step: '0' })).toEqual({ refused: 'runs.no-standing-step' });
    await reaches('waiting');
  });
});

describe('resume', () => {
  test('ends a wait now', async () => {
    await start(flow([waitUntil(farAway), call('test.once')]), 'waiting');
    expect(await command('resume')).toEqual({ done: true });
    await reaches('completed');
    expect((await db.ownerPool.query('select from run_timer')).rowCount).toBe(0);
    expect(await entries('woke')).toMatchObject([{ step: '0', by: 'key/test' }]);
  });

  test('does not decide what became of a step whose outcome is unknown', async () => {
    provider.script('test.once', () => unknown('Reset'));
    await start(flow([call('test.once')]), 'attention');
    expect(await command('resume')).toEqual({ refused: 'runs.no-wait' });
    await reaches('attention');
  });
});

describe('edit', () => {
  test('a step that failed is done with the new input, under a new key', async () => {
    provider.script('test.keyed', () => failed('input', 'No such customer'));
    await start(flow([call('test.keyed', literal({ to: 'kim' }))]), 'failed');
    expect(await command('edit', { input: { to: 'bo' } })).toEqual({ done: true });
    await reaches('completed');
    expect(provider.calls.map(({ input }) => input)).toEqual([{ to: 'kim' }, { to: 'bo' }]);
    expect(provider.calls[1]?.idempotencyKey).not.toBe(provider.calls[0]?.idempotencyKey);
    expect(await entries('edited')).toMatchObject([{ step: '0', by: 'key/test', input: { to: 'bo' } }]);
  });

  test('is refused while it is not known whether the step was done', async () => {
    provider.script('test.once', () => unknown('Reset'));
    await start(flow([call('test.once')]), 'attention');
    expect(await command('edit', { input: {} })).toEqual({ refused: 'runs.in-doubt' });
    await reaches('attention');
  });
});

describe('move', () => {
  const waits = [call('test.keyed', literal({ to: 'kim' })), waitUntil(farAway)];

  test('a waiting run goes on with the newest revision', async () => {
    await start(flow([...waits, call('test.once')]), 'waiting');
    await publish(2, flow([...waits, call('test.lookup')]));
    expect(await command('move')).toEqual({ done: true });
    await reaches('waiting');
    expect((await db.ownerPool.query('select revision from run')).rows).toEqual([{ revision: 2 }]);
    await command('resume');
    await reaches('completed');
    expect(provider.calls.map(({ action }) => action)).toEqual(['test.keyed', 'test.lookup']);
    expect(await entries('moved')).toMatchObject([{ revision: 2, by: 'key/test' }]);
  });

  test('is refused with the reason when the newest revision would have gone another way', async () => {
    await start(flow([...waits, call('test.once')]), 'waiting');
    await publish(2, flow([call('test.keyed', literal({ to: 'bo' })), waitUntil(farAway)]));
    expect(await command('move')).toEqual({ refused: 'runs.not-movable', why: expect.stringContaining('another input') });
    await reaches('waiting');
    expect((await db.ownerPool.query('select revision from run')).rows).toEqual([{ revision: 1 }]);
  });

  test('is refused on the newest revision', async () => {
    await start(flow(waits), 'waiting');
    expect(await command('move')).toMatchObject({ refused: 'runs.not-movable' });
  });
});

describe('retry on the newest revision', () => {
  test('does the step that failed as the newest revision has it', async () => {
    provider.script('test.keyed', () => failed('permanent', 'Closed'));
    await start(flow([call('test.once'), call('test.keyed', literal({ journal: 90 }))]), 'failed');
    await publish(2, flow([call('test.once'), call('test.lookup', literal({ journal: 91 }))]));
    expect(await command('retry', { revision: 'newest' })).toEqual({ done: true });
    await reaches('completed');
    expect(provider.calls.map(({ action }) => action)).toEqual(['test.once', 'test.keyed', 'test.lookup']);
  });

  test('is refused when what was done would be something else', async () => {
    provider.script('test.keyed', () => failed('permanent', 'Closed'));
    await start(flow([call('test.once'), call('test.keyed')]), 'failed');
    await publish(2, flow([call('test.lookup'), call('test.keyed')]));
    expect(await command('retry', { revision: 'newest' })).toMatchObject({ refused: 'runs.not-movable' });
    await reaches('failed');
  });
});

test('a command that makes no sense for a run that is over is refused', async () => {
  await start(flow([call('test.keyed')]), 'completed');
  for (const kind of ['cancel', 'retry', 'skip', 'resume', 'edit', 'move'])
    expect(await command(kind, kind === 'edit' ? { input: {} } : {})).toEqual({ refused: 'runs.finished' });
});
