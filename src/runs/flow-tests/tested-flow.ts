/** The flow that tests are about, with what it can speak of. */
import type { CompiledFlow, CompiledStep } from '../../flows/language/compiled-flow.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import { stepsOf } from './step-names.ts';

export interface TestedFlow {
  readonly flow: CompiledFlow;
  readonly vocabulary: Vocabulary;
}

/** A step that tests can name: it calls an action or runs another flow. */
export type NamedStep = Extract<CompiledStep, { verb: 'do' | 'run' }>;

/** By each of their names, id and action or flow, the first of them. */
export function namedSteps(flow: CompiledFlow): ReadonlyMap<string, NamedStep> {
  const steps = new Map<string, NamedStep>();
  for (const step of stepsOf(flow)) {
    if (step.verb !== 'do' && step.verb !== 'run') continue;
    for (const name of [step.id, step.verb === 'do' ? step.action : step.flow])
      if (name !== undefined && !steps.has(name)) steps.set(name, step);
  }
  return steps;
}

/** The questions of a flow, by the ids of their steps. */
export function questionsOf(flow: CompiledFlow): readonly Extract<CompiledStep, { verb: 'ask' }>[] {
  return [...stepsOf(flow)].filter((step) => step.verb === 'ask');
}
