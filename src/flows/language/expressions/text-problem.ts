import type { Facts } from '../diagnostic.ts';
import type { DiagnosticCode } from '../diagnostics.ts';

/** A problem at `start` to `end` of the expression's text. */
export interface TextProblem {
  readonly code: DiagnosticCode;
  readonly start: number;
  readonly end: number;
  readonly facts?: Facts;
  readonly help?: string;
}
