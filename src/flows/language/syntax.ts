/**
 * A flow as written: every part of the grammar, typed, with its place in the file.
 *
 * Values whose kind depends on something else (an action's inputs) stay YAML nodes; the checker and the compiler read them
 * by schema. Nothing here is resolved: names may not exist, expressions may be wrong.
 */
import type { Span } from './diagnostic.ts';
import type { YamlEntry, YamlMap, YamlNode } from './yaml/node.ts';
import type { Duration } from '../../kernel/duration.ts';

/** A piece of text. `at` is the offset of its first character, so that places inside it can be told. */
export interface Text {
  readonly text: string;
  readonly span: Span;
  readonly at: number;
}

/** A duration as written and, when it is one, as parsed. */
export interface DurationText extends Text {
  readonly duration?: Duration;
}

export interface NumberText extends Text {
  readonly value: number;
}

export interface RetrySyntax {
  readonly span: Span;
  readonly never: boolean;
  readonly times?: NumberText;
  readonly first?: DurationText;
  readonly factor?: NumberText;
  readonly longest?: DurationText;
  readonly every?: DurationText;
  readonly within?: DurationText;
}

/** What becomes of moments of a schedule that passed while nobody was there. */
export type Missed = 'run-once' | 'skip' | 'all';

export type TriggerSyntax =
  | { readonly kind: 'event'; readonly event: Text; readonly provider?: Text; readonly where?: Text; readonly span: Span }
  | {
      readonly kind: 'schedule' | 'cron';
      readonly schedule: Text;
      readonly timezone?: Text;
      readonly missed?: Missed;
      readonly span: Span;
    }
  | { readonly kind: 'manual'; readonly inputs: YamlMap; readonly title?: Text; readonly who?: Text; readonly span: Span }
  | { readonly kind: 'plugin'; readonly trigger: Text; readonly via?: Text; readonly with?: YamlMap; readonly span: Span };

export interface StopOnSyntax {
  readonly event: Text;
  readonly same?: Text;
  readonly where?: Text;
  readonly span: Span;
}

export type Verb =
  'do' | 'wait' | 'wait-for' | 'then' | 'choose' | 'repeat' | 'for-each' | 'parallel' | 'set' | 'emit' | 'run' | 'ask' | 'stop' | 'fail';

interface StepCommon {
  /** From its first key to its last value. */
  readonly span: Span;
  /** Of the verb's key: what a message about the step as a whole underlines. */
  readonly verbSpan: Span;
  readonly id?: Text;
  readonly name?: Text;
  readonly if?: Text;
  readonly unless?: Text;
  readonly timeout?: DurationText;
  readonly onFailure?: 'stop' | 'continue' | readonly StepSyntax[];
  readonly undo?: readonly StepSyntax[];
}

export interface ChooseBranch {
  readonly if?: Text;
  readonly steps: readonly StepSyntax[];
}

export type StepSyntax = StepCommon &
  (
    | {
        readonly verb: 'do';
        readonly action: Text;
        readonly with?: YamlNode;
        readonly via?: Text;
        readonly retry?: RetrySyntax;
        readonly onUnknown?: Text;
      }
    | { readonly verb: 'wait'; readonly duration?: DurationText; readonly until?: Text; readonly clockTime?: Text }
    | {
        readonly verb: 'wait-for';
        readonly events: readonly Text[];
        readonly where?: Text;
        readonly same?: Text;
        readonly onTimeout: readonly StepSyntax[];
      }
    | { readonly verb: 'then'; readonly then: readonly StepSyntax[]; readonly else: readonly StepSyntax[] }
    | { readonly verb: 'choose'; readonly branches: readonly ChooseBranch[] }
    | {
        readonly verb: 'repeat';
        readonly times?: NumberText;
        readonly steps: readonly StepSyntax[];
        readonly until?: Text;
        readonly every?: DurationText;
        readonly otherwise: readonly StepSyntax[];
      }
    | {
        readonly verb: 'for-each';
        readonly list: Text;
        readonly as?: Text;
        readonly atOnce?: NumberText;
        readonly steps: readonly StepSyntax[];
      }
    | {
        readonly verb: 'parallel';
        readonly branches: readonly { readonly name: Text; readonly steps: readonly StepSyntax[] }[];
        readonly whenOneFails: 'finish-others' | 'stop-others';
      }
    | { readonly verb: 'set'; readonly values: readonly YamlEntry[] }
    | { readonly verb: 'emit'; readonly event: Text; readonly with?: YamlNode }
    | { readonly verb: 'run'; readonly flow: Text; readonly with?: YamlNode; readonly and: 'wait' | 'continue' }
    | {
        readonly verb: 'ask';
        readonly question: Text;
        readonly who?: Text;
        readonly choices: readonly Text[];
        readonly onTimeout: readonly StepSyntax[];
      }
    | { readonly verb: 'stop'; readonly reason: Text }
    | { readonly verb: 'fail'; readonly reason: Text }
  );

