/**
 * Walks a compiled flow over a {@link RunContext}. It knows no backend and keeps nothing that the context could not give it
 * again: run over the same journal it takes the same way.
 */
import type { CompiledFlow, CompiledStep, Scope } from '../flows/language/compiled-flow.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { asFailure } from './as-failure.ts';
import { NOTHING, readPlan } from './read-plan.ts';
import type { FinalStatus, RunReason } from './run.ts';
import { RunInterrupted, StepFailed, StepSkipped, type RunContext } from './run-context.ts';
import { beginning, holds, NO_READS, pathOf, remember, scopeOf, type HandledError, type Here } from './walk.ts';
import { walkForEach, walkParallel, walkRepeat } from './walk-loops.ts';
import { takeBack } from './walk-undo.ts';
import { walkAsk, walkRun, walkWait, walkWaitFor, watchForStop } from './walk-waits.ts';

/** How a run ended. */
export interface RunEnd {
  readonly status: FinalStatus;
  readonly reason?: RunReason;
  /** For a failure: the steps at which a retry begins again. */
  readonly failed?: readonly string[];
}

/**
 * Runs `flow` to its end. Rejects only for a defect of the program; every failure of a step is an end.
 *
 * @param publicUrl where people see runs, for `run.url`
 */
export async function interpret(flow: CompiledFlow, context: RunContext, publicUrl: string): Promise<RunEnd> {
  const here = beginning(flow, context, publicUrl);
  try {
    if (flow.stopOn.length > 0) await watchForStop(here);
    await walkSteps(here, flow.steps);
    return { status: 'completed' };
  } catch (thrown) {
    if (thrown instanceof RunInterrupted) return afterInterruption(here, thrown);
    const failure = asFailure(thrown, '');
    return afterFailure(here, failure, failure.steps);
  }
}

async function afterInterruption(here: Here, interruption: RunInterrupted): Promise<RunEnd> {
  const { why, message, step } = interruption;
  // Nothing has failed: a retry goes on where the run stood, under the same keys.
  if (why === 'timed-out') return afterFailure(here, new StepFailed(message, step === undefined ? [] : [step], 'run.timed-out'), []);
  const end = interrupted(interruption);
  if (why !== 'cancelled' || !interruption.undo) return end;
  return cleanUp(here, { step: step ?? '', message, code: 'run.cancelled' }, end);
}

/** @param again the steps at which a retry begins again */
function afterFailure(here: Here, failure: StepFailed, again: readonly string[]): Promise<RunEnd> | RunEnd {
  const end = failedEnd(failure, again);
  return failure.fatal ? end : cleanUp(here, handled(failure), end);
}

/** Takes back what can be taken back, and runs the flow's `on-failure`. Neither changes how the run ends, but a person who cancels it does. */
async function cleanUp(here: Here, error: HandledError, end: RunEnd): Promise<RunEnd> {
  const { setting } = here;
  if (setting.undoable.length === 0 && setting.flow.onFailure.length === 0) return end;
  const there: Here = { ...here, context: here.context.handler(), error };
  const problems: string[] = [];
  try {
    problems.push(...(await takeBack(there, error, walkSteps)));
    await walkSteps(there, setting.flow.onFailure);
  } catch (thrown) {
    if (thrown instanceof RunInterrupted) {
      const { status, reason } = interrupted(thrown);
      if (status === 'cancelled') return { status, ...(reason && { reason }) };
    } else {
      const failure = asFailure(thrown, '');
      if (failure.fatal) return failedEnd(failure, failure.steps);
      problems.push(`Its on-failure failed too: ${failure.message}`);
    }
  }
  return problems.length === 0 ? end : { ...end, reason: { ...end.reason, message: [end.reason?.message, ...problems].join(' ') } };
}

function failedEnd(failure: StepFailed, failed: readonly string[]): RunEnd {
  const step = failure.steps[0];
  return {
    status: 'failed',
    reason: { message: failure.message, code: failure.code, ...(step !== undefined && { step }) },
    failed,
  };
}

function interrupted(error: RunInterrupted): RunEnd {
  if (error.why === 'sibling' || error.why === 'timed-out') throw error;
  return { status: error.why, reason: { message: error.message, ...(error.step !== undefined && { step: error.step }) } };
}

async function walkSteps(here: Here, steps: readonly CompiledStep[]): Promise<void> {
  for (const step of steps) {
    const path = pathOf(here, step);
    here.context.proceed(path);
    const given = here.context.skipped(path);
    if (given) remember(here, step, skippedValue(given));
    else await walkOrHandle(here, step, path);
  }
}

