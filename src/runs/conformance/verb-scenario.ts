/** The form of a scenario in which a run waits, and what its flows are made of. */
import { failed } from '@kassaflow/plugin-sdk';
import { stillWaiting, type AwaitedNews } from '../../plugin-host/action-call.ts';
import type { CompiledFlow, Expression, Scope } from '../../flows/language/compiled-flow.ts';
import type { RunOrder } from '../run-order.ts';
import { computed, literal } from './flow-builder.ts';
import type { Scenario } from './scenarios.ts';

/** What happens to a run once it has come to rest. */
export type Happening =
  /** `calls`: not before its provider was called so often, where news that is on its way may still end the rest. */
  | { readonly event: string; readonly data: Readonly<Record<string, unknown>>; readonly calls?: number }
  | { readonly answer: string; readonly step: string }
  | { readonly order: RunOrder };

export interface VerbScenario extends Scenario {
  /** One after the other, each when the run rests. */
  readonly happenings?: readonly Happening[];
  /** Flows that it may run. */
  readonly others?: readonly CompiledFlow[];
}

/** A field of something in the scope: `field('steps', 'paid.data')`. */
export const field = (reads: string, path: string): Expression =>
  computed([reads], (scope) => path.split('.').reduce<unknown>((value, name) => (value as Scope)[name], scope[reads]));

/** A moment that no test lives to see. */
export const farAway = literal('2999-01-01T00:00:00Z');

export const isEqual = (expression: Expression, wanted: unknown): Expression =>
  computed([...expression.reads], (scope) => expression.evaluate(scope) === wanted);

/** A provider that answers the first `times` calls of `test.keyed` that what they began goes on. */
export const goesOn = (times: number, news: AwaitedNews, afterMs = NEVER_MS): NonNullable<Scenario['script']> => {
  return (provider) =>
    provider.script('test.keyed', ...Array.from({ length: times }, () => () => stillWaiting('It goes on', afterMs, news)));
};
/** Longer than any test waits: 300 years. */
const NEVER_MS = 300 * 366 * 86_400_000;

/** A provider that refuses the first `times` calls of `action` for good. */
export const broken = (action: string, times = 1): NonNullable<Scenario['script']> => {
  return (provider) => provider.script(action, ...Array.from({ length: times }, () => () => failed('permanent', 'Closed')));
};
