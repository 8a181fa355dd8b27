import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unknown } from '@kassaflow/plugin-sdk';
import { until } from '../../../test/support/until.ts';
import { newUuid } from '../../kernel/ids.ts';
import { databaseErrors } from '../../platform/database/database-errors.ts';
import { manifest, Provider } from '../conformance/provider.ts';
import { call, computed, emit, flow, literal, orElse, parallel, set, waitUntil, type StepDraft } from '../conformance/flow-builder.ts';
import { scenarios } from '../conformance/scenarios.ts';
import type { RunFacts } from '../run.ts';
import { MemoryEngine } from './memory-engine.ts';
import { MemoryStore } from './memory-store.ts';

function facts(data: Readonly<Record<string, unknown>> = {}): RunFacts {
  return {
    id: newUuid(),
    tenantId: newUuid(),
    flowId: newUuid(),
    revision: 1,
    event: { id: newUuid(), type: 'custom.started', occurredAt: new Date(0), data },
  };
}

describe('the engine in memory', () => {
  test.each(scenarios)('$name', async ({ flow: its, data, script, status, done, calls, reason }) => {
    const provider = new Provider();
    script?.(provider);
    const store = new MemoryStore();
    const run = facts(data);
    const engine = new MemoryEngine({ store, door: provider });
    engine.start(its, run);
    await engine.settle();
    const stored = store.runs.get(run.id);
    expect(stored?.status).toBe(status);
    expect(provider.done.toSorted()).toEqual(done.toSorted());
    expect(provider.calls).toHaveLength(calls ?? done.length);
    if (reason !== undefined) expect(stored?.reason?.message).toContain(reason);
  });
});

test('a step whose outcome is unknown is settled before the time-out ends the run', async () => {
  const provider = new Provider();
  provider.script('test.keyed', () => unknown('Connection reset'));
  const store = new MemoryStore();
  const engine = new MemoryEngine({ store, door: provider });
  const run = facts();
  // The first repeat of an unknown outcome comes after a minute.
  engine.start(flow([call('test.keyed'), call('test.once')], { timeoutMs: 1_000 }), run);
  await engine.settle();
  expect(store.runs.get(run.id)?.reason).toMatchObject({ code: 'run.timed-out', step: '1' });
  expect(provider.calls.map(({ step }) => step)).toEqual(['0', '0']);
  expect(provider.done).toEqual(['0']);
});

test('a database that is away when a step looks for its connection is waited out, and fails no run', async () => {
  const provider = new Provider();
  provider.away.push(databaseErrors.unavailable(), databaseErrors.busy());
  const store = new MemoryStore();
  const engine = new MemoryEngine({ store, door: provider });
  const run = facts();
  engine.start(flow([call('test.keyed')]), run);
  await until(
    () => store.runs.get(run.id)?.status !== 'running',
    () => 'the run never ended',
  );
  expect(store.runs.get(run.id)?.status).toBe('completed');
  expect(provider.calls).toHaveLength(1);
});

test.each([
  ['forgetful', 'attention', 1],
  ['careful', 'completed', 1],
  ['keeper', 'completed', 2],
])('of several plugins with one action, the rules of the one that was called hold after a crash: %s', async (plugin, status, calls) => {
  const provider = new Provider([
    manifest('test.text', 'once', { plugin: 'forgetful' }),
    manifest('test.text', 'lookup', { plugin: 'careful' }),
    manifest('test.text', 'keyed', { plugin: 'keeper' }),
  ]);
  provider.connection = { id: newUuid(), plugin };
  provider.script('test.text', async (sent) => {
    provider.effects.set(sent.idempotencyKey, 1);
    before.crash();
    return new Promise(() => undefined);
  });
  const store = new MemoryStore();
  const run = facts();
  const before = new MemoryEngine({ store, door: provider });
  before.start(flow([call('test.text')]), run);
  while (provider.calls.length === 0) await breathe();
  const after = new MemoryEngine({ store, door: provider });
  after.resume();
  await after.settle();
  expect(store.runs.get(run.id)?.status).toBe(status);
  expect(provider.calls).toHaveLength(calls);
});

