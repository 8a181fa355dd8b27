import type { DeclineReason, FailureReason } from '@kassaflow/plugin-sdk';

/** What became of a call that PayPal refused with this issue. */
export type Refusal =
  /** A no of the payer's bank, account or of PayPal's risk rules: a result. */
  | { readonly declined: DeclineReason; readonly retryable: boolean }
  /** The request is wrong, or its moment. */
  | { readonly reason: FailureReason; readonly field?: string }
  /** It may be that an earlier attempt did it or still does. */
  | { readonly reason: 'doubt' };

const no = (declined: DeclineReason, retryable: boolean): Refusal => ({ declined, retryable });
const wrong = (reason: FailureReason, field?: string): Refusal => ({ reason, ...(field === undefined ? {} : { field }) });

/**
 * `details[0].issue` → what it means. Names and meanings: the error lists of PayPal's OpenAPI files (orders v2, payments v2) and
 * https://developer.paypal.com/api/rest/reference/orders/v2/errors/. Whether a later attempt can help is our reading of them.
 */
export const REFUSALS: Readonly<Record<string, Refusal>> = {
  // The way of paying was refused; the payer can take another one behind the same link.
  INSTRUMENT_DECLINED: no('card-declined', true),
  REDIRECT_PAYER_FOR_ALTERNATE_FUNDING: no('card-declined', true),
  PAYMENT_SOURCE_DECLINED_BY_PROCESSOR: no('card-declined', true),
  PAYMENT_SOURCE_CANNOT_BE_USED: no('card-declined', false),
  PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED: no('card-declined', false),
  CARD_EXPIRED: no('card-expired', false),
  REFERENCED_CARD_EXPIRED: no('card-expired', false),
  // The payer has to be there.
  PAYER_ACTION_REQUIRED: no('authentication-failed', true),
  CONSENT_NEEDED: no('authentication-failed', true),
  // The payer's account.
  PAYER_CANNOT_PAY: no('other', false),
  PAYER_ACCOUNT_RESTRICTED: no('account-closed', false),
  PAYER_ACCOUNT_LOCKED_OR_CLOSED: no('account-closed', false),
  // Limits.
  TRANSACTION_LIMIT_EXCEEDED: no('limit', true),
  TRANSACTION_RECEIVING_LIMIT_EXCEEDED: no('limit', true),
  MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED: no('limit', false),
  // Risk and law.
  TRANSACTION_REFUSED: no('other', false),
  COMPLIANCE_VIOLATION: no('fraud', false),
  TRANSACTION_BLOCKED_BY_PAYEE: no('fraud', false),
  PAYEE_BLOCKED_TRANSACTION: no('fraud', false),
  // The permission to charge is gone.
  AGREEMENT_ALREADY_CANCELLED: no('mandate-revoked', false),
  BILLING_AGREEMENT_NOT_FOUND: no('mandate-revoked', false),
  TOKEN_EXPIRED: no('mandate-revoked', false),
  TOKEN_ID_NOT_FOUND: no('mandate-revoked', false),
  MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE: no('mandate-revoked', false),

  // Not now.
  ORDER_NOT_APPROVED: wrong('temporary'),
  ORDER_IS_PENDING_APPROVAL: wrong('temporary'),
  PENDING_CAPTURE: wrong('temporary'),
  REFUND_FAILED_INSUFFICIENT_FUNDS: wrong('temporary'),
  // An earlier attempt may have done it, or is at it.
  ORDER_COMPLETION_IN_PROGRESS: { reason: 'doubt' },
  PREVIOUS_REQUEST_IN_PROGRESS: { reason: 'doubt' },
  // Our account.
  PERMISSION_DENIED: wrong('auth'),
  NOT_AUTHORIZED: wrong('auth'),

  // The amount.
  CANNOT_BE_NEGATIVE: wrong('input', 'amount'),
  CANNOT_BE_ZERO_OR_NEGATIVE: wrong('input', 'amount'),
  DECIMAL_PRECISION: wrong('input', 'amount'),
  DECIMALS_NOT_SUPPORTED: wrong('input', 'amount'),
  INVALID_CURRENCY_CODE: wrong('input', 'amount'),
  CURRENCY_NOT_SUPPORTED_FOR_COUNTRY: wrong('input', 'amount'),
  CURRENCY_MISMATCH: wrong('input', 'amount'),
  MAX_VALUE_EXCEEDED: wrong('input', 'amount'),
  MAX_CAPTURE_AMOUNT_EXCEEDED: wrong('input', 'amount'),
  AUTH_CAPTURE_CURRENCY_MISMATCH: wrong('input', 'amount'),
  REFUND_AMOUNT_EXCEEDED: wrong('input', 'amount'),
  REFUND_AMOUNT_TOO_LOW: wrong('input', 'amount'),
  REFUND_CAPTURE_CURRENCY_MISMATCH: wrong('input', 'amount'),
  CAPTURE_FULLY_REFUNDED: wrong('input', 'amount'),
  PARTIAL_REFUND_NOT_ALLOWED: wrong('input', 'amount'),
};

/** The reason of a capture that is `DECLINED` or `FAILED` (`status_details.reason`). */
export const CAPTURE_REASONS: Readonly<Record<string, readonly [DeclineReason, retryable: boolean]>> = {
  ECHECK: ['insufficient-funds', true],
  BUYER_COMPLAINT: ['fraud', false],
  CHARGEBACK: ['fraud', false],
  PENDING_REVIEW: ['fraud', false],
  TRANSACTION_APPROVED_AWAITING_FUNDING: ['insufficient-funds', true],
};
