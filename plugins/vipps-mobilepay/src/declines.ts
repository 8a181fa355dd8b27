import type { PaymentFailure } from '@kassaflow/plugin-sdk';

/**
 * Why a charge of an agreement failed (`failureReason`, https://developer.vippsmobilepay.com/docs/APIs/recurring-api/recurring-api-guide/).
 * It is told only once the provider's own days of retrying are over. The customer is told in the app what to change; the card behind
 * the wallet, and with it the bank's own code, stays with the provider. `retryable`: a new charge can succeed.
 */
const REASONS: Readonly<Record<string, Pick<PaymentFailure, 'reason' | 'retryable'>>> = {
  // No funds, a card that is expired, blocked or wrong: the provider does not tell which, and most often it is funds.
  user_action_required: { reason: 'insufficient-funds', retryable: true },
  // Above what the customer allows on an agreement of variable price.
  charge_amount_too_high: { reason: 'limit', retryable: true },
  // The customer's profile is gone.
  non_technical_error: { reason: 'account-closed', retryable: false },
  technical_error: { reason: 'technical', retryable: true },
};

export function failureOfCharge(failureReason: string | undefined): PaymentFailure {
  if (failureReason === undefined) return { reason: 'other', retryable: true };
  return { ...(REASONS[failureReason] ?? { reason: 'other', retryable: true }), providerCode: failureReason };
}

/** The customer said no in the app. */
export const ABORTED: PaymentFailure = { reason: 'cancelled-by-customer', providerCode: 'ABORTED', retryable: true };

/** An authorization that a bank refused, seen as an event with `success: false`; no page tells more than that. */
export const NOT_AUTHORIZED: PaymentFailure = { reason: 'card-declined', providerCode: 'AUTHORIZED', retryable: true };
