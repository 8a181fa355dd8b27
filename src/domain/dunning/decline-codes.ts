/**
 * What banks and schemes answer, and what we do about it: one table for cards, direct debits and wallets.
 *
 * - `transient`: something between us and the bank; again within hours, then by the schedule
 * - `soft`: no for now; again by the schedule of its class of methods
 * - `customer-action`: only the customer can change it; no blind repeat, a link instead
 * - `hard`: never again with this card or mandate
 *
 * Codes are looked up in lower case. Sources: [sepa] EPC SDD reason codes as banks and payment service providers publish them
 * (abnamro.nl, lemonway, slimpay, worldline); [visa] Visa's rules on repeated attempts, category 1 "never approve"; [mastercard] merchant
 * advice codes (peachpayments, cybersource); [ours] the decline reasons of the SDK, to which each plugin leads its provider's own codes.
 * The action is our policy.
 */

export const DECLINE_CLASSES = ['transient', 'soft', 'customer-action', 'hard'] as const;
export type DeclineClass = (typeof DECLINE_CLASSES)[number];

/** Whose word a code is. */
export const DECLINE_SOURCES = ['sepa', 'visa', 'mastercard', 'ours'] as const;
export type DeclineSource = (typeof DECLINE_SOURCES)[number];

export interface DeclineCode {
  readonly class: DeclineClass;
  /** At most so many repeats, where fewer than the schedule has. */
  readonly retries?: number;
  /** Days before the first repeat, where it is not the schedule that says. */
  readonly afterDays?: number;
  /** Hours that the scheme wants to pass before the next attempt. */
  readonly waitHours?: number;
  /** A person looks before anybody is written to: the debtor is dead, it may be fraud, or the mistake is ours. */
  readonly person?: true;
  readonly source: DeclineSource;
}

function codes(source: DeclineSource, row: Omit<DeclineCode, 'source'>, names: string): [string, DeclineCode][] {
  return names.split(' ').map((name) => [`${source}:${name}`, { ...row, source }]);
}

const TRANSIENT = { class: 'transient' } as const;
const SOFT = { class: 'soft' } as const;
const CUSTOMER = { class: 'customer-action' } as const;
const HARD = { class: 'hard' } as const;

/** Mastercard's advice codes 24 to 30: the hours to wait. */
const ADVISED_HOURS: readonly (readonly [code: string, hours: number])[] = [
  ['25', 24],
  ['26', 2 * 24],
  ['27', 4 * 24],
  ['28', 6 * 24],
  ['29', 8 * 24],
  ['30', 10 * 24],
];

/** By `source:code`. */
export const DECLINE_CODES: ReadonlyMap<string, DeclineCode> = new Map([
  // Direct debits. AM04 may be repeated twice, 5 to 7 days later; MS03 often hides it, and may be once.
  ...codes('sepa', { ...SOFT, retries: 2, afterDays: 7 }, 'am04 am06'),
  ...codes('sepa', { ...SOFT, retries: 1, afterDays: 7 }, 'ms03'),
  ...codes('sepa', CUSTOMER, 'ms02 md02 md06 ac01 ac13 rc01 be05 ac06 ag01 sl01'),
  // The mandate or the account is gone.
  ...codes('sepa', HARD, 'md01 ac04'),
  // The debtor is dead, the law forbids it, it may be fraud; our data, or a repeat of ours.
  ...codes('sepa', { ...HARD, person: true }, 'md07 rr04 frad ag02 ff01 ff05 rr01 rr02 rr03 am05 dupl'),
  ...codes('visa', HARD, '03 04 07 12 15 41 43 57 62 78 93 r0 r1 r3'),
  // The number or the date of the card has changed; a prepaid or one-time card.
  ...codes('mastercard', CUSTOMER, '01 40 41'),
  ...codes('mastercard', SOFT, '02'),
  ...codes('mastercard', { ...TRANSIENT, waitHours: 1 }, '24'),
  ...ADVISED_HOURS.flatMap(([code, waitHours]) => codes('mastercard', { ...SOFT, waitHours }, code)),
  // 04 and 22: something in how we ask, which a repeat does not change.
  ...codes('mastercard', HARD, '03 04 21 22 42 99'),
  ...codes('ours', SOFT, 'insufficient-funds card-declined limit other'),
  ...codes('ours', TRANSIENT, 'technical'),
  ...codes('ours', CUSTOMER, 'card-expired authentication-failed cancelled-by-customer'),
  ...codes('ours', HARD, 'mandate-revoked account-closed'),
  ...codes('ours', { ...HARD, person: true }, 'fraud'),
]);
