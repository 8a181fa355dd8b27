import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { failed } from '@kassaflow/plugin-sdk';
import { newUuid } from '../../kernel/ids.ts';
import { ask, call, computed, flow, literal, orElse, parallel, repeat, waitFor, waitUntil, withUndo } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { replayRun } from '../repair/replay.ts';
import type { RunOrder } from '../run-order.ts';
import type { RunFacts } from '../run.ts';
import { MemoryEngine } from './memory-engine.ts';
import { MemoryStore, type StoredRun } from './memory-store.ts';

const path = computed(['run'], ({ run }) => ({ run }));
const farAway = literal('2999-01-01T00:00:00Z');

/** Every kind of place at which a run can stand. */
const FLOW = flow(
  [
    withUndo(call('test.keyed', path), [call('test.keyed', path)]),
    parallel({
      waits: [waitFor(['custom.paid']), withUndo(call('test.keyed', path), [call('test.lookup', path)])],
      asks: [ask('Go on?'), orElse(call('test.lookup', path), [call('test.keyed', path)])],
      sleeps: [repeat([waitUntil(farAway), call('test.keyed', path)], { times: 2 })],
    }),
    withUndo(call('test.lookup', path), [call('test.keyed', path)]),
    call('test.keyed', path),
  ],
  { onFailure: [call('test.keyed', path)], stopOn: [{ event: 'custom.over', match: {} }] },
);

const person = { by: fc.constantFrom('kim', 'lou'), why: fc.constantFrom('', 'a reason') };
const orders: fc.Arbitrary<RunOrder> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), undo: fc.boolean(), ...person }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('retry' as const), ...person }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('resume' as const), ...person }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('skip' as const), ...person }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('edit' as const), input: fc.constant({ to: 'right' }), ...person }) },
);
type Happening =
  | { readonly order: RunOrder; readonly at: number }
  | { readonly event: string }
  | { readonly answer: string }
  | { readonly crashIn: number };
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ order: orders, at: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ event: fc.constantFrom('custom.paid', 'custom.paid', 'custom.over') }) },
  { weight: 2, arbitrary: fc.record({ answer: fc.constantFrom('approve', 'reject') }) },
  // After so many commits of what comes next.
  { weight: 3, arbitrary: fc.record({ crashIn: fc.nat(4) }) },
);

test('whatever people want of a run, and whenever its process dies, nothing is done twice, lost, or recorded otherwise than computed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happenings, { maxLength: 14 }), fc.array(fc.nat(9), { maxLength: 12 }), async (told, broken) => {
      const store = new MemoryStore();
      const provider = new Provider();
      // Some calls are refused; one that was is refused again under its key.
      const refused = new Map<string, boolean>();
      for (const action of ['test.keyed', 'test.lookup'])
        provider.script(
          action,
          ...Array.from({ length: 60 }, () => (sent: Parameters<Provider['happen']>[0]) => {
            if (!refused.has(sent.idempotencyKey)) refused.set(sent.idempotencyKey, broken[refused.size % 12] === 1);
            return refused.get(sent.idempotencyKey) === true ? failed('permanent', 'Closed') : provider.happen(sent);
          }),
        );
      const facts: RunFacts = { id: newUuid(), tenantId: newUuid(), flowId: newUuid(), revision: 1 };
      let commitsLeft = Infinity;
      const make = (startAt?: number): MemoryEngine => {
        const made: MemoryEngine = new MemoryEngine({
          store,
          door: provider,
          ...(startAt !== undefined && { startAt }),
          commit: async () => {
            commitsLeft -= 1;
            if (commitsLeft < 0) made.crash();
          },
        });
        return made;
      };
      let engine = make();
      const until = engine.now;
      const settle = async (): Promise<void> => {
        await engine.settle(until);
        if (!engine.crashed) return;
        commitsLeft = Infinity;
        engine = make(until);
        engine.resume();
        await engine.settle(until);
      };
      engine.start(FLOW, facts);
      await settle();
      for (const next of told) {
        if ('crashIn' in next) commitsLeft = next.crashIn;
        else happen(engine, facts.id, next, store.runs.get(facts.id));
        await settle();
      }
      commitsLeft = Infinity;
      const stored = store.runs.get(facts.id);
      if (!stored) throw new Error('the run is not in the store');
      expect([...provider.effects.values()].filter((times) => times !== 1)).toEqual([]);
      expectRecorded(stored, provider);
      expectAtRest(stored);
      const replayed = await replayRun(FLOW, {
        facts,
        entries: stored.entries,
        actions: provider.manifests(),
        publicUrl: 'http://127.0.0.1:8787',
      });
      expect(replayed.differences).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

function happen(engine: MemoryEngine, run: string, next: Exclude<Happening, { crashIn: number }>, stored: StoredRun | undefined): void {
  if ('event' in next) return engine.arrive({ id: newUuid(), type: next.event, occurredAt: new Date(engine.now), data: {} });
  if ('answer' in next) {
    for (const step of stored?.questions.keys() ?? []) engine.answer(run, step, next.answer);
    return;
  }
  if (stored?.status === 'completed' || stored?.status === 'cancelled' || stored?.status === 'stopped') return;
  const standing = standingOf(stored);
  const step = standing[next.at % Math.max(1, standing.length)];
  const names = 'step' in next.order || step === undefined || next.order.kind === 'cancel' || next.order.kind === 'retry' ? {} : { step };
  engine.order(run, { ...next.order, ...names });
}

/** Steps that rest or failed, by the journal: as the timeline offers them to a person. */
function standingOf(stored: StoredRun | undefined): readonly string[] {
  const entries = stored?.entries ?? [];
  const end = entries.findLast(({ kind }) => kind === 'end');
  if (end?.kind === 'end' && entries.at(-1) === end) return end.failed ?? [];
  return [
    ...new Set(
      entries.flatMap((entry) => (['sleep', 'listen', 'asked'].includes(entry.kind) && 'step' in entry ? [entry.step ?? ''] : [])),
    ),
  ];
}

/** Everything that happened is in the journal as done: no effect is lost. */
function expectRecorded({ entries }: StoredRun, provider: Provider): void {
  const answered = new Set(
    entries.flatMap((entry) =>
      (entry.kind === 'answer' || entry.kind === 'ask') && entry.outcome.kind === 'ok' && entry.outcome.value !== undefined
        ? [entry.step]
        : [],
    ),
  );
  const calls = provider.calls.filter(({ idempotencyKey }) => provider.effects.has(idempotencyKey));
  expect(calls.filter(({ step }) => !answered.has(step))).toEqual([]);
}

/** A run that is over waits for nothing; one that is not waits for something. */
function expectAtRest({ status, timers, interests, questions, signals, attentions }: StoredRun): void {
  const waits = timers.size + interests.length + questions.size + attentions.size;
  if (status === 'waiting' || status === 'attention') expect(waits).toBeGreaterThan(0);
  else expect({ status, waits, signals: signals.size }).toEqual({ status, waits: 0, signals: 0 });
  expect(status).not.toBe('running');
}
