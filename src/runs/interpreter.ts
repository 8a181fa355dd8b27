/**
 * Walks a compiled flow over a {@link RunContext}. It knows no backend and keeps nothing that the context could not give it
 * again: run over the same journal it takes the same way.
 */
import { after, atClockTime } from '../kernel/duration.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { idOf } from '../kernel/ids.ts';
import type { CompiledFlow, CompiledStep, Expression, Scope } from '../flows/language/compiled-flow.ts';
import { NOTHING, readPlan } from './read-plan.ts';
import type { FinalStatus, RunFacts, RunReason } from './run.ts';
import { RunInterrupted, StepFailed, type Branch, type Reads, type RunContext } from './run-context.ts';

/** How a run ended. */
export interface RunEnd {
  readonly status: FinalStatus;
  readonly reason?: RunReason;
  /** For a failure: the steps at which a retry begins again. */
  readonly failed?: readonly string[];
}

/** What handlers see as `error`. */
interface HandledError {
  readonly step: string;
  readonly message: string;
  readonly code: string;
}

/** The values of a run so far; branches share them. */
interface Walk {
  readonly flow: CompiledFlow;
  readonly run: Readonly<Record<string, unknown>>;
  readonly event: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly steps: Record<string, unknown>;
  vars: Readonly<Record<string, unknown>>;
}

const NO_READS: Reads = { subjects: {} };

/**
 * Runs `flow` to its end. Rejects only for a defect of the program; every failure of a step is an end.
 *
 * @param publicUrl where people see runs, for `run.url`
 */
export async function interpret(flow: CompiledFlow, context: RunContext, publicUrl: string): Promise<RunEnd> {
  const walk: Walk = {
    flow,
    run: describeRun(context.facts, flow, publicUrl),
    event: context.facts.event?.data ?? {},
    inputs: context.facts.inputs ?? {},
    steps: {},
    vars: flow.vars,
  };
  try {
    await walkSteps(walk, flow.steps, context, undefined);
    return { status: 'completed' };
  } catch (error) {
    if (error instanceof StepFailed) return afterFailure(walk, context, error, error.steps);
    if (!(error instanceof RunInterrupted) || error.why !== 'timed-out') return interrupted(error);
    // Nothing has failed: a retry goes on where the run stood, under the same keys.
    return afterFailure(walk, context, new StepFailed(error.message, error.step === undefined ? [] : [error.step], 'run.timed-out'), []);
  }
}

/** Paths of the steps in the flow's `on-failure`, those inside them included. */
export function handlerPaths(flow: CompiledFlow): ReadonlySet<string> {
  const paths = new Set<string>();
  const visit = (steps: readonly CompiledStep[]): void => {
    for (const step of steps) {
      paths.add(step.path);
      visit(innerSteps(step));
    }
  };
  visit(flow.onFailure);
  return paths;
}

/** @param again the steps at which a retry begins again */
async function afterFailure(walk: Walk, context: RunContext, failure: StepFailed, again: readonly string[]): Promise<RunEnd> {
  const end = failedEnd(failure, again);
  if (failure.fatal || walk.flow.onFailure.length === 0) return end;
  try {
    await walkSteps(walk, walk.flow.onFailure, context.unbounded(), handled(failure));
    return end;
  } catch (error) {
    if (error instanceof StepFailed)
      return { ...end, reason: { ...end.reason, message: `${failure.message} Its on-failure failed too: ${error.message}` } };
    const { status, reason } = interrupted(error);
    return status === 'cancelled' ? { status, ...(reason && { reason }) } : end;
  }
}

function failedEnd(failure: StepFailed, failed: readonly string[]): RunEnd & { reason: RunReason } {
  const step = failure.steps[0];
  return {
    status: 'failed',
    reason: { message: failure.message, code: failure.code, ...(step !== undefined && { step }) },
    failed,
  };
}

function interrupted(error: unknown): RunEnd {
  if (!(error instanceof RunInterrupted) || error.why === 'sibling' || error.why === 'timed-out') throw error;
  return { status: error.why, reason: { message: error.message, ...(error.step !== undefined && { step: error.step }) } };
}

async function walkSteps(walk: Walk, steps: readonly CompiledStep[], context: RunContext, error: HandledError | undefined): Promise<void> {
  for (const step of steps) {
    context.proceed(step.path);
    try {
      await walkStep(walk, step, context, error);
    } catch (thrown) {
      const failure = asFailure(thrown, step.path);
      if (failure.fatal || step.onFailure === 'stop') throw failure;
      remember(walk, step, { outcome: 'failed', status: 'failed', code: failure.code, message: failure.message });
      if (step.onFailure !== 'continue') await walkSteps(walk, step.onFailure, context, handled(failure));
    }
  }
}

/** @returns the failure; whatever is not one goes on up */
function asFailure(thrown: unknown, path: string): StepFailed {
  if (thrown instanceof StepFailed) return thrown;
  if (isKassaflowError(thrown)) return new StepFailed(thrown.message, [path], thrown.code, thrown.code === 'runs.replay-diverged');
  throw thrown;
}

