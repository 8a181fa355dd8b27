/** What a run that was taken up again, or retried, must make of its journal. */
import { expect, test } from '@jest/globals';
import { KassaflowError } from '../../kernel/errors.ts';
import { systemClock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { ask, call, computed, flow, literal, orElse, parallel, waitFor, waitUntil, within, withUndo } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import type { StepOutcome } from '../journal-entry.ts';
import { LiveRun, type RunHost } from '../live-run.ts';
import { DEFAULT_RUN_SETTINGS } from '../run-settings.ts';
import type { RunFacts } from '../run.ts';
import { MemoryEngine } from './memory-engine.ts';
import { MemoryStore, type StoredRun } from './memory-store.ts';

const REFUSED = { kind: 'failed', reason: 'permanent', message: 'No such account' } as const satisfies StepOutcome;
const NO_ACCESS: StepOutcome = { kind: 'failed', reason: 'auth', message: 'The key was revoked' };
const event = { type: 'custom.over', data: {} };
const farAway = literal('2999-01-01T00:00:00Z');
const soon = computed(['now'], ({ now }) => new Date(new Date(String(now)).getTime() + 1_000).toISOString());

interface World {
  readonly store: MemoryStore;
  readonly provider: Provider;
  engine: MemoryEngine;
  readonly stored: StoredRun;
}

function begin(its: CompiledFlow, script: (provider: Provider, crash: () => void) => void = () => undefined): World {
  const [store, provider] = [new MemoryStore(), new Provider()];
  const facts: RunFacts = {
    id: newUuid(),
    tenantId: newUuid(),
    flowId: newUuid(),
    revision: 1,
    event: { id: newUuid(), type: 'custom.started', occurredAt: new Date(0), data: {} },
  };
  const engine = new MemoryEngine({ store, door: provider, settings: { authScheduleMs: [60_000] } });
  script(provider, () => engine.crash());
  engine.start(its, facts);
  const stored = store.runs.get(facts.id);
  if (!stored) throw new Error('the run is not in the store');
  return { store, provider, engine, stored };
}

/** A script: the process dies under the call, which is never answered. */
function diesUnderIt(crash: () => void): () => Promise<StepOutcome> {
  return () => {
    crash();
    return new Promise(() => undefined);
  };
}

async function takeOver(world: World): Promise<void> {
  while (!world.engine.crashed) await new Promise((resolve) => setImmediate(resolve));
  world.engine = new MemoryEngine({ store: world.store, door: world.provider, startAt: world.engine.now });
  world.engine.resume();
  await world.engine.settle(world.engine.now);
}

test('a wait that another branch ended is not ended by an event of stop-on that comes later', async () => {
  const group = parallel({ a: [call('test.lookup')], b: [waitFor(['custom.paid'])] }, 'stop-others');
  const its = flow([orElse(group, [call('test.keyed')]), call('test.read')], { stopOn: [{ event: 'custom.over', match: {} }] });
  const world = begin(its, (provider, crash) => {
    provider.script('test.lookup', () => REFUSED);
    provider.script('test.keyed', diesUnderIt(crash));
  });
  while (!world.engine.crashed) await new Promise((resolve) => setImmediate(resolve));
  world.store.record({ ...event, id: newUuid(), occurredAt: new Date(world.engine.now) }, world.engine.now);
  await takeOver(world);
  expect(world.stored).toMatchObject({ status: 'stopped', reason: { message: expect.stringContaining('custom.over') } });
});

test('a step that failed before it recorded anything fails again, though a cancel has come since: what its handler did is taken back', async () => {
  const broken = waitUntil(literal('not a moment'));
  const its = flow([orElse(broken, [withUndo(call('test.lookup'), [call('test.read')]), call('test.keyed')]), call('test.read')]);
  const world = begin(its, (provider, crash) => provider.script('test.keyed', diesUnderIt(crash)));
  while (!world.engine.crashed) await new Promise((resolve) => setImmediate(resolve));
  world.stored.entries.push({ kind: 'cancel', at: world.engine.now, by: 'kim', undo: true });
  await takeOver(world);
  expect(world.stored.status).toBe('cancelled');
  expect(world.provider.done).toContain('0.on-failure.0.undo.0');
});

test('a cancel with undo of a step that waits for a person does not wait for the person', async () => {
  const its = flow([withUndo(call('test.keyed'), [call('test.lookup')]), call('test.once')]);
  const world = begin(its, (provider) => provider.script('test.once', () => ({ kind: 'unknown', message: 'Connection reset' })));
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('attention');
  expect(world.engine.order(world.stored.facts.id, { kind: 'cancel', by: 'kim', undo: true })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('cancelled');
  expect(world.provider.done).toEqual(['0', '0.undo.0']);
});

test('an event of stop-on does not end the on-failure of a run that was not in memory', async () => {
  const its = flow([call('test.keyed')], {
    onFailure: [waitUntil(soon), call('test.lookup')],
    stopOn: [{ event: 'custom.over', match: {} }],
  });
  const world = begin(its, (provider) => provider.script('test.keyed', () => REFUSED));
  await world.engine.settle(world.engine.now);
  world.engine.arrive({ ...event, id: newUuid(), occurredAt: new Date(world.engine.now) });
  await world.engine.settle();
  expect(world.stored.status).toBe('failed');
  expect(world.stored.entries.map(({ kind }) => kind)).not.toContain('heard');
  expect(world.provider.done).toEqual(['on-failure.1']);
});

test('a step that a person skipped leaves no timer of its time-out behind', async () => {
  const world = begin(flow([within(waitUntil(farAway), 60_000), ask('Go on?')]));
  await world.engine.settle(world.engine.now);
  expect(world.engine.order(world.stored.facts.id, { kind: 'skip', by: 'kim' })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('waiting');
  expect([...world.stored.timers]).toEqual([]);
});

test('what was asked of people when the run failed is asked again when it is retried', async () => {
  const its = flow([parallel({ a: [waitUntil(soon), call('test.keyed')], b: [call('test.lookup')] }, 'stop-others')]);
  const world = begin(its, (provider) => {
    provider.script('test.keyed', () => REFUSED);
    provider.script('test.lookup', () => NO_ACCESS);
  });
  const { id } = world.stored.facts;
  await world.engine.settle(world.engine.now + 2_000);
  expect([world.stored.status, ...world.stored.attentions]).toEqual(['failed']);
  expect(world.engine.order(id, { kind: 'retry', by: 'kim' })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect([world.stored.status, ...world.stored.attentions]).toEqual(['attention', '0.parallel.b.0']);
});

test('a question that is asked again after a run was set aside is known to whoever takes the run up next, and closed with its answer', async () => {
  const world = begin(flow([call('test.once')]), (provider) =>
    provider.script('test.once', () => ({ kind: 'unknown', message: 'Connection reset' })),
  );
  const { id } = world.stored.facts;
  await world.engine.settle(world.engine.now);
  expect([world.stored.status, ...world.stored.attentions]).toEqual(['attention', '0']);
  // Its process died three times while it stood there.
  world.stored.entries.push({ kind: 'aside', at: world.engine.now, step: '0', message: 'The process died 3 times.' });
  expect(world.engine.order(id, { kind: 'retry', by: 'kim' })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect([world.stored.status, ...world.stored.attentions]).toEqual(['attention', '0']);
  expect(world.engine.order(id, { kind: 'resolve', by: 'kim', resolution: { decision: 'done', output: {} } })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect([world.stored.status, ...world.stored.attentions]).toEqual(['completed']);
});

test('a step for which there was no connection has failed, also when there is one by the time the run is taken up again', async () => {
  const its = flow([orElse(call('test.keyed'), [call('test.lookup')])]);
  const world = begin(its, (provider, crash) => {
    provider.away.push(new KassaflowError('connections.none', { status: 409, title: 'There is none.', remedy: 'never' }));
    provider.script('test.lookup', diesUnderIt(crash));
  });
  await takeOver(world);
  expect(world.provider.calls.map(({ step }) => step)).toEqual(['0.on-failure.0']);
  await world.engine.settle();
  expect(world.stored.status).toBe('completed');
  expect(world.provider.calls.map(({ action }) => action)).not.toContain('test.keyed');
});

test('a step that got another input need not be come to again: what comes before it is done again, and may fail this time', async () => {
  const its = flow([withUndo(call('test.keyed'), [call('test.read')]), call('test.lookup')]);
  const world = begin(its, (provider) => {
    provider.script(
      'test.keyed',
      (sent) => provider.happen(sent),
      () => REFUSED,
    );
    provider.script('test.lookup', () => REFUSED);
  });
  await world.engine.settle();
  expect(world.engine.order(world.stored.facts.id, { kind: 'edit', by: 'kim', input: { to: 'right' } })).toBeUndefined();
  await world.engine.settle();
  expect(world.stored).toMatchObject({ status: 'failed', reason: { step: '0', message: REFUSED.message } });
});

test('a run that goes back for another input of a step, and is cancelled before it comes there, ends where it is', async () => {
  const question = ask('Go on?', { onTimeout: [call('test.keyed')], within: { count: 1, unit: 'second' } });
  const its = flow([withUndo(question, [call('test.read')]), call('test.lookup')]);
  const world = begin(its, (provider) => provider.script('test.lookup', () => REFUSED));
  const { id } = world.stored.facts;
  await world.engine.settle(world.engine.now);
  expect(world.engine.answer(id, '0', 'approve')).toBe(true);
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('failed');
  expect(world.engine.order(id, { kind: 'edit', by: 'kim', input: { to: 'right' } })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('waiting');
  expect(world.engine.order(id, { kind: 'cancel', by: 'kim', undo: false })).toBeUndefined();
  await world.engine.settle(world.engine.now + 5_000);
  expect(world.stored.status).toBe('cancelled');
  expect(world.provider.done).toEqual(['0.undo.0']);
});

test('that a provider has no trace of a call proves nothing when a person has cut the pause before the question short', async () => {
  const world = begin(flow([call('test.lookup')]), (provider) =>
    provider.script('test.lookup', () => ({ kind: 'unknown', message: 'Connection reset' })),
  );
  const { id } = world.stored.facts;
  for (let hurry = 1; hurry <= 3; hurry += 1) {
    await world.engine.settle(world.engine.now);
    expect(world.engine.order(id, { kind: 'resume', by: 'kim' })).toBeUndefined();
  }
  await world.engine.settle(world.engine.now);
  expect(world.provider.lookups).toHaveLength(3);
  expect(world.provider.calls).toHaveLength(1);
});

test('a run that is retried waits again for the event that it waited for when it failed', async () => {
  const its = flow([parallel({ a: [waitUntil(soon), call('test.keyed')], b: [waitFor(['custom.paid'])] }, 'stop-others')]);
  const world = begin(its, (provider) => provider.script('test.keyed', () => REFUSED));
  const { id } = world.stored.facts;
  await world.engine.settle(world.engine.now + 2_000);
  expect([world.stored.status, ...world.stored.interests]).toEqual(['failed']);
  expect(world.engine.order(id, { kind: 'retry', by: 'kim' })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  world.engine.arrive({ id: newUuid(), type: 'custom.paid', occurredAt: new Date(world.engine.now), data: {} });
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('completed');
});

test('a rest in an undo is ended by a person who does not name it: what the cancel ended rests no more', async () => {
  const its = flow([withUndo(call('test.keyed'), [waitUntil(farAway), call('test.lookup')]), waitUntil(farAway)]);
  const world = begin(its);
  const { id } = world.stored.facts;
  await world.engine.settle(world.engine.now);
  expect(world.engine.order(id, { kind: 'cancel', by: 'kim', undo: true })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect(world.engine.live(id)).toBeUndefined();
  expect(world.engine.order(id, { kind: 'resume', by: 'kim' })).toBeUndefined();
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('cancelled');
  expect(world.provider.done).toEqual(['0', '0.undo.1']);
});

test('a run that was dropped while a call was under way lets no other call leave', async () => {
  const provider = new Provider();
  let answer: () => void = () => undefined;
  provider.script('test.keyed', async (sent) => {
    await new Promise<void>((resolve) => (answer = resolve));
    return provider.happen(sent);
  });
  const touched: LiveRun[] = [];
  const host: RunHost = {
    door: provider,
    clock: systemClock,
    settings: DEFAULT_RUN_SETTINGS,
    stopping: false,
    random: () => 0.5,
    readSubjects: async () => ({}),
    asked: () => undefined,
    touched: (run) => void touched.push(run),
    defect: () => undefined,
  };
  const facts: RunFacts = { id: newUuid(), tenantId: newUuid(), flowId: newUuid(), revision: 1 };
  const run = new LiveRun(facts, flow([call('test.keyed'), call('test.once')]), host);
  run.begin();
  // What a lane does for as long as the run is its own, and would do for one that it should know no more.
  const write = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) {
      for (const resolve of run.checkpoint()?.waiters ?? []) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await write();
  expect(provider.calls).toHaveLength(1);
  run.drop();
  answer();
  await write();
  expect(provider.calls).toHaveLength(1);
  expect(touched.length).toBeGreaterThan(0);
});

test('a group that a branch had ended by its failure fails, also when an event of stop-on has come before the run is taken up again', async () => {
  const group = parallel({ a: [call('test.lookup')], b: [waitFor(['custom.paid'])], c: [call('test.keyed')] }, 'stop-others');
  const its = flow([group], { stopOn: [{ event: 'custom.over', match: {} }], onFailure: [call('test.read')] });
  const world: World = begin(its, (provider, crash) => {
    provider.script('test.lookup', () => REFUSED);
    provider.script('test.keyed', async () => {
      while (!world.stored.entries.some(({ kind }) => kind === 'stopped')) await new Promise((resolve) => setImmediate(resolve));
      return diesUnderIt(crash)();
    });
  });
  while (!world.engine.crashed) await new Promise((resolve) => setImmediate(resolve));
  world.store.record({ ...event, id: newUuid(), occurredAt: new Date(world.engine.now) }, world.engine.now);
  await takeOver(world);
  expect(world.stored.status).toBe('failed');
  expect(world.provider.done).toContain('on-failure.0');
});

test('a question about a step that a cancel has ended does not come back when the run is taken up again', async () => {
  const its = flow([withUndo(call('test.keyed'), [waitUntil(soon), waitUntil(farAway)]), call('test.lookup')]);
  const world = begin(its, (provider) => provider.script('test.lookup', () => NO_ACCESS));
  await world.engine.settle(world.engine.now);
  expect(world.stored.status).toBe('attention');
  expect(world.engine.order(world.stored.facts.id, { kind: 'cancel', by: 'kim', undo: true })).toBeUndefined();
  await world.engine.settle(world.engine.now + 2_000);
  expect([world.stored.status, ...world.stored.attentions]).toEqual(['waiting']);
});
