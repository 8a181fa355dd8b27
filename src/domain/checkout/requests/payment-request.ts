/**
 * What a payment request is: a payment that we push to somebody's phone, and what becomes of it.
 *
 * | state | what is true | leaves by |
 * |---|---|---|
 * | created | the phone was asked, or is about to be | the payment's state, as below |
 * | approved | the customer approved: the money is taken or reserved | – : what happens to the money later is the payment's matter |
 * | cancelled | we took it back, or the customer said no | late approval → approved |
 * | expired | nobody answered in time | late approval → approved |
 * | failed | the phone could not be asked, or the payment was declined | late approval → approved |
 *
 * Taking back and running out are wishes (`ending`), written down before the provider is asked to cancel. Its word decides the
 * race with the customer's thumb: the payment ends, and the request with it; or the payment was approved, and the request is. A
 * provider that cannot cancel is asked how the payment stands; what nobody has begun then ends with us, and a late approval
 * still leads to approved.
 */
import type { PaymentFailure } from '@kassaflow/plugin-sdk';
import type { PaymentSubject } from '../../../events/catalogue/subjects.ts';

export type RequestState = 'created' | 'approved' | 'cancelled' | 'expired' | 'failed';

/** Who wants it to end before it is approved. */
export type Ending = 'cancel' | 'expire';

/** What the payment's state means for its request; `undefined` when it means nothing new. */
export function stateAfter(
  from: RequestState,
  payment: { readonly state: PaymentSubject['status']; readonly failure: PaymentFailure | null | undefined },
  ending: Ending | null,
): RequestState | undefined {
  if (from === 'approved') return undefined;
  if (payment.state === 'authorized' || payment.state === 'completed') return 'approved';
  if (from !== 'created') return undefined;
  if (payment.state === 'expired') return 'expired';
  if (payment.state === 'cancelled') return ending === 'expire' ? 'expired' : 'cancelled';
  if (payment.state === 'failed') return payment.failure?.reason === 'cancelled-by-customer' ? 'cancelled' : 'failed';
  return undefined;
}

/** When something is to be done about an open request by itself: its reminder, then its end. */
export function dueAt(request: { readonly remindAt: Date | null; readonly expiresAt: Date }): Date {
  return request.remindAt && request.remindAt < request.expiresAt ? request.remindAt : request.expiresAt;
}
