/** Our own marks in the metadata that Stripe repeats. */

/** Our payment id. */
export const PAYMENT_MARK = 'payment_id';
/** Our refund id. */
export const REFUND_MARK = 'refund_id';
/** Our mandate id, on what is made for a permission alone. */
export const MANDATE_MARK = 'mandate_id';
/** The kind of permission that such a session is to bring. */
export const KIND_MARK = 'mandate_kind';
/** On a session that we ended ourselves; to Stripe it is `expired` like any other. */
export const CANCELLED_MARK = 'cancelled_by_us';
/** On a charge without the customer: when it is refused, nobody is there to try again. */
export const CHARGE_MARK = 'charged_off_session';
/** On a webhook endpoint that we registered. */
export const REGISTRATION_MARK = 'kassaflow';

/** A mark among metadata, where it is a text with something in it. */
export function markIn(metadata: unknown, mark: string): string | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const value = (metadata as Readonly<Record<string, unknown>>)[mark];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
