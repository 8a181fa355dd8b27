import type { DeclineReason, PaymentFailure } from '@kassaflow/plugin-sdk';

/**
 * Whether trying the same way again can help:
 * - `transient`: something broke on the way; soon.
 * - `soft`: not now; by a schedule over days.
 * - `customer`: only after the customer has done something; never blindly.
 * - `hard`: never.
 */
export type DeclineClass = 'transient' | 'soft' | 'customer' | 'hard';

export interface Decline {
  readonly reason: DeclineReason;
  readonly class: DeclineClass;
  readonly source: string;
}

/** What Stripe tells of a refusal: in an error, in a payment's last error, in a charge. */
export interface Refusal {
  readonly code?: string | null | undefined;
  readonly decline_code?: string | null | undefined;
  readonly advice_code?: string | null | undefined;
  readonly network_advice_code?: string | null | undefined;
  readonly network_decline_code?: string | null | undefined;
  /** The card, where it is told: which network's code it is. */
  readonly payment_method?: { readonly card?: { readonly brand: string } | undefined } | string | null | undefined;
}

const CARD = 'https://docs.stripe.com/declines/codes';
const ERROR = 'https://docs.stripe.com/error-codes';
const DEBIT = 'https://docs.stripe.com/payments/sepa-debit#failed-payments';
/** Why a bank gave a debit back: the reason of its dispute. */
const DISPUTE = 'https://docs.stripe.com/disputes/categories';

const row = (source: string, reason: DeclineReason, kind: DeclineClass): Decline => ({ source, reason, class: kind });

/** Stripe's decline codes, and the error codes that stand where there is no decline code. */
export const DECLINES: Readonly<Record<string, Decline>> = {
  approve_with_id: row(CARD, 'technical', 'transient'),
  call_issuer: row(CARD, 'card-declined', 'soft'),
  card_not_supported: row(CARD, 'card-declined', 'hard'),
  card_velocity_exceeded: row(CARD, 'limit', 'soft'),
  currency_not_supported: row(CARD, 'card-declined', 'hard'),
  do_not_honor: row(CARD, 'card-declined', 'soft'),
  do_not_try_again: row(CARD, 'card-declined', 'hard'),
  duplicate_transaction: row(CARD, 'technical', 'hard'),
  expired_card: row(CARD, 'card-expired', 'customer'),
  fraudulent: row(CARD, 'fraud', 'hard'),
  generic_decline: row(CARD, 'card-declined', 'soft'),
  highest_risk_level: row(CARD, 'fraud', 'hard'),
  incorrect_cvc: row(CARD, 'card-declined', 'customer'),
  incorrect_number: row(CARD, 'card-declined', 'customer'),
  insufficient_funds: row(CARD, 'insufficient-funds', 'soft'),
  invalid_account: row(CARD, 'account-closed', 'hard'),
  invalid_amount: row(CARD, 'limit', 'hard'),
  invalid_cvc: row(CARD, 'card-declined', 'customer'),
  invalid_expiry_month: row(CARD, 'card-expired', 'customer'),
  invalid_expiry_year: row(CARD, 'card-expired', 'customer'),
  invalid_number: row(CARD, 'card-declined', 'customer'),
  issuer_not_available: row(CARD, 'technical', 'transient'),
  lost_card: row(CARD, 'fraud', 'hard'),
  merchant_blacklist: row(CARD, 'fraud', 'hard'),
  new_account_information_available: row(CARD, 'card-expired', 'customer'),
  no_action_taken: row(CARD, 'card-declined', 'soft'),
  not_permitted: row(CARD, 'card-declined', 'hard'),
  pickup_card: row(CARD, 'fraud', 'hard'),
  previously_declined_do_not_retry: row(CARD, 'card-declined', 'hard'),
  processing_error: row(CARD, 'technical', 'transient'),
  reenter_transaction: row(CARD, 'technical', 'transient'),
  restricted_card: row(CARD, 'card-declined', 'hard'),
  revocation_of_all_authorizations: row(CARD, 'mandate-revoked', 'hard'),
  revocation_of_authorization: row(CARD, 'mandate-revoked', 'hard'),
  security_violation: row(CARD, 'card-declined', 'soft'),
  service_not_allowed: row(CARD, 'card-declined', 'hard'),
  stolen_card: row(CARD, 'fraud', 'hard'),
  stop_payment_order: row(CARD, 'mandate-revoked', 'hard'),
  transaction_not_allowed: row(CARD, 'card-declined', 'hard'),
  try_again_later: row(CARD, 'technical', 'transient'),
  withdrawal_count_limit_exceeded: row(CARD, 'limit', 'soft'),

  authentication_not_handled: row(ERROR, 'authentication-failed', 'customer'),
  authentication_required: row(ERROR, 'authentication-failed', 'customer'),
  payment_intent_authentication_failure: row(ERROR, 'authentication-failed', 'customer'),
  payment_intent_payment_attempt_expired: row(ERROR, 'cancelled-by-customer', 'customer'),
  payment_method_customer_decline: row(ERROR, 'cancelled-by-customer', 'customer'),
  payment_method_provider_decline: row(ERROR, 'other', 'soft'),
  payment_method_provider_timeout: row(ERROR, 'technical', 'transient'),

  account_closed: row(DEBIT, 'account-closed', 'hard'),
  bank_account_closed: row(DEBIT, 'account-closed', 'hard'),
  bank_account_restricted: row(DEBIT, 'account-closed', 'hard'),
  bank_cannot_process: row(DISPUTE, 'technical', 'transient'),
  bank_ownership_changed: row(DEBIT, 'account-closed', 'hard'),
  branch_does_not_exist: row(DEBIT, 'technical', 'hard'),
  charge_exceeds_source_limit: row(DEBIT, 'limit', 'soft'),
  charge_exceeds_weekly_limit: row(DEBIT, 'limit', 'soft'),
  could_not_process: row(DEBIT, 'technical', 'transient'),
  customer_initiated: row(DISPUTE, 'cancelled-by-customer', 'hard'),
  debit_not_authorized: row(DEBIT, 'mandate-revoked', 'hard'),
  incorrect_account_details: row(DISPUTE, 'account-closed', 'hard'),
  incorrect_account_holder_name: row(DEBIT, 'other', 'hard'),
  invalid_account_number: row(DEBIT, 'account-closed', 'hard'),
  invalid_currency: row(DEBIT, 'other', 'hard'),
  no_account: row(DEBIT, 'account-closed', 'hard'),
  payment_intent_mandate_invalid: row(ERROR, 'mandate-revoked', 'hard'),
  recipient_deceased: row(DEBIT, 'account-closed', 'hard'),
  refer_to_customer: row(DEBIT, 'mandate-revoked', 'hard'),
};

