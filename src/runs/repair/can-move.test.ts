import { describe, expect, test } from '@jest/globals';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { newUuid } from '../../kernel/ids.ts';
import { branch, call, computed, flow, literal, parallel, set, waitUntil, type StepDraft } from '../conformance/flow-builder.ts';
import { Provider } from '../conformance/provider.ts';
import { MemoryEngine } from '../memory/memory-engine.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { canMove, type MoveAnswer } from './can-move.ts';
import type { Recording } from './replay.ts';

const farAway = literal('2999-01-01T00:00:00Z');
const before: readonly StepDraft[] = [call('test.keyed', literal({ to: 'kim' }), { id: 'first' }), set({ n: literal(1) })];
const standing = [...before, waitUntil(farAway), call('test.once')];

/** Runs the steps until they wait, and asks whether the others may take over. */
async function move(from: CompiledFlow, to: CompiledFlow): Promise<MoveAnswer> {
  const provider = new Provider();
  const store = new MemoryStore();
  const engine = new MemoryEngine({ store, door: provider });
  const facts = { id: newUuid(), tenantId: newUuid(), flowId: newUuid(), revision: 1 };
  engine.start(from, facts);
  await engine.settle(Date.UTC(2027, 0, 1));
  const stored = store.runs.get(facts.id);
  expect(stored?.status).toBe('waiting');
  const recording: Recording = { facts, entries: stored?.entries ?? [], actions: provider.manifests(), publicUrl: '' };
  return canMove(recording, to);
}

describe('a waiting run may go on with a new revision', () => {
  test.each<[string, readonly StepDraft[]]>([
    ['that is the same', standing],
    ['that differs behind the wait', [...before, waitUntil(farAway), call('test.keyed'), call('test.once')]],
    ['that would wait for another moment: the recorded one holds', [...before, waitUntil(literal('2998-01-01T00:00:00Z'))]],
    [
      'that writes the same input in another way',
      [
        call(
          'test.keyed',
          computed([], () => ({ to: 'kim' })),
        ),
        ...standing.slice(1),
      ],
    ],
  ])('%s', async (_, steps) => {
    expect(await move(flow(standing), flow(steps))).toEqual({ movable: true });
  });

  test('with another on-failure', async () => {
    expect(await move(flow(standing), flow(standing, { onFailure: [call('test.once')] }))).toEqual({ movable: true });
  });

  test('that gives it a time limit', async () => {
    expect(await move(flow(standing), flow(standing, { timeoutMs: 60_000 }))).toEqual({ movable: true });
  });
});

describe('a waiting run stays on its revision when the new one', () => {
  test.each<[string, readonly StepDraft[], RegExp]>([
    ['calls something else', [call('test.lookup', literal({ to: 'kim' })), ...standing.slice(1)], /another action.*test\.lookup/],
    ['gives another input', [call('test.keyed', literal({ to: 'bo' })), ...standing.slice(1)], /another input.*bo.*kim/],
    ['sets another value', [before[0] as StepDraft, set({ n: literal(2) }), ...standing.slice(2)], /another set/],
    ['has a step less before the wait', [before[0] as StepDraft, waitUntil(farAway)], /step/i],
    ['has a step more before the wait', [...before, call('test.keyed'), waitUntil(farAway)], /step/i],
    ['does not wait', [...before, call('test.once')], /step/i],
    ['is over already', before, /Step 2 was done|over already/],
    ['waits in a branch', [...before, branch(literal(true), [waitUntil(farAway)])], /step/i],
  ])('%s', async (_, steps, why) => {
    const answer = await move(flow(standing), flow(steps));
    expect(answer).toMatchObject({ movable: false, why: expect.stringMatching(why) });
  });

  test('has another branch beside the one that waits', async () => {
    const [one, other] = [{ a: [waitUntil(farAway)] }, { a: [waitUntil(farAway)], b: [call('test.once')] }];
    expect(await move(flow([parallel(one)]), flow([parallel(other)]))).toMatchObject({ movable: false });
  });
});
