/** Errors of expressions with the place in their text, translated from the CEL library's own. */
import { EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { isKassaflowError, type KassaflowError } from '../../../kernel/errors.ts';
import { expressionErrors, type ExpressionErrorName } from './errors.ts';

/** Offsets in the expression's text, from 0. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const ranges = new WeakMap<KassaflowError, Range>();

/** Remembers where in the expression `error` arose. */
export function located(error: KassaflowError, start: number, end: number): KassaflowError {
  ranges.set(error, { start, end });
  return error;
}

/** Where in the expression `error` arose; absent when it concerns the whole. */
export function rangeOf(error: KassaflowError): Range | undefined {
  return ranges.get(error);
}

const BY_CODE: Readonly<Record<string, ExpressionErrorName>> = {
  unknown_variable: 'unknown-name',
  no_such_key: 'unknown-field',
  no_such_overload: 'type',
  no_matching_overload: 'type',
  division_by_zero: 'division-by-zero',
  modulo_by_zero: 'division-by-zero',
  numeric_overflow: 'overflow',
  invalid_condition_type: 'not-boolean',
  invalid_logical_operand: 'not-boolean',
  exceeded_max_depth: 'depth',
  exceeded_max_ast_nodes: 'depth',
};

/** Our error for whatever the library threw. Values of the scope never go into the message, only names and kinds. */
export function translated(error: unknown, source: string): KassaflowError {
  if (isKassaflowError(error)) return error;
  if (isKassaflowError(error instanceof Error ? error.cause : undefined)) return (error as Error).cause as KassaflowError; // both tested on the line before
  if (!(error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError)) {
    return expressionErrors.value({ expression: source.slice(0, 80) }, { cause: error });
  }
  const limit = /^Exceeded max/i.test(error.summary ?? '') || error.code.includes('limit') || error.code.includes('max');
  const name = limit ? 'depth' : (BY_CODE[error.code] ?? (error instanceof ParseError ? 'syntax' : 'value'));
  const { start, end } = error.range ?? { start: 0, end: source.length };
  const found = source.slice(start, Math.min(end, start + 60));
  const unknownFunction =
    name === 'type' && /^found no matching overload for '_?\w+\(/.test(error.summary) && error.code === 'no_matching_overload';
  const facts = name === 'type' ? { found, problem: error.summary.replace(/^.*overload: /, '').slice(0, 120) } : { found };
  return located(expressionErrors[unknownFunction ? 'type' : name](facts, { cause: error }), start, end);
}
