import { describe, expect, test } from '@jest/globals';
import type { JournalEntry, StepOutcome } from '../journal-entry.ts';
import { planRun, type ActionRules, type Category } from './run-plan.ts';

const HOUR = 3_600_000;
const rules: Readonly<Record<string, ActionRules>> = {
  read: { effect: 'read', movesMoney: false, oncePerFact: false },
  keyed: { effect: 'keyed', keyTtlMs: HOUR, movesMoney: true, oncePerFact: false },
  lookup: { effect: 'lookup', movesMoney: false, oncePerFact: false },
  once: { effect: 'once', movesMoney: false, oncePerFact: false },
  guarded: { effect: 'once', movesMoney: false, oncePerFact: true },
};

const intent = (step: string, action: string, at = 0): JournalEntry => ({
  kind: 'intent',
  step,
  at,
  action,
  group: 1,
  attempt: 1,
  input: {},
});
const answer = (step: string, outcome: StepOutcome): JournalEntry => ({ kind: 'answer', step, at: 0, outcome });
const ok: StepOutcome = { kind: 'ok', value: {}, reference: '' };
const no: StepOutcome = { kind: 'failed', reason: 'permanent', message: 'No' };
const reset: StepOutcome = { kind: 'unknown', message: 'Reset' };
const end = (...failed: string[]): JournalEntry => ({ kind: 'end', at: 0, status: 'failed', failed });
const aside: JournalEntry = { kind: 'aside', at: 0, step: '0', message: '' };

const plan = (...args: Parameters<typeof planRun> extends [infer K, infer S, infer E, ...unknown[]] ? [K, S, E, number?] : never) =>
  planRun(args[0], args[1], args[2], (action) => rules[action], args[3] ?? 0);

describe('a retry of a failed run', () => {
  test.each<[string, string, StepOutcome, Category]>([
    ['that surely did not happen is safe', 'once', no, 'safe'],
    ['that reads is safe', 'read', reset, 'safe'],
    ['with a key is safe when it did not happen', 'keyed', no, 'safe'],
    ['with a key may happen twice when that is not known: a retry has a new key', 'keyed', reset, 'may-happen-twice'],
    ['that may have happened may happen twice', 'once', reset, 'may-happen-twice'],
    ['that a guard holds to once per fact is safe', 'guarded', reset, 'safe'],
    ['whose action is gone may happen twice', 'gone', reset, 'may-happen-twice'],
  ])('of a step %s', (_, action, outcome, category) => {
    expect(plan('retry', 'failed', [intent('0', action), answer('0', outcome), end('0')]).category).toBe(category);
  });

  test('does the on-failure of the flow again when it fails again', () => {
    const entries = [intent('0', 'keyed'), answer('0', no), intent('on-failure.0', 'once'), answer('on-failure.0', ok), end('0')];
    expect(plan('retry', 'failed', entries)).toMatchObject({
      category: 'may-happen-twice',
      steps: [
        { step: '0', repeat: 'safe' },
        { step: 'on-failure.0', repeat: 'may-happen-twice' },
      ],
    });
  });

  test('does not repeat what succeeded', () => {
    expect(plan('retry', 'failed', [intent('0', 'once'), answer('0', ok), end('1')]).steps).toEqual([]);
  });

  test('counts after a second failure what has been sent since the first', () => {
    const entries: JournalEntry[] = [
      intent('0', 'once'),
      answer('0', reset),
      end('0'),
      { kind: 'retry', at: 0, by: 'x' },
      intent('0', 'once'),
      answer('0', no),
      end('0'),
    ];
    expect(plan('retry', 'failed', entries).category).toBe('safe');
  });
});

describe('a retry of a run that was set aside', () => {
  test.each<[string, string, number, Category]>([
    ['asks first', 'lookup', 0, 'looked-up'],
    ['sends the same key while it is known', 'keyed', HOUR / 2, 'safe'],
    ['sends a key that may be forgotten', 'keyed', HOUR, 'may-happen-twice'],
    ['sends what may not be repeated', 'once', 0, 'may-happen-twice'],
  ])('%s', (_, action, now, category) => {
    expect(plan('retry', 'attention', [intent('0', action), aside], now).category).toBe(category);
  });

  test('is possible for no other run that needs a person', () => {
    expect(plan('retry', 'attention', [intent('0', 'once')]).category).toBe('impossible');
  });
});

test.each([
  ['retry', 'completed'],
  ['retry', 'waiting'],
  ['cancel', 'failed'],
  ['resume', 'stopped'],
] as const)('%s makes no sense for a run that is %s', (kind, status) => {
  expect(plan(kind, status, []).category).toBe('impossible');
});

test('what a step would move is read from its input', () => {
  const entries: JournalEntry[] = [
    { ...(intent('0', 'keyed') as Extract<JournalEntry, { kind: 'intent' }>), input: { amount: { amount: '12.50', currency: 'EUR' } } },
    answer('0', no),
    end('0'),
  ];
  expect(plan('retry', 'failed', entries).steps).toMatchObject([{ money: { minor: 1250n, currency: 'EUR' } }]);
});
