import { expect, test } from '@jest/globals';
import type { StepEntry } from './journal-entry.ts';
import { applyEntry, newStepState, nextMove, type StepRules } from './step-state.ts';

const HOUR_MS = 3_600_000;
const rules: StepRules = {
  effect: 'keyed',
  keyTtlMs: HOUR_MS,
  movesMoney: false,
  retry: { kind: 'never' },
  onUnknown: 'ask',
  unknownScheduleMs: [60_000],
  authScheduleMs: [60_000],
};
const intent = (at: number, attempt: number): StepEntry => ({
  kind: 'intent',
  step: '0',
  at,
  action: 'test.keyed',
  group: 1,
  attempt,
  input: {},
});
const refused: StepEntry = {
  kind: 'answer',
  step: '0',
  at: 2,
  outcome: { kind: 'failed', reason: 'auth', message: 'The key was revoked' },
};

test.each<readonly [string, readonly StepEntry[], string]>([
  ['has an attempt in doubt before it', [intent(0, 1), intent(1, 2), refused], 'attention'],
  ['has none', [intent(1, 1), refused], 'send'],
])('a call that was refused until its key is forgotten, and %s', (_, entries, wanted) => {
  const state = newStepState();
  for (const entry of [...entries, { kind: 'woke', step: '0', at: HOUR_MS } as const]) applyEntry(state, entry);
  expect(nextMove(state, rules, HOUR_MS, 0.5).do).toBe(wanted);
});
