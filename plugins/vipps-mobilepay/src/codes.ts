import type { DeclineReason, FailureReason } from '@kassaflow/plugin-sdk';
import { BUSY_MS } from './unverified.ts';

/** What a code of the provider says: nothing happened for `reason`, a bank said no, or it is to be sent again under the same key. */
export type CodeMeaning =
  | { readonly sameKey: true; readonly says: string }
  | { readonly reason: FailureReason; readonly field?: string; readonly retryAfterMs?: number; readonly says: string }
  | { readonly declined: DeclineReason; readonly retryable: boolean; readonly says: string };

const config = (says: string): CodeMeaning => ({
  reason: 'permanent',
  says: `${says} Vipps MobilePay’s business portal is where to mend it.`,
});
const never = (says: string): CodeMeaning => ({ reason: 'permanent', says });
const input = (field: string, says: string): CodeMeaning => ({ reason: 'input', field, says });
const busy = (says: string): CodeMeaning => ({ reason: 'temporary', retryAfterMs: BUSY_MS, says });

/**
 * The ePayment API's error codes, from its page of errors (https://developer.vippsmobilepay.com/docs/APIs/epayment-api/api-guide/errors/).
 * The texts there are reworded over time, the numbers are not. All of them come with a 4xx: the call was not carried out.
 */
export const CODES: Readonly<Record<string, CodeMeaning>> = {
  3010: never('Vipps MobilePay could not read the request.'),
  4010: never('A capture with this key and another amount was made before.'),
  4020: never('This idempotency key was used for something else.'),
  4040: input('amount', 'Vipps MobilePay does not take this amount.'),
  4050: never('The customer’s token is not valid.'),
  4060: never('The customer’s code is not valid.'),
  4070: input('customer.phone', 'This is not a phone number with its country code.'),
  4080: never('Vipps MobilePay does not know what was asked about the customer.'),
  4090: input('returnUrl', 'The address to return to must be a valid https address.'),
  4100: input('metadata', 'At most five values can be kept with a payment.'),
  4110: input('metadata', 'Two values have the same name.'),
  4120: input('metadata', 'The name of a value has more than 100 characters.'),
  4130: input('metadata', 'A value has more than 500 characters.'),
  4140: never('Something that this kind of payment needs is missing.'),
  4150: never('This reference or key was used before, for something else.'),
  4160: never('Vipps MobilePay does not know this way of paying.'),
  5010: config('Ways of paying cannot be blocked for this sales unit.'),
  5020: config('The sales unit is not set up for express payments.'),
  5030: config('The sales unit may not ask this about a customer.'),
  5040: input('amount', 'The sales unit is of a market with another currency.'),
  5050: config('The sales unit is not approved for payments that stay open for longer than ten minutes.'),
  5060: config('The sales unit’s bank account has not been verified.'),
  5070: config('The sales unit cannot take this payment as it is set up.'),
  5080: config('The sales unit is not approved for requests that are pushed to a phone. Send the customer a link instead.'),
  5090: never('There is no such payment at this sales unit.'),
  5100: config('The sales unit cannot refund as it is set up.'),
  6010: input('amount', 'The amount is below the least that can be paid.'),
  6020: never('Nothing was paid yet.'),
  6030: never('The time in which the payment could be cancelled is over.'),
  6040: never('The money was taken already; refund it instead.'),
  6050: never('Nothing is reserved that could be cancelled.'),
  6060: never('The customer approved the payment already.'),
  6070: never('The payment was cancelled.'),
  6080: never('The customer has not approved the payment yet.'),
  6090: input('amount', 'More than what is reserved cannot be captured.'),
  6100: never('The time in which the money could be captured is over, and the reservation is gone.'),
  6110: input('expiresAt', 'A payment can stay open for at most 60 days.'),
  6120: input('expiresAt', 'A payment stays open for at least ten minutes.'),
  6130: never('A payment that stays open for longer needs a receipt.'),
  6140: input('amount', 'This payment can only be captured in full.'),
  6150: input('amount', 'More than what was captured and not yet refunded cannot be refunded.'),
  6160: busy('Vipps MobilePay is busy with this payment.'),
  6170: never('The money was captured already.'),
  6180: never('The money was refunded already.'),
  6190: never('The payment cannot be cancelled as it stands.'),
  6200: never('The payment cannot be captured as it stands.'),
  6210: never('The payment cannot be refunded as it stands.'),
  6220: never('A payment can be refunded for 365 days, and they are over.'),
  6230: never('The payment is reserved already.'),
  6250: busy('The customer is approving the payment just now.'),
  6260: { declined: 'insufficient-funds', retryable: true, says: 'The bank has let go of the reserved money.' },
  // "Retry with the same idempotency key": an unknown outcome is what the core sends again unchanged; a failed one gets a new key.
  6280: { sameKey: true, says: 'The capture did not work out at once and has to be sent again unchanged.' },
  // Neutral on purpose: it also stands for somebody who is too young, and must not tell who is a customer.
  7010: input('customer.phone', 'A payment cannot be requested from this phone number.'),
  10010: never('The test approval failed.'),
  10020: never('The test approval is not allowed.'),
  10030: never('The test user has to identify first.'),
  10040: never('The test user’s way of paying is not valid.'),
  10050: never('The test user has no card.'),
  10060: never('The test environment cannot do this.'),
  10070: { declined: 'limit', retryable: true, says: 'The test user’s limit is reached.' },
  // Recurring API (recurring-api-problems): more than five times the agreement's price within one interval.
  70001: input('amount', 'The agreement’s price does not allow a charge of this amount.'),
};

/** Codes that come after a call was carried out before: by us, when the answer was lost, or by somebody else. */
export const USED_BEFORE: ReadonlySet<string> = new Set(['4010', '4020', '4150', '6170', '6180', '6230', 'http-409']);

/** Parameters of theirs, as a refusal names them, and the field of ours from which they came. The longest name that fits counts. */
export const FIELDS: readonly (readonly [theirs: string, ours: string])[] = [
  ['amount', 'amount'],
  ['modificationamount', 'amount'],
  ['initialcharge.amount', 'amount'],
  ['initialcharge.description', 'description'],
  ['pricing', 'pricing'],
  ['interval', 'pricing'],
  ['customer', 'customer.phone'],
  ['phonenumber', 'customer.phone'],
  ['reference', 'reference'],
  ['orderid', 'reference'],
  ['returnurl', 'returnUrl'],
  ['merchantredirecturl', 'returnUrl'],
  ['paymentdescription', 'description'],
  ['productname', 'description'],
  ['description', 'description'],
  ['metadata', 'metadata'],
  ['expiresat', 'expiresAt'],
  ['due', 'dueOn'],
];
