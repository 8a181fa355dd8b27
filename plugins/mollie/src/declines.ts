import type { DeclineReason, PaymentFailure } from '@kassaflow/plugin-sdk';

/** What a code of a bank or scheme means, and whether trying the same way again can help. */
export interface Decline {
  readonly reason: DeclineReason;
  readonly retryable: boolean;
  readonly source: string;
}

/** `details.failureReason` of a card payment. */
const CARD = 'https://docs.mollie.com/reference/get-payment (details.failureReason)';
/** `details.bankReasonCode` of a direct debit and `reason.code` of its chargeback are SEPA's own codes. */
const SEPA = 'EPC173-14, Guidance on reason codes for SDD R-transactions';

const row = (source: string, reason: DeclineReason, retryable: boolean): Decline => ({ reason, retryable, source });

export const DECLINES: Readonly<Record<string, Decline>> = {
  authentication_abandoned: row(CARD, 'authentication-failed', true),
  authentication_failed: row(CARD, 'authentication-failed', true),
  authentication_required: row(CARD, 'authentication-failed', true),
  authentication_unavailable_acs: row(CARD, 'technical', true),
  card_declined: row(CARD, 'card-declined', true),
  card_expired: row(CARD, 'card-expired', false),
  inactive_card: row(CARD, 'card-declined', false),
  insufficient_funds: row(CARD, 'insufficient-funds', true),
  invalid_card_holder_name: row(CARD, 'card-declined', false),
  invalid_card_number: row(CARD, 'card-declined', false),
  invalid_card_type: row(CARD, 'card-declined', false),
  invalid_cvv: row(CARD, 'card-declined', false),
  possible_fraud: row(CARD, 'fraud', false),
  refused_by_issuer: row(CARD, 'card-declined', true),
  unknown_reason: row(CARD, 'other', true),

  AC01: row(SEPA, 'account-closed', false), // the account number is wrong
  AC04: row(SEPA, 'account-closed', false),
  AC06: row(SEPA, 'account-closed', false), // blocked
  AC13: row(SEPA, 'other', false), // a consumer's account cannot be debited by a business scheme
  AG01: row(SEPA, 'other', false), // direct debits are not possible on this account
  AG02: row(SEPA, 'technical', false), // wrong operation code
  AM04: row(SEPA, 'insufficient-funds', true),
  AM05: row(SEPA, 'technical', false), // the bank takes it for a duplicate
  BE05: row(SEPA, 'technical', false), // the creditor is not recognised
  CNOR: row(SEPA, 'technical', false), // the creditor's bank is not registered
  DNOR: row(SEPA, 'technical', false), // the debtor's bank is not registered
  ED05: row(SEPA, 'technical', true), // settlement between the banks failed
  FF01: row(SEPA, 'technical', false), // the file format is wrong
  MD01: row(SEPA, 'mandate-revoked', false), // no mandate
  MD02: row(SEPA, 'mandate-revoked', false), // data of the mandate missing or wrong
  MD06: row(SEPA, 'cancelled-by-customer', false), // the debtor asked for the money back
  MD07: row(SEPA, 'account-closed', false), // the debtor has died
  MS02: row(SEPA, 'cancelled-by-customer', false), // the debtor refuses
  MS03: row(SEPA, 'other', true), // the bank gives no reason; often used for insufficient funds
  RC01: row(SEPA, 'technical', false), // the bank's code is wrong
  RR01: row(SEPA, 'other', false), // regulatory: account or id missing
  RR02: row(SEPA, 'other', false), // regulatory: name or address missing
  RR03: row(SEPA, 'other', false), // regulatory: the creditor's name or address missing
  RR04: row(SEPA, 'other', false), // regulatory
  SL01: row(SEPA, 'mandate-revoked', false), // the debtor's bank blocks this creditor by the debtor's order
  TM01: row(SEPA, 'technical', true), // after the cut-off time
};

/** Our words for a code; one that is not in the table is kept verbatim and may be tried again, as after most refusals. */
export function failureOf(code: string | undefined): PaymentFailure {
  const known = code === undefined ? undefined : DECLINES[code];
  return {
    reason: known?.reason ?? 'other',
    retryable: known?.retryable ?? true,
    ...(code === undefined ? {} : { providerCode: code }),
  };
}
