/** What a step must know of the present before it is computed: found once per step, kept with it. */
import type { CompiledStep } from '../flows/language/compiled-flow.ts';
import { SUBJECT_WORDS } from '../flows/language/names.ts';
import type { ReadPlan } from './run-context.ts';

const SUBJECTS: ReadonlySet<string> = new Set(SUBJECT_WORDS);
const plans = new WeakMap<CompiledStep, ReadPlan>();

/** A plan that asks for nothing. */
export const NOTHING: ReadPlan = { subjects: [], now: false };

/** What `step` itself reads, without the steps inside it. */
export function readPlan(step: CompiledStep): ReadPlan {
  let plan = plans.get(step);
  if (!plan) {
    plan = planOf(step);
    plans.set(step, plan);
  }
  return plan;
}

function planOf(step: CompiledStep): ReadPlan {
  return planFor([...(step.condition?.reads ?? []), ...ownReads(step)]);
}

/** What an expression with these root names reads of the present. */
export function planFor(names: Iterable<string>): ReadPlan {
  const roots = new Set(names);
  const subjects = [...roots].filter((root) => SUBJECTS.has(root));
  const now = roots.has('now');
  return subjects.length === 0 && !now ? NOTHING : { subjects, now };
}

function ownReads(step: CompiledStep): Iterable<string> {
  switch (step.verb) {
    case 'do':
    case 'emit':
    case 'run':
      return step.with.reads;
    case 'wait-for':
      return [...(step.match.key?.value.reads ?? []), ...(step.match.where?.reads ?? []), ...(step.match.onePer?.reads ?? [])];
    case 'for-each':
      return step.list.reads;
    case 'ask':
      return step.question.reads;
    case 'wait':
      return step.until?.reads ?? [];
    case 'choose':
      return step.branches.flatMap((branch) => [...(branch.if?.reads ?? [])]);
    case 'set':
      return Object.values(step.values).flatMap((value) => [...value.reads]);
    case 'stop':
    case 'fail':
      return step.reason.reads;
    case 'branch':
    case 'parallel':
    case 'repeat':
      return [];
  }
}
