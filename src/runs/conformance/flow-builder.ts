/** Compiled flows and their parts, written by hand: the engine's tests need no parser. */
import type { CompiledFlow, CompiledStep, Expression, RetryPolicy, Scope, ValueTemplate } from '../../flows/language/compiled-flow.ts';

type Verb<V extends CompiledStep['verb']> = Extract<CompiledStep, { verb: V }>;
type Own<V extends CompiledStep['verb']> = Omit<Verb<V>, 'path' | 'verb' | 'title' | 'place' | 'onFailure'> & {
  readonly onFailure?: CompiledStep['onFailure'];
};

/** Steps inside a step, which get their paths from it. */
type Inner<K extends string> = Readonly<Partial<Record<K, readonly StepDraft[]>>>;

export const RETRY_AT_ONCE: RetryPolicy = { kind: 'backoff', times: 3, firstMs: 2, factor: 1, longestMs: 2 };

/** A value that is computed from the scope; `reads` are the roots it uses. */
export function computed(reads: readonly string[], evaluate: (scope: Scope) => unknown): ValueTemplate & Expression {
  return { source: evaluate.toString(), reads: new Set(reads), evaluate };
}

export function literal(value: unknown): ValueTemplate & Expression {
  return computed([], () => value);
}

/** A step without its path, which its place in the flow gives it. */
export type StepDraft = (path: string) => CompiledStep;

function step<V extends CompiledStep['verb']>(verb: V, own: Own<V>): StepDraft {
  // One object per verb: TypeScript cannot see that the parts make up the whole.
  return (path) => ({ path, verb, title: path, place: { line: 1, column: 1 }, onFailure: 'stop', ...own }) as unknown as CompiledStep;
}

export function call(action: string, input: ValueTemplate = literal({}), more: Partial<Own<'do'>> = {}): StepDraft {
  return step('do', { action, with: input, retry: RETRY_AT_ONCE, onUnknown: 'ask', ...more });
}

export function set(values: Readonly<Record<string, ValueTemplate>>): StepDraft {
  return step('set', { values });
}

export function waitUntil(moment: Expression): StepDraft {
  return step('wait', { until: moment });
}

export function emit(event: string, data: ValueTemplate): StepDraft {
  return step('emit', { event, with: data });
}

export function stop(reason: string, condition?: Expression): StepDraft {
  return step('stop', { reason: literal(reason), ...(condition && { condition }) });
}

export function fail(reason: string): StepDraft {
  return step('fail', { reason: literal(reason) });
}

export function branch(condition: Expression, then: readonly StepDraft[], otherwise: readonly StepDraft[] = []): StepDraft {
  return (path) => step('branch', { condition, then: placed(then, `${path}.then`), else: placed(otherwise, `${path}.else`) })(path);
}

export function choose(branches: readonly { readonly if?: Expression; readonly then: readonly StepDraft[] }[]): StepDraft {
  return (path) =>
    step('choose', { branches: branches.map(({ then, ...rest }, index) => ({ ...rest, then: placed(then, `${path}.choose.${index}`) })) })(
      path,
    );
}

export function parallel(
  branches: Readonly<Record<string, readonly StepDraft[]>>,
  whenOneFails: 'finish-others' | 'stop-others' = 'finish-others',
): StepDraft {
  return (path) => {
    const placedBranches = Object.fromEntries(
      Object.entries(branches).map(([name, steps]) => [name, placed(steps, `${path}.parallel.${name}`)]),
    );
    return step('parallel', { branches: placedBranches, whenOneFails })(path);
  };
}

export function waitFor(events: readonly string[], more: Partial<Omit<Own<'wait-for'>, 'onTimeout'>> & Inner<'onTimeout'> = {}): StepDraft {
  const { onTimeout = [], ...rest } = more;
  return (path) => step('wait-for', { events, match: {}, ...rest, onTimeout: placed(onTimeout, `${path}.on-timeout`) })(path);
}

export function ask(question: string, more: Partial<Omit<Own<'ask'>, 'onTimeout'>> & Inner<'onTimeout'> = {}): StepDraft {
  const { onTimeout = [], ...rest } = more;
  return (path) =>
    step('ask', {
      question: literal(question),
      choices: ['approve', 'reject'],
      ...rest,
      onTimeout: placed(onTimeout, `${path}.on-timeout`),
    })(path);
}

export function repeat(
  steps: readonly StepDraft[],
  more: Partial<Omit<Own<'repeat'>, 'otherwise' | 'steps'>> & Inner<'otherwise'> = {},
): StepDraft {
  const { otherwise = [], ...rest } = more;
  return (path) =>
    step('repeat', { ...rest, steps: placed(steps, `${path}.repeat`), otherwise: placed(otherwise, `${path}.otherwise`) })(path);
}

export function forEach(list: Expression, steps: readonly StepDraft[], more: Partial<Own<'for-each'>> = {}): StepDraft {
  return (path) => step('for-each', { list, as: 'item', atOnce: 1, ...more, steps: placed(steps, `${path}.for-each`) })(path);
}

export function runFlow(name: string, more: Partial<Own<'run'>> = {}): StepDraft {
  return step('run', { flow: name, with: literal({}), and: 'wait', ...more });
}

/** Gives a step what takes it back. */
export function withUndo(draft: StepDraft, undo: readonly StepDraft[]): StepDraft {
  return (path) => ({ ...draft(path), undo: placed(undo, `${path}.undo`) });
}

/** Gives a step a time in which it must be done. */
export function within(draft: StepDraft, timeoutMs: number): StepDraft {
  return (path) => ({ ...draft(path), timeoutMs });
}

/** Gives a step a handler for its failure. */
export function orElse(draft: StepDraft, handler: 'continue' | readonly StepDraft[]): StepDraft {
  return (path) => ({ ...draft(path), onFailure: handler === 'continue' ? handler : placed(handler, `${path}.on-failure`) });
}

export function flow(
  steps: readonly StepDraft[],
  more: Partial<Omit<CompiledFlow, 'steps' | 'onFailure'>> & { readonly onFailure?: readonly StepDraft[] } = {},
): CompiledFlow {
  const { onFailure = [], ...rest } = more;
  return {
    name: 'test-flow',
    title: 'Test flow',
    timeZone: 'Europe/Amsterdam',
    triggers: [{ kind: 'event', event: 'custom.started' }],
    stopOn: [],
    vars: {},
    ...rest,
    steps: placed(steps, ''),
    onFailure: placed(onFailure, 'on-failure'),
  };
}

function placed(steps: readonly StepDraft[], under: string): readonly CompiledStep[] {
  return steps.map((draft, index) => draft(under === '' ? String(index) : `${under}.${index}`));
}
