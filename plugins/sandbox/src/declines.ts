import type { DeclineReason, PaymentFailure } from '@kassaflow/plugin-sdk';

/** The sandbox's codes in our words, and whether trying the same way again can help. `src/provider/magic.ts` says what brings them. */
export const DECLINES: Readonly<Record<string, readonly [reason: DeclineReason, retryable: boolean]>> = {
  account_closed: ['account-closed', false],
  authentication_failed: ['authentication-failed', false],
  authentication_required: ['authentication-failed', false],
  card_declined: ['card-declined', true],
  card_expired: ['card-expired', false],
  insufficient_funds: ['insufficient-funds', true],
  limit_exceeded: ['limit', true],
  mandate_revoked: ['mandate-revoked', false],
  possible_fraud: ['fraud', false],
  system_error: ['technical', true],
  // The debtor asked the bank for the money back (EPC173-14).
  MD06: ['cancelled-by-customer', false],
};

/** A code that is not in the table is kept verbatim and may be tried again. */
export function failureOf(code: string): PaymentFailure {
  const [reason, retryable] = DECLINES[code] ?? ['other', true];
  return { reason, providerCode: code, retryable };
}
