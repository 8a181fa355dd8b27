/** Where the interpreter stands in a flow, and the values that a step there sees. */
import { idOf } from '../kernel/ids.ts';
import type { CompiledFlow, CompiledStep, Expression, Scope } from '../flows/language/compiled-flow.ts';
import type { RunFacts } from './run.ts';
import { StepFailed, type Reads, type RunContext } from './run-context.ts';

/** What handlers see as `error`. */
export interface HandledError {
  readonly step: string;
  readonly message: string;
  readonly code: string;
}

/**
 * The values of a branch so far. Each branch of a `parallel` or `for-each` has its own, which its siblings do not see while they
 * run: what a step computes must not depend on who was faster.
 */
export interface Values {
  readonly steps: Record<string, unknown>;
  vars: Readonly<Record<string, unknown>>;
}

/** A round of a loop: steps inside it have paths of their own. */
interface Frame {
  /** Path of the loop's steps in the flow, `0.repeat`. */
  readonly written: string;
  /** Path in this run, `0.repeat.2`. */
  readonly walked: string;
}

/** A step that is done and can be taken back, as it was when it was done. */
export interface Undoable {
  readonly here: Here;
  readonly step: CompiledStep;
  readonly path: string;
  /** Its place among those that are done. */
  readonly order: number;
}

/** What is the same everywhere in a run. */
interface Setting {
  readonly flow: CompiledFlow;
  /** What flows see as `run`; made when it is first asked for, because most flows never do. */
  readonly run: Readonly<Record<string, unknown>>;
  readonly event: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Steps that can be taken back. */
  readonly undoable: Undoable[];
}

/** A place in the flow while it is walked. */
export interface Here {
  readonly setting: Setting;
  readonly context: RunContext;
  readonly values: Values;
  readonly frame: Frame | undefined;
  /** Elements of the loops around, by their names. */
  readonly elements: Readonly<Record<string, unknown>> | undefined;
  /** Round of the innermost `repeat`; 1 outside. */
  readonly round: number;
  readonly error: HandledError | undefined;
}

/** Walks a list of steps; given to the verbs that have steps inside them. */
export type WalkSteps = (here: Here, steps: readonly CompiledStep[]) => Promise<void>;

/** A step that read nothing of the present. */
export const NO_READS: Reads = { subjects: {} };

/** The beginning of the flow. @param publicUrl where people see runs, for `run.url` */
export function beginning(flow: CompiledFlow, context: RunContext, publicUrl: string): Here {
  const { facts } = context;
  let run: Readonly<Record<string, unknown>> | undefined;
  return {
    setting: {
      flow,
      get run() {
        return (run ??= describeRun(facts, flow, publicUrl));
      },
      event: facts.event?.data ?? {},
      inputs: facts.inputs ?? {},
      undoable: [],
    },
    context,
    values: { steps: {}, vars: flow.vars },
    frame: undefined,
    elements: undefined,
    round: 1,
    error: undefined,
  };
}

/** The step's path in this run: as written, with the rounds and elements of the loops around it. */
export function pathOf({ frame }: Here, { path }: CompiledStep): string {
  return frame ? frame.walked + path.slice(frame.written.length) : path;
}

/** Inside a loop, in the round or at the element that `part` names. @param kind `repeat` or `for-each` */
export function inside(here: Here, step: CompiledStep, kind: string, part: number): Here {
  return { ...here, frame: { written: `${step.path}.${kind}`, walked: `${pathOf(here, step)}.${kind}.${part}` } };
}

export function scopeOf(here: Here, reads: Reads): Scope {
  const { setting, values, elements, error } = here;
  const { event, inputs } = setting;
  const scope: Record<string, unknown> = {
    event,
    steps: values.steps,
    vars: values.vars,
    inputs,
    get run() {
      return setting.run;
    },
    attempt: here.round,
  };
  if (elements) Object.assign(scope, elements);
  if (reads !== NO_READS) Object.assign(scope, reads.subjects, reads.now === undefined ? undefined : { now: reads.now });
  if (error) scope['error'] = error;
  return scope;
}

export function holds(condition: Expression, scope: Scope): boolean {
  return condition.evaluate(scope) === true;
}

/** Keeps a step's result for later steps. */
export function remember({ values }: Here, step: CompiledStep, value: Readonly<Record<string, unknown>>): void {
  if (step.id !== undefined) values.steps[step.id] = value;
}

/** Values of a branch that begins here. */
export function forked({ steps, vars }: Values): Values {
  return { steps: { ...steps }, vars };
}

/** Takes over what a branch has added or changed since it began. Called in the order of the branches, whichever was done first. */
export function merge(into: Values, branch: Values, before: Values): void {
  for (const [id, value] of Object.entries(branch.steps)) if (value !== before.steps[id]) into.steps[id] = value;
  if (branch.vars === before.vars) return;
  const changed = Object.entries(branch.vars).filter(([name, value]) => value !== before.vars[name]);
  into.vars = { ...into.vars, ...Object.fromEntries(changed) };
}

/** A failure for the step at `path` that the flow's author can mend. */
export function stepFailure(path: string, code: string, message: string): StepFailed {
  return new StepFailed(message, [path], code);
}

function describeRun(facts: RunFacts, flow: CompiledFlow, publicUrl: string): Readonly<Record<string, unknown>> {
  const id = idOf('run', facts.id);
  const { event } = facts;
  const run = { id, flow: flow.name, url: `${publicUrl}/v1/runs/${id}` };
  return event ? { ...run, event: { id: idOf('evt', event.id), type: event.type, time: event.occurredAt.toISOString() } } : run;
}
