/** What a person's command becomes in the journal of a run that was just loaded and has not begun. */
import type { LiveRun } from './live-run.ts';
import type { RunCommand } from './run-engine.ts';

/** Who wants it, why (may be empty), and when, in milliseconds since 1970. */
export interface CommandOrigin {
  readonly by: string;
  readonly why: string;
  readonly at: number;
}

/**
 * Tells the run. `move` is not for here: a run that is moved is loaded anew.
 * @returns the code of the error when the command makes no sense for the run as it stands; then nothing was told
 */
export function tellCommand(run: LiveRun, command: Exclude<RunCommand, { kind: 'move' }>, origin: CommandOrigin): string | undefined {
  const { by, at } = origin;
  const who = { by, ...(origin.why !== '' && { why: origin.why }) };
  switch (command.kind) {
    case 'cancel':
      run.tell({ kind: 'cancel', at, ...who, ...(command.undo === true && { undo: true }) });
      return undefined;
    case 'retry':
      if (!run.history?.end && !run.history?.aside) return 'runs.not-failed';
      run.tell({ kind: 'retry', at, ...who });
      return undefined;
    case 'resolve':
      return tellResolution(run, command, at, who);
    case 'skip': {
      const step = stepOf(command.step, standing(run));
      if (step === undefined) return 'runs.no-such-step';
      run.tell({ kind: 'skipped', step, at, ...who, ...(command.output && { output: command.output }) });
      return undefined;
    }
    case 'resume': {
      const step = stepOf(command.step, sleeping(run));
      if (step === undefined) return 'runs.no-wait';
      run.tell({ kind: 'woke', step, at, ...who });
      return undefined;
    }
    case 'edit': {
      const step = stepOf(command.step, calling(run));
      const state = step === undefined ? undefined : run.history?.peek(step);
      if (step === undefined || state?.action === undefined) return 'runs.no-such-step';
      const { action, connection, plugin } = state;
      const via = { ...(connection !== undefined && { connection }), ...(plugin !== undefined && { plugin }) };
      run.tell({ kind: 'edited', step, at, ...who, action, ...via, input: command.input });
      return undefined;
    }
  }
}

function tellResolution(
  run: LiveRun,
  command: Extract<RunCommand, { kind: 'resolve' }>,
  at: number,
  who: { readonly by: string; readonly why?: string },
): string | undefined {
  const step = stepOf(command.step, run.needing);
  const state = step === undefined ? undefined : run.history?.peek(step);
  if (step === undefined || state?.attention === undefined) return 'runs.no-attention';
  if (state.sleepUntil !== undefined) run.tell({ kind: 'woke', step, at, ...who });
  // A refused connection did nothing for certain: there is nothing to decide, only to try again.
  if (state.attention === 'unknown-outcome') run.tell({ kind: 'resolved', step, at, ...who, resolution: command.resolution });
  return undefined;
}

/** The step that is named, if it is one of these; the only one, when none is named. */
function stepOf(named: string | undefined, steps: readonly string[]): string | undefined {
  if (named !== undefined) return steps.includes(named) ? named : undefined;
  return steps.length === 1 ? steps[0] : undefined;
}

/** Steps at which the run stands: those that failed, and those that rest. */
function standing({ history }: LiveRun): readonly string[] {
  return [...new Set([...(history?.end?.failed ?? []), ...(history?.resting ?? [])])];
}

/** Steps that wait for a moment or for something from outside; one that needs a decision of a person is none of them. */
function sleeping({ history }: LiveRun): readonly string[] {
  return (history?.resting ?? []).filter((step) => history?.peek(step)?.attention !== 'unknown-outcome');
}

/** Steps that stand and call an action. One whose outcome is unknown is resolved first: another input would hide what it did. */
function calling(run: LiveRun): readonly string[] {
  return standing(run).filter((step) => {
    const state = run.history?.peek(step);
    return state?.action !== undefined && state.attention !== 'unknown-outcome' && !state.open;
  });
}
