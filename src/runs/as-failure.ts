import { isKassaflowError } from '../kernel/errors.ts';
import { StepFailed } from './run-context.ts';

/** The failure of the step at `path` that was thrown. @throws what is none: interruptions, and defects of the program */
export function asFailure(thrown: unknown, path: string): StepFailed {
  if (thrown instanceof StepFailed) return thrown;
  if (isKassaflowError(thrown)) return new StepFailed(thrown.message, [path], thrown.code, thrown.code === 'runs.replay-diverged');
  throw thrown;
}