/** `advice_code`, Stripe's own advice, stands above all (https://docs.stripe.com/declines/codes#retrying-issuer-declines). */
const ADVICE: Readonly<Record<string, DeclineClass>> = { confirm_card_data: 'customer', do_not_try_again: 'hard', try_again_later: 'soft' };

/**
 * Mastercard's merchant advice codes (Transaction Processing Rules, "Merchant Advice Codes"): 01 new account information, 02 and 24 to
 * 30 later, 03 and 99 never, 21 the customer ended it, 22 this merchant may not, 40 to 43 cards that cannot be charged again.
 */
const NETWORK_ADVICE: Readonly<Record<string, DeclineClass>> = {
  ...Object.fromEntries(['02', '24', '25', '26', '27', '28', '29', '30'].map((code) => [code, 'soft'])),
  ...Object.fromEntries(['03', '21', '22', '40', '41', '42', '43', '99'].map((code) => [code, 'hard'])),
  '01': 'customer',
};

/** Visa's category 1, "issuer will never approve": one more try is a breach of its rules (Visa Core Rules, 7.3.6). */
const NEVER_APPROVED = new Set(['03', '04', '07', '12', '15', '41', '43', '57', '62', '78', '93', 'R0', 'R1', 'R3']);

/** A refusal in our words. What is asked first: Stripe's advice, the network's, then the code itself. */
export function failureOf(refusal: Refusal): PaymentFailure {
  const providerCode = refusal.decline_code ?? refusal.code ?? undefined;
  const kind = classOf(refusal);
  const network = networkOf(refusal);
  return {
    reason: declineOf(refusal).reason,
    retryable: kind === 'transient' || kind === 'soft',
    ...(providerCode === undefined ? {} : { providerCode }),
    ...(network === undefined ? {} : { network }),
  };
}

/** The scheme's own code: Mastercard's advice, Visa's response. Of other networks no list says what their codes mean. */
function networkOf({
  payment_method: method,
  network_advice_code: advice,
  network_decline_code: decline,
}: Refusal): PaymentFailure['network'] {
  const brand = typeof method === 'object' ? method?.card?.brand : undefined;
  if (brand === 'mastercard' && advice) return { scheme: 'mastercard', code: advice };
  return brand === 'visa' && decline ? { scheme: 'visa', code: decline } : undefined;
}

/** @see DeclineClass */
export function classOf(refusal: Refusal): DeclineClass {
  const { advice_code: advice, network_advice_code: networkAdvice, network_decline_code: networkDecline } = refusal;
  return (
    ADVICE[advice ?? ''] ??
    NETWORK_ADVICE[networkAdvice ?? ''] ??
    (NEVER_APPROVED.has(networkDecline ?? '') ? 'hard' : undefined) ??
    declineOf(refusal).class
  );
}

/** A code that is newer than this plugin may be tried again by the schedule, as after most refusals. */
function declineOf({ code, decline_code: declineCode }: Refusal): Decline {
  return (
    DECLINES[declineCode ?? ''] ??
    DECLINES[code ?? ''] ??
    (code === 'card_declined' ? row(CARD, 'card-declined', 'soft') : row(ERROR, 'other', 'soft'))
  );
}