export type StepOf<V extends Verb> = Extract<StepSyntax, { verb: V }>;

/** A test of the file. Its parts are read by the test runner. */
export interface TestSyntax {
  readonly name: Text;
  readonly given: YamlMap;
  readonly mocks?: YamlMap;
  readonly then?: YamlNode;
  readonly expect: YamlMap;
}

export interface FlowSyntax {
  readonly name: Text;
  readonly title?: Text;
  readonly about?: Text;
  readonly owner?: Text;
  readonly labels: readonly YamlEntry[];
  readonly enabled: boolean;
  readonly timezone?: Text;
  readonly triggers: readonly TriggerSyntax[];
  readonly when?: Text;
  readonly unless?: Text;
  readonly onePer?: Text;
  readonly ifRunning?: Text & { readonly text: 'skip' | 'queue' | 'replace' | 'parallel' };
  readonly stopOn: readonly StopOnSyntax[];
  readonly vars: readonly YamlEntry[];
  readonly retry?: RetrySyntax;
  readonly timeout?: DurationText;
  readonly steps: readonly StepSyntax[];
  readonly onFailure: readonly StepSyntax[];
  readonly tests: readonly TestSyntax[];
}

/** The lists of steps inside a step, in the order of the file. `branch` says how a path names them. */
export function innerSteps(step: StepSyntax): readonly { readonly branch: string; readonly steps: readonly StepSyntax[] }[] {
  const own = innerOf(step);
  const failure = typeof step.onFailure === 'object' ? [{ branch: 'on-failure', steps: step.onFailure }] : [];
  return [...own, ...failure, ...(step.undo ? [{ branch: 'undo', steps: step.undo }] : [])].filter(({ steps }) => steps.length > 0);
}

/** Every step, at any depth, outer before inner. */
export function* allSteps(steps: readonly StepSyntax[]): Generator<StepSyntax> {
  for (const step of steps) {
    yield step;
    for (const inner of innerSteps(step)) yield* allSteps(inner.steps);
  }
}

function innerOf(step: StepSyntax): { branch: string; steps: readonly StepSyntax[] }[] {
  switch (step.verb) {
    case 'then':
      return [
        { branch: 'then', steps: step.then },
        { branch: 'else', steps: step.else },
      ];
    case 'choose':
      return step.branches.map(({ steps }, index) => ({ branch: `choose.${index}`, steps }));
    case 'parallel':
      return step.branches.map(({ name, steps }) => ({ branch: `parallel.${name.text}`, steps }));
    case 'repeat':
      return [
        { branch: 'repeat', steps: step.steps },
        { branch: 'otherwise', steps: step.otherwise },
      ];
    case 'for-each':
      return [{ branch: 'for-each', steps: step.steps }];
    case 'wait-for':
    case 'ask':
      return [{ branch: 'on-timeout', steps: step.onTimeout }];
    default:
      return [];
  }
}
