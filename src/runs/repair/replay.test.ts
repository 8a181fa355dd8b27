import { describe, expect, test } from '@jest/globals';
import { failed } from '@kassaflow/plugin-sdk';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { newUuid } from '../../kernel/ids.ts';
import { call, computed, flow, literal, set, waitUntil } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { scenarios } from '../conformance/scenarios.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { MemoryEngine } from '../memory/memory-engine.ts';
import { MemoryStore, type StoredRun } from '../memory/memory-store.ts';
import { replayRun, type ReplayReport } from './replay.ts';

/** Runs `flow` as far as it comes. */
async function record(
  recorded: CompiledFlow,
  script: (provider: Provider) => void = () => undefined,
  data: Readonly<Record<string, unknown>> = {},
): Promise<{ stored: StoredRun; engine: MemoryEngine; provider: Provider }> {
  const provider = new Provider();
  script(provider);
  const store = new MemoryStore();
  const engine = new MemoryEngine({ store, door: provider });
  const event = { id: newUuid(), type: 'custom.started', occurredAt: new Date(0), data };
  const facts = { id: newUuid(), tenantId: newUuid(), flowId: newUuid(), revision: 1, event };
  engine.start(recorded, facts);
  await engine.settle(Date.UTC(2100, 0, 1));
  const stored = store.runs.get(facts.id);
  if (!stored) throw new Error('the run is not in the store');
  return { stored, engine, provider };
}

function replay({ facts, flow: own }: StoredRun, entries: readonly JournalEntry[], over: CompiledFlow = own): Promise<ReplayReport> {
  return replayRun(over, { facts, entries, actions: new Provider().manifests(), publicUrl: 'http://localhost:4400' });
}

describe('a recorded run is computed again without a difference', () => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    const { stored } = await record(scenario.flow, scenario.script, scenario.data);
    expect(stored.status).toBe(scenario.status);
    const report = await replay(stored, stored.entries);
    expect(report.differences).toEqual([]);
    expect(report.next).toEqual([]);
    expect(report.rests).toBe(scenario.status === 'waiting' || scenario.status === 'attention');
  });

  test('also from the middle of its life', async () => {
    const { stored } = await record(flow([call('test.keyed'), set({ a: literal(1) }), call('test.once')]));
    for (let length = 0; length <= stored.entries.length; length += 1)
      expect((await replay(stored, stored.entries.slice(0, length))).differences).toEqual([]);
  });

  test('with every life that a retry gave it', async () => {
    const { stored, engine, provider } = await record(
      flow([call('test.once'), call('test.keyed')], { onFailure: [call('test.lookup')] }),
      (p) =>
        p.script(
          'test.keyed',
          () => failed('permanent', 'Closed'),
          () => failed('permanent', 'Closed again'),
        ),
    );
    for (let life = 2; life <= 3; life += 1) {
      engine.take(stored.facts.id, (run) => run.tell({ kind: 'retry', at: engine.now, by: 'key/test' }));
      await engine.settle();
    }
    expect(stored.status).toBe('completed');
    expect(provider.calls).toHaveLength(6);
    expect(await replay(stored, stored.entries)).toMatchObject({ lives: 3, differences: [] });
  });
});

describe('a difference is shown with what was recorded and what was computed', () => {
  const recorded = flow([
    call('test.keyed', literal({ amount: '12.50' }), { id: 'paid' }),
    set({ note: computed(['steps'], ({ steps }) => (steps as { paid: { reference: string } }).paid.reference) }),
    waitUntil(literal('2030-01-01T00:00:00Z')),
    call('test.once', literal({ to: 'kim' })),
  ]);

  test('in every step that has one', async () => {
    const { stored } = await record(recorded);
    const other = flow([
      call('test.keyed', literal({ amount: '12.5' }), { id: 'paid' }),
      set({ note: literal('nothing') }),
      waitUntil(literal('2030-01-01T00:00:00Z')),
      call('test.keyed', literal({ to: 'kim' })),
    ]);
    const { differences } = await replay(stored, stored.entries, other);
    expect(differences.map(({ step, what }) => [step, what])).toEqual([
      ['0', 'input'],
      ['1', 'set'],
      ['3', 'action'],
    ]);
    expect(differences[0]).toMatchObject({ recorded: '{"amount":"12.50"}', computed: '{"amount":"12.5"}' });
  });

  test('in the order of the keys of an input: providers compare bytes', async () => {
    const { stored } = await record(flow([call('test.keyed', literal({ a: 1, b: 2 }))]));
    const { differences } = await replay(stored, stored.entries, flow([call('test.keyed', literal({ b: 2, a: 1 }))]));
    expect(differences).toMatchObject([{ step: '0', what: 'input' }]);
  });

  test('in a step that is no longer come to', async () => {
    const { stored } = await record(recorded);
    const { differences } = await replay(stored, stored.entries, flow([call('test.keyed', literal({ amount: '12.50' }))]));
    expect(differences.length).toBeGreaterThan(0);
    expect(differences[0]).toMatchObject({ what: 'step', computed: undefined });
  });

  test('in the end', async () => {
    const { stored } = await record(flow([call('test.keyed')]));
    const entries = stored.entries.map((entry): JournalEntry => (entry.kind === 'end' ? { ...entry, status: 'stopped' } : entry));
    const { differences } = await replay(stored, entries);
    expect(differences).toEqual([{ step: '', what: 'end', recorded: '{"status":"stopped"}', computed: '{"status":"completed"}' }]);
  });

  test('in a step that comes where nothing was recorded', async () => {
    const { stored } = await record(flow([call('test.keyed')]));
    const { differences } = await replay(stored, stored.entries, flow([call('test.keyed'), set({ more: literal(1) })]));
    expect(differences).toMatchObject([{ step: '1', what: 'set', recorded: undefined }]);
  });
});