async function walkOrHandle(here: Here, step: CompiledStep, path: string): Promise<void> {
  try {
    const isDone = await walkStep(here, step, path);
    if (isDone && step.undo) here.setting.undoable.push({ here, step, path, order: here.context.done(path) });
  } catch (thrown) {
    if (thrown instanceof StepSkipped && thrown.path === path) return remember(here, step, skippedValue(here.context.skipped(path) ?? {}));
    if (isOwnEnd(thrown, step, path)) here.context.left(path);
    const failure = asFailure(thrown, path);
    if (failure.fatal || step.onFailure === 'stop') throw failure;
    remember(here, step, { outcome: 'failed', status: 'failed', code: failure.code, message: failure.message });
    if (step.onFailure !== 'continue') await walkSteps({ ...here, error: handled(failure) }, step.onFailure);
  }
}

/** @returns false when there is nothing that could be taken back: its condition kept it from beginning, or its action was declined */
async function walkStep(here: Here, step: CompiledStep, path: string): Promise<boolean> {
  const plan = readPlan(step);
  const reads = plan === NOTHING ? NO_READS : await here.context.read(path, plan);
  const scope = scopeOf(here, reads);
  if (step.verb !== 'branch' && step.condition && !holds(step.condition, scope)) {
    here.context.note({ kind: 'skip', step: path });
    return false;
  }
  if (step.verb === 'do') return walkAction(here, step, path, scope);
  if (step.timeoutMs === undefined) await walkVerb(here, step, path, scope);
  else await here.context.within(path, step.timeoutMs, (context) => walkVerb({ ...here, context }, step, path, scope));
  return true;
}

type Action = Extract<CompiledStep, { verb: 'do' }>;

/** Its time-out bounds one attempt, and the call sees to that. @returns false when it was declined */
async function walkAction(here: Here, step: Action, path: string, scope: Scope): Promise<boolean> {
  const input = step.with.evaluate(scope) as Readonly<Record<string, unknown>>; // the checker holds `with` of an action to a map
  const { action, via, retry, onUnknown, timeoutMs } = step;
  const value = await here.context.step({ path, action, via, input, retry, onUnknown, timeoutMs });
  remember(here, step, value);
  return value.outcome !== 'declined';
}

async function walkVerb(here: Here, step: Exclude<CompiledStep, Action>, path: string, scope: Scope): Promise<void> {
  const { context } = here;
  switch (step.verb) {
    case 'branch': {
      const yes = step.condition ? holds(step.condition, scope) : true;
      context.note({ kind: 'chose', step: path, branch: yes ? 0 : 1 });
      return walkSteps(here, yes ? step.then : step.else);
    }
    case 'choose': {
      const branch = step.branches.findIndex((candidate) => !candidate.if || holds(candidate.if, scope));
      context.note({ kind: 'chose', step: path, branch });
      return walkSteps(here, step.branches[branch]?.then ?? []);
    }
    case 'parallel':
      return walkParallel(here, step, walkSteps);
    case 'repeat':
      return walkRepeat(here, step, walkSteps);
    case 'for-each':
      return walkForEach(here, step, step.list.evaluate(scope), walkSteps);
    case 'set': {
      const values = Object.fromEntries(Object.entries(step.values).map(([name, value]) => [name, value.evaluate(scope)]));
      context.note({ kind: 'set', step: path, values });
      here.values.vars = { ...here.values.vars, ...values };
      return;
    }
    case 'wait':
      return walkWait(here, step, scope);
    case 'wait-for':
      return walkWaitFor(here, step, scope, walkSteps);
    case 'ask':
      return walkAsk(here, step, scope, walkSteps);
    case 'run':
      return walkRun(here, step, scope);
    case 'emit':
      return context.emit(path, step.event, (step.with.evaluate(scope) ?? {}) as Readonly<Record<string, unknown>>); // a map, as above
    case 'stop':
      throw new RunInterrupted('stopped', String(step.reason.evaluate(scope)), path);
    case 'fail':
      throw new StepFailed(String(step.reason.evaluate(scope)), [path], 'flow.failed-on-purpose');
  }
}

/** Tells whether the step itself ended so, and not one inside it nor what interrupted it. */
function isOwnEnd(thrown: unknown, { verb }: CompiledStep, path: string): boolean {
  if (thrown instanceof RunInterrupted) return thrown.why === 'stopped' && thrown.step === path;
  // What became of a call is recorded.
  if (thrown instanceof StepFailed) return verb !== 'do' && thrown.steps[0] === path;
  return isKassaflowError(thrown) && !isKassaflowError(thrown, 'runs.replay-diverged');
}

/** What later steps read of a step that a person skipped. */
function skippedValue(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { ...given, outcome: 'skipped', status: 'skipped' };
}

function handled(failure: StepFailed): HandledError {
  return { step: failure.steps[0] ?? '', message: failure.message, code: failure.code };
}
