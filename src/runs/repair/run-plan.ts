/**
 * What a repair would do to one run, by step: the promise of a bulk job's preview.
 *
 * - `safe`: nothing can happen twice. The step has no effect, did surely not happen, was never sent, or its provider still knows the
 *   key under which it is sent again.
 * - `looked-up`: its outcome is not known, and the provider is asked before it is sent again.
 * - `may-happen-twice`: it happened, or may have, and would be sent under another key, or its provider knows no keys.
 * - `impossible`: the command makes no sense for the run as it stands; it is left alone.
 */
import type { Effect } from '@kassaflow/plugin-sdk';
import { isCurrency } from '../../kernel/currency.ts';
import { parseMoney, type Money } from '../../kernel/money.ts';
import type { JournalEntry } from '../journal-entry.ts';
import type { CommandKind } from '../run-engine.ts';
import type { RunStatus } from '../run.ts';
import { inDoubt, KEY_TRUST, type StepState } from '../step-state.ts';
import { refusalOf } from '../command-refusal.ts';
import { isHandler, recordedSteps } from './recorded-steps.ts';
import { staticPath } from './static-path.ts';

export type Repeat = 'safe' | 'looked-up' | 'may-happen-twice';
export type Category = Repeat | 'impossible';

/** What an action's manifest says about repeating it. */
export interface ActionRules {
  readonly effect: Effect;
  readonly keyTtlMs?: number | undefined;
  readonly movesMoney: boolean;
  /** A guard outside the flows keeps it from happening twice for the same fact of the business. */
  readonly oncePerFact: boolean;
}

/** One step that would be sent again. */
export interface StepRepeat {
  /** Path in the flow. */
  readonly step: string;
  readonly action: string;
  readonly repeat: Repeat;
  /** What it would move, for a step that moves money. */
  readonly money: Money | undefined;
}

export interface RunPlan {
  readonly category: Category;
  readonly steps: readonly StepRepeat[];
}

const IMPOSSIBLE: RunPlan = { category: 'impossible', steps: [] };
const ORDER: readonly Repeat[] = ['safe', 'looked-up', 'may-happen-twice'];

/** @param rulesOf what is known of an action (and of the plugin that the step was led to); absent when it is no longer there */
export function planRun(
  kind: CommandKind,
  status: RunStatus,
  entries: Iterable<JournalEntry>,
  rulesOf: (action: string, plugin: string | undefined) => ActionRules | undefined,
  now: number,
): RunPlan {
  if (refusalOf(kind, status) !== undefined) return IMPOSSIBLE;
  const { steps, failed, aside } = recordedSteps(entries);
  if (kind === 'retry' && !aside && status === 'attention') return IMPOSSIBLE;
  const begunAnew = (path: string) => kind === 'retry' && !aside && (failed.includes(path) || isHandler(path));
  const repeats: StepRepeat[] = [];
  for (const [path, state] of steps) {
    const anew = begunAnew(path);
    if (state.action === undefined || (!anew && !inDoubt(state))) continue;
    const rules = rulesOf(state.action, state.plugin);
    const repeat = repeatOf(state, rules, anew, now);
    const money = rules?.movesMoney === true ? amountIn(state.input) : undefined;
    repeats.push({ step: staticPath(path), action: state.action, repeat, money });
  }
  const worst = Math.max(0, ...repeats.map(({ repeat }) => ORDER.indexOf(repeat)));
  return { category: ORDER[worst] ?? 'safe', steps: repeats };
}

/** @param anew under a new key: a decision of a person begins a new attempt group */
export function repeatOf(state: StepState, rules: ActionRules | undefined, anew: boolean, now: number): Repeat {
  if (rules?.effect === 'read' || rules?.oncePerFact === true || state.attempt === 0) return 'safe';
  if (!mayHaveHappened(state)) return 'safe';
  // An action that is no longer there is not sent, but nobody knows what its successor will make of it.
  if (!rules || anew) return 'may-happen-twice';
  if (rules.effect === 'lookup') return 'looked-up';
  const known = rules.effect === 'keyed' && now - (state.doubtAt ?? state.firstAt) <= KEY_TRUST * (rules.keyTtlMs ?? 0);
  return known ? 'safe' : 'may-happen-twice';
}

/** It succeeded, or an attempt of it has no certain answer. A failure says for certain that nothing was done. */
function mayHaveHappened(state: StepState): boolean {
  if (inDoubt(state) || state.doubtAt !== undefined || state.resolution?.decision === 'fail') return true;
  return state.outcome?.kind === 'ok' || state.resolution?.decision === 'done';
}

/** The first amount in an action's input. Amounts that a step moves stand at its top. */
function amountIn(input: Readonly<Record<string, unknown>> | undefined): Money | undefined {
  const wire = Object.values(input ?? {}).find(isWireMoney);
  try {
    return wire === undefined ? undefined : parseMoney(wire);
  } catch {
    // An amount that the action refused as well.
    return undefined;
  }
}

function isWireMoney(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'amount' in value &&
    'currency' in value &&
    typeof value.currency === 'string' &&
    isCurrency(value.currency)
  );
}
