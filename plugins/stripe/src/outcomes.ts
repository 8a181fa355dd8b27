import {
  declined,
  failed,
  unknown,
  type DeclineReason,
  type Failed,
  type FailureReason,
  type Outcome,
  type PaymentFailure,
} from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import type { Manner } from './client.ts';

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
  customer_email: 'customer',
  expires_at: 'expiresAt',
};

/** Error codes that need another word than their HTTP status gives. */
const CODES: Readonly<Record<string, FailureReason>> = {
  amount_too_small: 'input',
  amount_too_large: 'input',
  lock_timeout: 'temporary',
  api_key_expired: 'auth',
  platform_api_key_expired: 'auth',
};

/** https://docs.stripe.com/declines/codes: what a decline means, and whether trying the same way again can help. */
const DECLINES: Readonly<Record<string, readonly [reason: DeclineReason, retryable: boolean]>> = {
  insufficient_funds: ['insufficient-funds', true],
  charge_exceeds_source_limit: ['limit', true],
  charge_exceeds_weekly_limit: ['limit', true],
  card_velocity_exceeded: ['limit', true],
  withdrawal_count_limit_exceeded: ['limit', true],
  expired_card: ['card-expired', false],
  authentication_required: ['authentication-failed', true],
  payment_intent_authentication_failure: ['authentication-failed', true],
  payment_method_customer_decline: ['cancelled-by-customer', true],
  debit_not_authorized: ['mandate-revoked', false],
  refer_to_customer: ['mandate-revoked', false],
  account_closed: ['account-closed', false],
  bank_account_closed: ['account-closed', false],
  no_account: ['account-closed', false],
  fraudulent: ['fraud', false],
  lost_card: ['fraud', false],
  stolen_card: ['fraud', false],
  pickup_card: ['fraud', false],
  merchant_blacklist: ['fraud', false],
  processing_error: ['technical', true],
  issuer_not_available: ['technical', true],
  payment_method_provider_timeout: ['technical', true],
  payment_method_provider_decline: ['other', true],
  do_not_honor: ['card-declined', true],
  generic_decline: ['card-declined', true],
  try_again_later: ['technical', true],
};

/** A connection that never opened proves that nothing was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** What an error of the library means. Anything that leaves room for doubt after a `write` is `unknown`. */
export function outcomeOf(error: unknown, manner: Manner, library: typeof Stripe): Outcome<never> {
  const { errors } = library;
  if (error instanceof AmountError) return failed('input', error.message, { field: 'amount' });
  if (!(error instanceof errors.StripeError)) return doubt(manner, 'Stripe’s library broke off without an answer.');
  if (error instanceof errors.StripeConnectionError) return outcomeOfBreak(error, manner);

  const code = error.code ?? error.type;
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

/** A payment attempt's last error, in our words. */
export function failureOf(error: {
  readonly code?: string | null;
  readonly decline_code?: string | null;
  readonly advice_code?: string | null;
}): PaymentFailure {
  const providerCode = error.decline_code ?? error.code ?? undefined;
  const [reason, retryable] = declineOf(error);
  return {
    reason,
    retryable: retryable && error.advice_code !== 'do_not_try_again',
    ...(providerCode === undefined ? {} : { providerCode }),
  };
}

/** An amount that Stripe cannot be asked for; found before anything is sent. */
export class AmountError extends Error {}

function outcomeOfDecline(error: InstanceType<typeof Stripe.errors.StripeCardError>): Outcome<never> {
  const [reason] = declineOf({ code: error.code ?? null, decline_code: error.decline_code ?? null });
  return declined(reason, `The bank declined the payment (${error.decline_code ?? error.code ?? 'no code'}).`);
}

function outcomeOfRequest(param: string | undefined, code: string, message: string): Failed {
  const field = param === undefined ? undefined : FIELDS[param];
  if (field !== undefined) return failed('input', message, { code, field });
  return failed(CODES[code] ?? 'permanent', message, { code });
}

function outcomeOfBreak(error: InstanceType<typeof Stripe.errors.StripeConnectionError>, manner: Manner): Outcome<never> {
  const cause: unknown = error.detail;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach Stripe.', { code });
  if (code !== undefined && NEVER_SENT.has(code)) return failed('temporary', 'Stripe cannot be reached.', { code });
  return doubt(manner, 'The connection to Stripe broke before it answered.');
}

function doubt(manner: Manner, message: string): Outcome<never> {
  return manner === 'read' ? failed('temporary', message) : unknown(message);
}

function declineOf(error: { readonly code?: string | null; readonly decline_code?: string | null }): readonly [DeclineReason, boolean] {
  return (
    DECLINES[error.decline_code ?? ''] ?? DECLINES[error.code ?? ''] ?? [error.code === 'card_declined' ? 'card-declined' : 'other', true]
  );
}

/** Stripe often sends no `Retry-After`; a second is its own advice for one endpoint's 25 requests per second. */
function retryAfterMs(headers: Readonly<Record<string, string>> | undefined): number {
  const seconds = Number(headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 1000;
}
