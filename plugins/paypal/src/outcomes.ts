import { declined, failed, unknown, type Failed, type Outcome } from '@kassaflow/plugin-sdk';
import { RATE_LIMIT_WAIT_MS } from './assumptions.ts';
import { REFUSALS } from './declines.ts';

/** What a call does to the world: after a `read` that broke, nothing can have happened. */
export type Manner = 'read' | 'write';

/** PayPal's error body (https://developer.paypal.com/api/rest/responses/). */
interface Problem {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly debug_id?: unknown;
  readonly details?: unknown;
  /** OAuth's own form. */
  readonly error?: unknown;
}

interface Detail {
  readonly field?: unknown;
  readonly issue?: unknown;
  readonly description?: unknown;
}

/** The end of PayPal's JSON pointer → the field of ours that it came from. */
const FIELDS: readonly (readonly [ending: string, field: string])[] = [
  ['/amount/value', 'amount'],
  ['/amount/currency_code', 'amount'],
  ['/amount', 'amount'],
  ['/description', 'description'],
  ['/return_url', 'returnUrl'],
  ['/cancel_url', 'cancelUrl'],
  ['/email_address', 'customer'],
  ['/vault_id', 'mandate'],
  ['/custom_id', 'reference'],
  ['/note_to_payer', 'reason'],
];

/** A connection that never opened proves that nothing was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** What an answer that is not 2xx means. Anything that leaves room for doubt after a write is `unknown`. */
export function outcomeOfAnswer(status: number, body: unknown, manner: Manner, retryAfter: string | null): Outcome<never> {
  const problem: Problem = typeof body === 'object' && body !== null ? body : {};
  const detail = firstDetail(problem.details);
  const code = text(detail?.issue) ?? text(problem.name) ?? text(problem.error) ?? `HTTP_${status}`;
  const trace = text(problem.debug_id) === undefined ? '' : ` (debug id ${text(problem.debug_id)})`;
  const message = `PayPal refused: ${text(detail?.description) ?? text(problem.message) ?? code}${trace}`.slice(0, 900);
  if (status === 401)
    return failed('auth', `PayPal does not accept the client ID and secret of this connection${trace}.`, { code, field: 'clientSecret' });
  if (status === 403 || code === 'NOT_AUTHORIZED') return failed('auth', `PayPal does not let this app do that${trace}.`, { code });
  if (status === 429) return failed('rate-limited', 'PayPal asks to slow down.', { code, retryAfterMs: waitOf(retryAfter) });
  if (status >= 500 || status < 400) return doubt(manner, `PayPal answered ${status}${trace}.`);
  const refusal = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  if (refusal === undefined) {
    const field = fieldOf(detail?.field);
    return field === undefined || status === 404 ? failed('permanent', message, { code }) : failed('input', message, { code, field });
  }
  if ('declined' in refusal) return declined(refusal.declined, `PayPal declined the payment (${code})${trace}.`);
  if (refusal.reason === 'doubt') return doubt(manner, `PayPal is still busy with an earlier attempt (${code})${trace}.`);
  return failed(refusal.reason, message, { code, ...('field' in refusal ? { field: refusal.field } : {}) });
}

/** What it means that `fetch` rejected. */
export function outcomeOfBreak(error: unknown, manner: Manner): Outcome<never> {
  const code = codeOf(error) ?? (typeof error === 'object' && error !== null && 'cause' in error ? codeOf(error.cause) : undefined);
  if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach PayPal.', { code });
  if (code !== undefined && NEVER_SENT.has(code)) return failed('temporary', 'PayPal cannot be reached.', { code });
  return doubt(manner, 'The connection to PayPal broke, or the time was over, before it answered.');
}

/** After a read nothing can have happened; after a write nobody knows. */
export function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

/** PayPal's `issue` or error name of an outcome that is not `ok`, where there is one. */
export function codeOfOutcome(outcome: Outcome<unknown>): string | undefined {
  return outcome.kind === 'failed' ? outcome.code : undefined;
}

/** True when PayPal says that there is no such thing. */
export function isMissing(outcome: Outcome<unknown>): outcome is Failed {
  const code = codeOfOutcome(outcome);
  return code === 'RESOURCE_NOT_FOUND' || code === 'INVALID_RESOURCE_ID';
}

function firstDetail(details: unknown): Detail | undefined {
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  return typeof first === 'object' && first !== null ? first : undefined;
}

function fieldOf(pointer: unknown): string | undefined {
  return typeof pointer === 'string' ? FIELDS.find(([ending]) => pointer.endsWith(ending))?.[1] : undefined;
}

function waitOf(retryAfter: string | null): number {
  const seconds = Number(retryAfter);
  return retryAfter !== null && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : RATE_LIMIT_WAIT_MS;
}

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
