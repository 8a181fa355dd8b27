import { failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import { RATE_LIMIT_WAIT_MS } from './wire.ts';

/** What a call does to the world: after a `read` that broke, nothing can have happened. */
export type Manner = 'read' | 'write';

/** A connection that never opened proves that nothing was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** What an answer that is not 2xx means; the body is `{"errorDomain":"…","errorCode":…,"message":"…"}`. */
export function outcomeOfAnswer(status: number, body: unknown, manner: Manner, retryAfter: string | null): Outcome<never> {
  const { errorDomain: domain, errorCode: number, message: told } = (body ?? {}) as Readonly<Record<string, unknown>>; // checked below
  const code = [domain, number].filter((part) => typeof part === 'string' || typeof part === 'number').join('.') || `HTTP_${status}`;
  if (status === 401)
    return failed('auth', 'Softpay does not accept the client ID and secret of this connection.', { code, field: 'clientSecret' });
  if (status === 403)
    return failed('auth', 'Softpay does not let these credentials do that for this merchant.', { code, field: 'merchant' });
  if (status === 429) return failed('rate-limited', 'Softpay asks to slow down.', { code, retryAfterMs: waitOf(retryAfter) });
  if (status >= 500 || status < 400) return doubt(manner, `Softpay answered ${status}.`);
  return failed('permanent', `Softpay refused: ${typeof told === 'string' ? told.slice(0, 500) : code}`, { code });
}

/** What it means that `fetch` rejected. */
export function outcomeOfBreak(error: unknown, manner: Manner): Outcome<never> {
  const code = codeOf(error) ?? (typeof error === 'object' && error !== null && 'cause' in error ? codeOf(error.cause) : undefined);
  if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach Softpay.', { code });
  if (code !== undefined && NEVER_SENT.has(code)) return failed('temporary', 'Softpay cannot be reached.', { code });
  return doubt(manner, 'The connection to Softpay broke, or the time was over, before it answered.');
}

/** After a read nothing can have happened; after a write nobody knows. */
export function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

function waitOf(retryAfter: string | null): number {
  const seconds = Number(retryAfter);
  return retryAfter !== null && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : RATE_LIMIT_WAIT_MS;
}

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
