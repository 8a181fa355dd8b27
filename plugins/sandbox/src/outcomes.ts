import { declined, failed, unknown, type FailureReason, type Outcome } from '@kassaflow/plugin-sdk';

/** What the sandbox's error codes mean for a step. A code that is not listed is permanent: it did not happen, and will not. */
const REASONS: Readonly<Record<string, FailureReason>> = {
  key_refused: 'auth',
  field_missing: 'input',
  field_invalid: 'input',
  field_unknown: 'input',
  unbalanced: 'input',
  amount_too_large: 'input',
};

/** An answer other than 2xx. */
export function outcomeOfAnswer(status: number, headers: Headers, body: unknown): Outcome<never> {
  const { code, message, field } = readError(body);
  if (status === 429) return failed('rate-limited', message, { code, retryAfterMs: Number(headers.get('retry-after') ?? 1) * 1000 });
  if (status >= 500) return unknown(`The sandbox answered ${status} and did not say whether it carried the request out.`);
  if (code === 'opted_out') return declined('opted-out', message);
  return failed(REASONS[code] ?? 'permanent', message, { code, ...(field === undefined ? {} : { field }) });
}

/** No answer, or half of one. Only a connection that never opened proves that nothing happened. */
export function outcomeOfBreak(error: unknown): Outcome<never> {
  const code = codeOf(error);
  if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach the sandbox.', { code });
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND') return failed('temporary', 'The sandbox cannot be reached.', { code });
  return unknown('The connection to the sandbox broke before it answered.');
}

function readError(body: unknown): { code: string; message: string; field?: string } {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  const { code, message, field } = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  return {
    code: typeof code === 'string' ? code : 'unreadable',
    message: typeof message === 'string' ? message : 'The sandbox refused without a reason.',
    ...(typeof field === 'string' ? { field } : {}),
  };
}

/** The system's code of a broken connection; `fetch` hides it one level down. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : undefined;
}
