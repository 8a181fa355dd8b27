/**
 * What a checkout session is, and how it ends.
 *
 * A session is one exact amount that one payer may pay in any way that is offered. It owns no money: its payments do, and each
 * of them tells the session in its own transaction when its state changes.
 *
 * | state | what is true | leaves by |
 * |---|---|---|
 * | open | it can be paid | a payment took the money → completed; cancelled; its time is over → expired |
 * | completed | a payment has the money, or reserved it where that was asked for | – : what happens to the money later is the payment's matter |
 * | cancelled | the merchant took it back | late money → completed |
 * | expired | nobody paid in time | late money → completed |
 *
 * Attempts: at most one payment of a session can be paid at any moment, as far as its provider can be told so. A choice (a way
 * of paying) has a payment number 1; the same choice again gives the same payment until that has ended without money, and only
 * then number 2. Another choice first lets go of the open payment at its provider. When the provider says that it is under way
 * and cannot be taken back, the session waits for its end.
 *
 * More time: a payer who is warned two minutes before the end gets fifteen minutes more at a press, ten times (WCAG 2.2, 2.2.1).
 */
import type { PaymentSubject } from '../../events/catalogue/subjects.ts';

export type SessionState = 'open' | 'completed' | 'cancelled' | 'expired';

/** As the wire shows it: `pending` is an open session of which a payment is with a bank. */
export type SessionStatus = SessionState | 'pending';

/** What a session has to know of a payment. */
export interface AttemptedPayment {
  readonly state: PaymentSubject['status'];
  /** The provider took another amount than was asked for: a person decides, nothing is delivered. */
  readonly mismatched: boolean;
}

/** How long before its end a payer is warned. */
export const WARNING_MS = 120_000;
/** What a payer who asks for more time has from then on. */
export const EXTENSION_MS = 900_000;
export const MOST_EXTENSIONS = 10;
const LEAST_EXTENSION_MS = 60_000;

const OVER: readonly PaymentSubject['status'][] = ['failed', 'cancelled', 'expired'];

/** Tells whether the payment pays the session. */
export function pays({ state, mismatched }: AttemptedPayment, capture: 'automatic' | 'manual'): boolean {
  if (mismatched) return false;
  return state === 'completed' || (capture === 'manual' && state === 'authorized');
}

/** Tells whether the payment ended without money. */
export function isOver({ state }: AttemptedPayment): boolean {
  return OVER.includes(state);
}

/** Tells whether a bank or a person is busy with the payment's money, so that no second payment may begin. */
export function isUnderWay(payment: AttemptedPayment): boolean {
  return !isOver(payment) && payment.state !== 'created';
}

/** What the session is called on the wire. */
export function statusOf(state: SessionState, payments: readonly AttemptedPayment[]): SessionStatus {
  return state === 'open' && payments.some(isUnderWay) ? 'pending' : state;
}

/**
 * The end of an open session once its payer has asked for more time; `undefined` when he has that much anyway, within a minute: a second
 * press of the button uses up nothing.
 */
export function extendedEnd({ expiresAt }: { readonly expiresAt: Date }, now: Date): Date | undefined {
  const end = new Date(now.getTime() + EXTENSION_MS);
  return end.getTime() - expiresAt.getTime() >= LEAST_EXTENSION_MS ? end : undefined;
}

/** The number of the attempt that a click leads to: that of the last one while it can still come to something, else the next. */
export function attemptNumber(attempts: readonly { readonly number: number; readonly payment: AttemptedPayment | undefined }[]): number {
  const last = attempts.reduce<(typeof attempts)[number] | undefined>((a, b) => (a && a.number > b.number ? a : b), undefined);
  if (!last) return 1;
  return last.payment && isOver(last.payment) ? last.number + 1 : last.number;
}
