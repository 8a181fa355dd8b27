/**
 * Our payment id as a reference of theirs, and back. Theirs are letters, digits and dashes, 8 to 50 of them, never used twice for one
 * sales unit and not told apart by anything else (https://developer.vippsmobilepay.com/docs/knowledge-base/orderid/). `pay_01jd` becomes
 * `kf-pay-01jd`: an underscore is one dash, a dash is two, so that no two of ours are one of theirs.
 */
const PREFIX = 'kf-';
const OURS = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$/;
const THEIRS = /^[A-Za-z0-9-]{8,64}$/;
const LONGEST = 50;

/** `undefined` for a reference that does not fit. */
export function toVippsReference(reference: string): string | undefined {
  if (!OURS.test(reference)) return undefined;
  const theirs = PREFIX + reference.replace(/[-_]/g, (sign) => (sign === '_' ? '-' : '--'));
  return theirs.length <= LONGEST && THEIRS.test(theirs) ? theirs : undefined;
}

/** Our payment id; `undefined` for a payment that another system made. */
export function fromVippsReference(reference: string): string | undefined {
  if (!reference.startsWith(PREFIX) || !THEIRS.test(reference)) return undefined;
  const ours = reference.slice(PREFIX.length).replace(/-+/g, (dashes) => (dashes === '-' ? '_' : dashes === '--' ? '-' : '?'));
  return toVippsReference(ours) === reference ? ours : undefined;
}

/** A payment at the provider: an ePayment by its reference, or a charge of an agreement. */
export type PaymentId =
  | { readonly kind: 'payment'; readonly reference: string }
  | { readonly kind: 'charge'; readonly agreement: string; readonly charge: string };

/** `kf-pay-01jd`, or `agr_5kSeqz/kf-pay-01jd` for a charge, which is found only with its agreement. `undefined` for neither. */
export function readPaymentId(providerId: string): PaymentId | undefined {
  const [, agreement, charge] = /^(agr_[A-Za-z0-9_-]{1,60})\/([A-Za-z0-9_-]{1,64})$/.exec(providerId) ?? [];
  if (agreement !== undefined && charge !== undefined) return { kind: 'charge', agreement, charge };
  return THEIRS.test(providerId) ? { kind: 'payment', reference: providerId } : undefined;
}

export function chargeIdOf(agreement: string, charge: string): string {
  return `${agreement}/${charge}`;
}

/** Told apart from ids that would be another path. */
export function isAgreementId(id: string): boolean {
  return /^agr_[A-Za-z0-9_-]{1,60}$/.test(id);
}
