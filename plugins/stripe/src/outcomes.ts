import { declined, failed, unknown, type FailureReason, type Outcome } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { AmountError } from './amounts.ts';
import type { Manner } from './client.ts';
import { failureOf } from './declines.ts';
import { RETRY_AFTER_MS } from './unverified.ts';

/** Stripe's parameters and the field of ours that they came from. */
const FIELDS: Readonly<Record<string, string>> = {
  amount: 'amount',
  amount_to_capture: 'amount',
  currency: 'amount',
  'line_items[0][price_data][unit_amount]': 'amount',
  'line_items[0][price_data][currency]': 'amount',
  'line_items[0][price_data][product_data][name]': 'description',
  success_url: 'returnUrl',
  cancel_url: 'cancelUrl',
  customer: 'customer',
  customer_email: 'customer',
  email: 'customer',
  description: 'description',
  expires_at: 'expiresAt',
  confirmation_token: 'token',
  allowed_payment_method_types: 'methods',
  'payment_method_options[sepa_debit][target_date]': 'dueOn',
};

/** Error codes that need another word than their HTTP status gives. */
const CODES: Readonly<Record<string, FailureReason>> = {
  amount_too_small: 'input',
  amount_too_large: 'input',
  lock_timeout: 'temporary',
  api_key_expired: 'auth',
  platform_api_key_expired: 'auth',
};

/** Refusals that say: nobody may charge this way of paying any more. */
const MANDATE_GONE: ReadonlySet<string> = new Set(['payment_intent_mandate_invalid', 'payment_method_unexpected_state']);

/** A connection that never opened proves that nothing was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/**
 * What an error of the library means. Anything that leaves room for doubt after a `write` is `unknown`.
 *
 * @param begun how many requests left: the library asks a second time when a connection closes under it
 */
export function outcomeOf(error: unknown, manner: Manner, library: typeof Stripe, begun: number): Outcome<never> {
  const { errors } = library;
  if (error instanceof AmountError) return failed('input', error.message, { field: 'amount' });
  if (!(error instanceof errors.StripeError)) return doubt(manner, 'Stripe’s library broke off without an answer.');
  if (error instanceof errors.StripeConnectionError) return outcomeOfBreak(error, manner, begun);

  // The library's own name of an error stands in for a code where Stripe gives none; of this one we need Stripe's word.
  const code = error.code ?? (error instanceof errors.StripeIdempotencyError ? 'idempotency_error' : error.type);
  const message = error.message;
  if (error instanceof errors.StripeCardError) return outcomeOfDecline(error);
  if (error instanceof errors.StripeAuthenticationError || error instanceof errors.StripePermissionError)
    return failed('auth', 'Stripe refuses this key for this call.', { code, field: 'secretKey' });
  // The first request under this key is still being carried out somewhere, and its end is not known yet.
  if (code === 'idempotency_key_in_use') return doubt(manner, 'Stripe is still busy with an earlier attempt of this call.');
  if (error instanceof errors.StripeRateLimitError && code !== 'lock_timeout')
    return failed('rate-limited', 'Stripe asks to slow down.', { code, retryAfterMs: retryAfterMs(error.headers) });
  if (error.statusCode !== undefined && error.statusCode >= 500)
    return doubt(manner, `Stripe answered ${error.statusCode}${error.requestId ? ` (request ${error.requestId})` : ''}.`);
  if (error instanceof errors.StripeInvalidRequestError && error.statusCode === 400) return outcomeOfRequest(error.param, code, message);
  if (error.statusCode === undefined || error.statusCode < 400) return doubt(manner, 'Stripe’s answer could not be read.');
  return failed(CODES[code] ?? (error.statusCode === 409 ? 'temporary' : 'permanent'), message, { code });
}

/** Rejects when the signal fires: the library has no way to be told. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(new Error('The call was aborted'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function outcomeOfDecline(error: InstanceType<typeof Stripe.errors.StripeCardError>): Outcome<never> {
  const { reason } = failureOf(error);
  return declined(reason, `The bank declined the payment (${error.decline_code ?? error.code ?? 'no code'}).`);
}

function outcomeOfRequest(param: string | undefined, code: string, message: string): Outcome<never> {
  if (MANDATE_GONE.has(code)) return declined('mandate-revoked', 'Stripe has no valid permission any more to charge this way of paying.');
  const field = param === undefined ? undefined : FIELDS[param];
  if (field !== undefined) return failed('input', message, { code, field });
  return failed(CODES[code] ?? 'permanent', message, { code });
}

function outcomeOfBreak(error: InstanceType<typeof Stripe.errors.StripeConnectionError>, manner: Manner, begun: number): Outcome<never> {
  const cause: unknown = error.detail;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach Stripe.', { code });
  if (code !== undefined && NEVER_SENT.has(code) && begun <= 1) return failed('temporary', 'Stripe cannot be reached.', { code });
  return doubt(manner, 'The connection to Stripe broke before it answered.');
}

function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

function retryAfterMs(headers: Readonly<Record<string, string>> | undefined): number {
  const seconds = Number(headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : RETRY_AFTER_MS;
}