async function walkStep(walk: Walk, step: CompiledStep, context: RunContext, error: HandledError | undefined): Promise<void> {
  const plan = readPlan(step);
  const reads = plan === NOTHING ? NO_READS : await context.read(step.path, plan);
  const scope = scopeOf(walk, reads, error);
  if (step.verb !== 'branch' && step.condition && !holds(step.condition, scope)) return context.note({ kind: 'skip', step: step.path });
  switch (step.verb) {
    case 'do': {
      const input = step.with.evaluate(scope) as Readonly<Record<string, unknown>>; // the checker holds `with` of an action to a map
      const { path, action, via, retry, onUnknown, timeoutMs } = step;
      remember(walk, step, await context.step({ path, action, via, input, retry, onUnknown, timeoutMs }));
      return;
    }
    case 'branch': {
      const yes = step.condition ? holds(step.condition, scope) : true;
      context.note({ kind: 'chose', step: step.path, branch: yes ? 0 : 1 });
      return walkSteps(walk, yes ? step.then : step.else, context, error);
    }
    case 'choose': {
      const branch = step.branches.findIndex((candidate) => !candidate.if || holds(candidate.if, scope));
      context.note({ kind: 'chose', step: step.path, branch });
      return walkSteps(walk, step.branches[branch]?.then ?? [], context, error);
    }
    case 'parallel': {
      const branches = Object.values(step.branches).map(
        (steps): Branch =>
          (inner) =>
            walkSteps(walk, steps, inner, error),
      );
      return context.parallel(step.path, branches, step.whenOneFails);
    }
    case 'set': {
      const values = Object.fromEntries(Object.entries(step.values).map(([name, value]) => [name, value.evaluate(scope)]));
      context.note({ kind: 'set', step: step.path, values });
      walk.vars = { ...walk.vars, ...values };
      return;
    }
    case 'wait':
      return context.sleep(step.path, (now) => dueTime(step, scope, now, walk.flow.timeZone));
    case 'emit':
      return context.emit(step.path, step.event, (step.with.evaluate(scope) ?? {}) as Readonly<Record<string, unknown>>); // a map, as above
    case 'stop':
      throw new RunInterrupted('stopped', String(step.reason.evaluate(scope)), step.path);
    case 'fail':
      throw new StepFailed(String(step.reason.evaluate(scope)), [step.path], 'flow.failed-on-purpose');
  }
}

function scopeOf(walk: Walk, reads: Reads, error: HandledError | undefined): Scope {
  const scope: Record<string, unknown> = { event: walk.event, steps: walk.steps, vars: walk.vars, inputs: walk.inputs, run: walk.run };
  if (reads !== NO_READS) Object.assign(scope, reads.subjects, reads.now === undefined ? undefined : { now: reads.now });
  if (error) scope['error'] = error;
  return scope;
}

function holds(condition: Expression, scope: Scope): boolean {
  return condition.evaluate(scope) === true;
}

function remember(walk: Walk, step: CompiledStep, value: Readonly<Record<string, unknown>>): void {
  if (step.id !== undefined) walk.steps[step.id] = value;
}

function handled(failure: StepFailed): HandledError {
  return { step: failure.steps[0] ?? '', message: failure.message, code: failure.code };
}

/** The moment at which a wait is over; one that has passed already is over at once. */
function dueTime(step: Extract<CompiledStep, { verb: 'wait' }>, scope: Scope, now: Date, timeZone: string): Date {
  const due = step.until ? momentOf(step.until.evaluate(scope), step) : step.duration ? after(now, step.duration, timeZone) : now;
  return step.at ? atClockTime(due, step.at.hour, step.at.minute, timeZone) : due;
}

function momentOf(value: unknown, step: CompiledStep): Date {
  const moment = new Date(typeof value === 'string' || typeof value === 'number' ? value : Number.NaN);
  if (Number.isNaN(moment.getTime())) {
    throw new StepFailed(
      `The wait in line ${step.place.line} needs a moment such as 2026-11-21T10:00:00Z.`,
      [step.path],
      'step.not-a-moment',
    );
  }
  return moment;
}

function describeRun(facts: RunFacts, flow: CompiledFlow, publicUrl: string): Readonly<Record<string, unknown>> {
  const id = idOf('run', facts.id);
  const { event } = facts;
  const run = { id, flow: flow.name, url: `${publicUrl}/v1/runs/${id}` };
  return event ? { ...run, event: { id: idOf('evt', event.id), type: event.type, time: event.occurredAt.toISOString() } } : run;
}

function innerSteps(step: CompiledStep): readonly CompiledStep[] {
  const handlers = typeof step.onFailure === 'string' ? [] : step.onFailure;
  if (step.verb === 'branch') return [...step.then, ...step.else, ...handlers];
  if (step.verb === 'choose') return [...step.branches.flatMap((branch) => branch.then), ...handlers];
  if (step.verb === 'parallel') return [...Object.values(step.branches).flat(), ...handlers];
  return handlers;
}
