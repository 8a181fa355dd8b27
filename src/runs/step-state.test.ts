import { expect, test } from '@jest/globals';
import { stillWaiting, stoodStill } from '../plugin-host/action-call.ts';
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

test.each([
  ['what goes on at the provider is asked for again', stillWaiting('The bank is busy', 1_000)],
  ['what a standstill kept back is sent again', { ...stoodStill(), retryAfterMs: 1_000 }],
])('%s as often as it takes, without using up an attempt', (_, outcome) => {
  const state = newStepState();
  for (let times = 1; times <= 50; times += 1) {
    const at = times * 1_000;
    applyEntry(state, intent(at, times));
    applyEntry(state, { kind: 'answer', step: '0', at, outcome });
    expect(nextMove(state, rules, at, 0.5)).toEqual({ do: 'sleep', until: at + 1_000 });
    applyEntry(state, { kind: 'sleep', step: '0', until: at + 1_000 });
    applyEntry(state, { kind: 'woke', step: '0', at: at + 1_000 });
    expect(nextMove(state, rules, at + 1_000, 0.5)).toEqual({ do: 'send', group: 1, attempt: times + 1 });
  }
  expect(state.burned).toBe(0);
});

test.each<readonly [string, readonly StepEntry[], string]>([
  ['has an attempt in doubt before it', [intent(0, 1), intent(1, 2), refused], 'attention'],
  ['has none', [intent(1, 1), refused], 'send'],
])('a call that was refused until its key is forgotten, and %s', (_, entries, wanted) => {
  const state = newStepState();
  for (const entry of [...entries, { kind: 'woke', step: '0', at: HOUR_MS } as const]) applyEntry(state, entry);
  expect(nextMove(state, rules, HOUR_MS, 0.5).do).toBe(wanted);
});
