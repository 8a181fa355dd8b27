import { isKassaflowError } from '../kernel/errors.ts';
import { StepFailed } from './run-context.ts';
import type { RunReason } from './run.ts';

/** Why a run ended by an error that is no failure of a step: ours speak for themselves, of a defect nothing is told to a person. */
export function reasonOf(error: unknown): RunReason {
  const known = error instanceof StepFailed || (isKassaflowError(error) && error.code.startsWith('runs.'));
  return known
    ? { message: error.message, code: error.code }
    : { message: 'Something went wrong inside Kassaflow.', code: 'internal.unexpected' };
}
