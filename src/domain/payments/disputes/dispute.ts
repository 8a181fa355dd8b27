/**
 * What a dispute is: a customer, bank or scheme objects to a payment.
 *
 * | state | what is true |
 * |---|---|
 * | inquiry | the bank asks; no money has moved, and evidence can be sent |
 * | opened | the money was taken back, for now or for good: a returned direct debit stays here |
 * | won | it was decided for us, and the money comes back |
 * | lost | it was decided against us |
 *
 * The state is the provider's newest word; banks reopen what was decided. The money is not booked here: the payment's own totals
 * (`chargedBack`) do that in the same transaction, so that a provider which lists no disputes has right books too.
 */
import type { DisputeFacts } from '@kassaflow/plugin-sdk';

export type DisputeState = DisputeFacts['state'];
export type DisputeEventType = 'payment.disputed' | 'dispute.opened' | 'dispute.won' | 'dispute.lost';

const ON_ENTERING: Readonly<Record<DisputeState, DisputeEventType>> = {
  inquiry: 'payment.disputed',
  opened: 'dispute.opened',
  won: 'dispute.won',
  lost: 'dispute.lost',
};

/** The event that a report causes; none when the state is known. */
export function disputeEvent(from: DisputeState | undefined, to: DisputeState): DisputeEventType | undefined {
  return from === to ? undefined : ON_ENTERING[to];
}

/** Tells whether it is decided. */
export function isDecided(state: DisputeState): boolean {
  return state === 'won' || state === 'lost';
}
