import { describe, expect, test } from '@jest/globals';
import { newUuid } from '../../kernel/ids.ts';
import { Provider } from '../conformance/provider.ts';
import { scenarios } from '../conformance/scenarios.ts';
import type { Happening, VerbScenario } from '../conformance/verb-scenario.ts';
import { verbScenarios } from '../conformance/verb-scenarios.ts';
import { replayRun } from '../repair/replay.ts';
import type { RunOrder } from '../run-order.ts';
import type { StepOutcome } from '../journal-entry.ts';
import type { ActionDoor } from '../../plugin-host/action-call.ts';
import type { RunFacts } from '../run.ts';
import { MemoryEngine } from './memory-engine.ts';
import { MemoryStore, type StoredRun } from './memory-store.ts';

interface Played {
  readonly stored: StoredRun;
  readonly provider: Provider;
  readonly commits: number;
  readonly store: MemoryStore;
}

/**
 * Plays a scenario to its end.
 * @param crashAt the process dies at this commit: `before` it is on disk, or `after`, and another one takes over
 */
async function play(scenario: VerbScenario, crashAt?: { readonly commit: number; readonly when: 'before' | 'after' }): Promise<Played> {
  const store = new MemoryStore();
  const provider = new Provider();
  scenario.script?.(provider);
  const facts = factsOf(scenario);
  const happenings = [...(scenario.happenings ?? [])];
  const refused = new Map<string, StepOutcome>();
  let last: Happening | undefined;
  let commits = 0;
  let crashed = false;
  const make = (startAt?: number): MemoryEngine => {
    const engine: MemoryEngine = new MemoryEngine({
      store,
      door: refusing(provider, refused),
      settings: { unknownScheduleMs: [1, 1, 1, 1] },
      ...(startAt !== undefined && { startAt }),
      flows: (name) => scenario.others?.find((other) => other.name === name),
      commit: async () => {
        commits += 1;
        if (crashAt?.when === 'before' && commits === crashAt.commit && !crashed) crash(engine);
      },
      wrote: () => {
        if (crashAt?.when === 'after' && commits === crashAt.commit && !crashed) crash(engine);
      },
    });
    return engine;
  };
  const crash = (engine: MemoryEngine): void => {
    crashed = true;
    engine.crash();
  };
  let engine = make();
  let alive = true;
  engine.start(scenario.flow, facts);
  for (;;) {
    await engine.settle(happenings.length > 0 ? engine.now : Date.UTC(2100, 0, 1));
    if (crashed && alive) {
      alive = false;
      engine = make(engine.now);
      engine.resume();
      // A command without an answer is carried out by whoever comes next.
      if (last && 'order' in last && !isRecorded(last.order, store.runs.get(facts.id))) happenings.unshift(last);
      continue;
    }
    last = happenings.shift();
    if (!last) break;
    happen(engine, facts.id, last);
  }
  const stored = store.runs.get(facts.id);
  if (!stored) throw new Error('the run is not in the store');
  return { stored, provider, commits, store };
}

function happen(engine: MemoryEngine, run: string, happening: Happening): void {
  if ('event' in happening)
    return engine.arrive({ id: newUuid(), type: happening.event, occurredAt: new Date(engine.now), data: happening.data });
  if ('answer' in happening) expect(engine.answer(run, happening.step, happening.answer)).toBe(true);
  else expect(engine.order(run, happening.order)).toBeUndefined();
}

function isRecorded({ by }: RunOrder, stored: StoredRun | undefined): boolean {
  return stored?.entries.some((entry) => 'by' in entry && entry.by === by) ?? false;
}

/** A provider that refuses a call refuses it again, also when its answer was lost. */
function refusing(provider: Provider, refused: Map<string, StepOutcome>): ActionDoor {
  return {
    manifests: () => provider.manifests(),
    resolveConnection: () => provider.resolveConnection(),
    lookup: (sent) => provider.lookup(sent),
    invoke: async (sent) => {
      const known = refused.get(sent.idempotencyKey);
      if (known) return known;
      const outcome = await provider.invoke(sent);
      if (outcome.kind === 'failed' && outcome.reason !== 'temporary' && outcome.reason !== 'rate-limited' && outcome.reason !== 'auth')
        refused.set(sent.idempotencyKey, outcome);
      return outcome;
    },
  };
}

function factsOf({ data = {} }: VerbScenario): RunFacts {
  const event = { id: newUuid(), type: 'custom.started', occurredAt: new Date(0), data };
  return { id: newUuid(), tenantId: newUuid(), flowId: newUuid(), revision: 1, event };
}

function expectOutcome({ status, done, reason }: VerbScenario, { stored, provider, store }: Played): void {
  expect(stored.reason?.message ?? '').toContain(reason ?? '');
  expect(stored.status).toBe(status);
  expect(provider.done.toSorted()).toEqual(done.toSorted());
  const reads = new Set(provider.calls.filter(({ action }) => action === 'test.read').map(({ idempotencyKey }) => idempotencyKey));
  expect([...provider.effects].filter(([key, times]) => times !== 1 && !reads.has(key))).toEqual([]);
  expect([...store.runs.values()].flatMap(({ timers }) => [...timers]).filter((at) => at < Date.UTC(2100, 0, 1))).toEqual([]);
  if (status === 'waiting' || status === 'attention') return;
  expect(stored).toMatchObject({ interests: [] });
  expect(stored.questions.size + stored.signals.size + stored.attentions.size).toBe(0);
}

describe('in memory', () => {
  test.each(verbScenarios)('$name', async (scenario) => {
    const played = await play(scenario);
    expectOutcome(scenario, played);
    expect(played.provider.calls).toHaveLength(scenario.calls ?? scenario.done.length);
  });
});

describe('wherever the process dies', () => {
  test.each([...scenarios, ...verbScenarios].filter(isRepeatable))('$name', async (scenario) => {
    const { commits } = await play(scenario);
    for (let commit = 1; commit <= commits; commit += 1) {
      for (const when of ['before', 'after'] as const) expectOutcome(scenario, await play(scenario, { commit, when }));
    }
  });
});

describe('replayed, without a difference', () => {
  test.each(verbScenarios)('$name', async (scenario) => {
    const { stored } = await play(scenario);
    const { facts, flow, entries } = stored;
    const report = await replayRun(flow, { facts, entries, actions: new Provider().manifests(), publicUrl: 'http://localhost:4400' });
    expect(report.differences).toEqual([]);
    expect(report.next).toEqual([]);
  });
});

/** A call that a crash leaves without an answer is, for an action that can neither be repeated nor looked up, a question to a person. */
function isRepeatable({ flow, name }: VerbScenario): boolean {
  // Which attempt is the last depends on how many answers were lost; and what may have been done is not given another input.
  if (name.startsWith('a step that failed and gets another input')) return false;
  return !JSON.stringify(flow).includes('"test.once"') && !name.startsWith('attempts end');
}
