/** RFC 9457 problem details: the one form in which anything goes wrong over HTTP. */
import { isKassaflowError, KassaflowError, type FieldProblem } from '../../kernel/errors.ts';
import { internalErrors } from './request-errors.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** The body of every answer of 400 and above. */
export interface Problem {
  /** `urn:kassaflow:error:<code>`; the code alone is in `code`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  /** The title with the particulars of this case. */
  readonly detail: string;
  /** Everything found wrong with the input, at most 20. */
  readonly errors?: readonly FieldProblem[];
  readonly help?: string;
  /** The same as in the header `X-Request-Id` and in the log. */
  readonly requestId: string;
  /** The trace that the request belongs to: the caller's, when it named one in `traceparent`. */
  readonly traceId?: string;
}

/** Describes `error` for a caller. Anything that is not ours becomes `internal.unexpected`, without a word about the cause. */
export function problemOf(error: unknown, requestId: string, traceId?: string): Problem {
  const known = isKassaflowError(error) ? error : internalErrors.unexpected();
  const hidden = known.spec.status >= 500 && known.code.startsWith('internal.');
  return {
    type: `urn:kassaflow:error:${known.code}`,
    title: known.spec.title,
    status: known.spec.status,
    code: known.code,
    detail: hidden ? known.spec.title : known.message,
    ...(known.problems.length > 0 && { errors: known.problems }),
    ...(known.spec.help !== undefined && { help: known.spec.help }),
    requestId,
    ...(traceId !== undefined && { traceId }),
  };
}

/** Headers that belong to `error`. */
export function problemHeaders(error: KassaflowError): Record<string, string> {
  return {
    ...(error.retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))) }),
    ...(error.spec.status === 401 && { 'www-authenticate': 'Bearer realm="kassaflow"' }),
  };
}
