import { failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import { AmountError } from './amounts.ts';
import type { Identity, Manner } from './client.ts';
import { IdError } from './ids.ts';
import { RETRY_AFTER_MS } from './unverified.ts';
import { ServerBroke, type Wire } from './wire.ts';

/** Mollie's fields and the field of ours that they came from. */
const FIELDS: Readonly<Record<string, string>> = {
  amount: 'amount',
  'amount.currency': 'amount',
  'amount.value': 'amount',
  cancelUrl: 'cancelUrl',
  captureMode: 'capture',
  cardToken: 'token',
  customerId: 'customer',
  description: 'description',
  dueDate: 'expiresAt',
  email: 'customer',
  locale: 'customer',
  mandateId: 'mandate',
  metadata: 'metadata',
  method: 'methods',
  redirectUrl: 'returnUrl',
  terminalId: 'device',
  webhookUrl: 'webhookUrl',
};

/** A connection that never opened proves that nothing was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** A refusal in Mollie's words: what the library makes of `{status, title, detail, field}`. */
export interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly field?: string;
}

/** What the library threw, when it is Mollie's refusal and not a break of its own. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || error.name !== 'ApiError' || !('statusCode' in error) || typeof error.statusCode !== 'number')
    return undefined;
  const title = 'title' in error && typeof error.title === 'string' ? error.title : 'Refused';
  const field = 'field' in error && typeof error.field === 'string' ? { field: error.field } : {};
  return { status: error.statusCode, title, detail: error.message, ...field };
}

/** What an error means. Anything that leaves room for doubt after a write is `unknown`. */
export function outcomeOf(
  error: unknown,
  manner: Manner,
  wire: Pick<Wire, 'status' | 'headers' | 'errorCode' | 'begun'>,
  identity: Identity,
): Outcome<never> {
  if (error instanceof AmountError) return failed('input', error.message, { field: 'amount' });
  if (error instanceof IdError) return failed('permanent', error.message, { code: '404' });
  if (error instanceof ServerBroke) {
    if (manner === 'refund' && error.status === 503 && error.isMollies)
      return failed('temporary', 'Mollie is busy with another refund.', { code: '503' });
    return doubt(manner, error.message);
  }
  const refusal = refusalOf(error);
  if (refusal) return outcomeOfRefusal(refusal, manner, identity, wire.headers['retry-after']);
  const { status, errorCode } = wire;
  if (status === 429) return slowDown(wire.headers['retry-after']);
  // Somebody before Mollie said no in words that are not Mollie's: a wall, a proxy. Nothing was carried out.
  if (status !== undefined && status >= 400)
    return failed('temporary', `Something before Mollie answered ${status}.`, { code: String(status) });
  if (status !== undefined) return doubt(manner, 'Mollie’s answer could not be read.');
  if (errorCode !== undefined && NEVER_SENT.has(errorCode)) return failed('temporary', 'Mollie cannot be reached.', { code: errorCode });
  if (wire.begun === 0) return failed('temporary', 'Nothing was sent to Mollie.');
  return doubt(manner, 'The connection to Mollie broke before it answered.');
}

/** Mollie's refusals by status (https://docs.mollie.com/reference/handling-errors). */
export function outcomeOfRefusal(
  { status, title, detail, field }: Refusal,
  manner: Manner,
  identity: Identity,
  retryAfter: string | undefined,
): Outcome<never> {
  const code = String(status);
  if (status === 401 || status === 403) return refusedCredentials(code, identity);
  if (status === 429) return slowDown(retryAfter);
  // The first request under this key is still being carried out somewhere, and its end is not known yet.
  if (status === 409) return doubt(manner, 'Mollie is still busy with an earlier attempt of this call.');
  const message = `${title}: ${detail}`;
  const ours = status === 422 && field !== undefined ? FIELDS[field] : undefined;
  return ours === undefined ? failed('permanent', message, { code }) : failed('input', message, { code, field: ours });
}

/** Nothing happened after a read; after anything else nobody knows. */
export function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

/** A refused organisation token is no reason to pause payments, which do not need it: it is told, and not `auth`. */
function refusedCredentials(code: string, identity: Identity): Outcome<never> {
  return identity === 'profile'
    ? failed('auth', 'Mollie refuses this key for this call.', { code, field: 'apiKey' })
    : failed('permanent', 'Mollie refuses this organisation token for this call.', { code, field: 'organizationToken' });
}

function slowDown(retryAfter: string | undefined): Outcome<never> {
  const seconds = Number(retryAfter);
  return failed('rate-limited', 'Mollie asks to slow down.', {
    code: '429',
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : RETRY_AFTER_MS,
  });
}