describe('a journal that does not fit the flow any more', () => {
  const input = literal({ n: 1 });
  const wait = waitUntil(literal('2999-01-01T00:00:00Z'));
  const recorded = [set({ a: literal(1) }), call('test.keyed', input), emit('custom.noted', input), wait, call('test.once')];
  const at = (index: number, other: StepDraft) => flow(recorded.with(index, other), { onFailure: [call('test.read')] });

  test.each([
    ['another value', at(0, set({ a: literal(2) }))],
    ['another action', at(1, call('test.lookup', input))],
    ['another input', at(1, call('test.keyed', literal({ n: 2 })))],
    ['another event', at(2, emit('custom.other', input))],
    ['a step less', flow([...recorded.slice(0, 2), call('test.once')], { onFailure: [call('test.read')] })],
  ])('%s: the run fails and does nothing more, on-failure included', async (_, other) => {
    const provider = new Provider();
    const store = new MemoryStore();
    const run = facts();
    const before = new MemoryEngine({ store, door: provider });
    before.start(flow(recorded, { onFailure: [call('test.read')] }), run);
    while (store.runs.get(run.id)?.status !== 'waiting') await breathe();
    before.crash();
    const stored = store.runs.get(run.id);
    if (stored) store.runs.set(run.id, { ...stored, flow: other });
    const after = new MemoryEngine({ store, door: provider });
    after.resume();
    await after.settle();
    expect(store.runs.get(run.id)).toMatchObject({ status: 'failed', reason: { code: 'runs.replay-diverged' } });
    expect(provider.calls.map(({ action }) => action)).not.toContain('test.read');
  });
});

/** Far more turns than the longest schedule needs: what is not done by then is stuck. */
const UNTIL_DONE = 1_000;

const LONG = flow(
  [
    set({ text: computed(['event'], ({ event }) => `Hi ${String((event as { name: string }).name)}`) }),
    call(
      'test.keyed',
      computed(['vars'], ({ vars }) => vars),
      { id: 'first' },
    ),
    parallel({
      receipt: [
        orElse(
          call(
            'test.lookup',
            computed(['steps'], ({ steps }) => ({ of: steps })),
          ),
          'continue',
        ),
        call('test.keyed'),
      ],
      books: [waitUntil(literal('2026-01-02T00:00:00Z')), call('test.keyed')],
      plain: [call('test.keyed')],
    }),
    call('test.keyed'),
  ],
  { onFailure: [call('test.keyed')] },
);

test('whatever the order of commits and answers, and wherever the process dies, every effect is observed once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
      fc.boolean(),
      async (scheduler, crashes, losesAnswers) => {
        const store = new MemoryStore();
        const provider = new Provider();
        const run = facts({ name: 'Kim' });
        const started = { done: false };
        for (const steps of [...crashes, UNTIL_DONE]) {
          const engine: MemoryEngine = new MemoryEngine({
            store,
            door: scheduled(provider, scheduler, losesAnswers),
            commit: () => scheduler.schedule(Promise.resolve()),
            settings: { unknownScheduleMs: [1, 1, 1, 1] },
          });
          if (started.done) engine.resume();
          else engine.start(LONG, run);
          started.done = true;
          const settled = engine.settle();
          for (let step = 0; step < steps; step += 1) {
            await breathe();
            if (scheduler.count() > 0) await scheduler.waitOne();
            else if (!engine.busy && store.runs.get(run.id)?.timers.size === 0) break;
          }
          const stuck = engine.busy || (store.runs.get(run.id)?.timers.size ?? 0) > 0;
          if (steps === UNTIL_DONE && stuck)
            throw new Error(
              `stuck: ${JSON.stringify([[...(store.runs.get(run.id)?.timers ?? [])], engine.now, store.runs.get(run.id)?.entries])}`,
            );
          if (steps !== UNTIL_DONE) engine.crash();
          await settled;
        }
        const stored = store.runs.get(run.id);
        expect(stored?.status).toBe('completed');
        expect([...provider.effects.values()].every((times) => times === 1)).toBe(true);
        expect(provider.effects.size).toBe(6);
        expect(stored?.timers.size).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});

/** A provider whose answers arrive when the scheduler says; the answer to the first call under each key may be lost on the way. */
function scheduled(provider: Provider, scheduler: fc.Scheduler, losesAnswers: boolean) {
  return {
    manifests: () => provider.manifests(),
    resolveConnection: () => provider.resolveConnection(),
    lookup: (attempt: Parameters<Provider['lookup']>[0]) => scheduler.schedule(provider.lookup(attempt)),
    invoke: async (attempt: Parameters<Provider['invoke']>[0]) => {
      const first = !provider.effects.has(attempt.idempotencyKey);
      const outcome = await provider.invoke(attempt);
      await scheduler.schedule(Promise.resolve());
      return losesAnswers && first ? ({ kind: 'unknown', message: 'Connection reset' } as const) : outcome;
    },
  };
}

async function breathe(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
