/**
 * What a mandate is: the permission of a customer to charge later, without being there.
 *
 * | state | what is true |
 * |---|---|
 * | pending | the provider knows of it; bank or customer has not confirmed it |
 * | active | it can be charged |
 * | revoked | the customer, the bank or we ended it. Final: a customer who permits again makes a new one |
 * | expired | its card or its term is over, or nobody charged it for 36 months. A renewed card makes it active again |
 *
 * As with payments the state is read off what the provider reports, and only the newest report counts. One rule is ours: a SEPA
 * mandate that is not used for 36 months may not be used any more (EPC SDD Core rulebook), and we hold every kind to it.
 */
import type { MandateFacts } from '@kassaflow/plugin-sdk';

export type MandateState = MandateFacts['state'];

/** What is recorded of a mandate before the new facts. */
export interface KnownMandate {
  readonly state: MandateState;
  readonly usedAt: Date;
  /** When the fetch started on which this rests. */
  readonly fetchedAt: Date | undefined;
}

export type MandateEventType = 'mandate.created' | 'mandate.revoked' | 'mandate.expired';

const UNUSED_MONTHS = 36;
/** A mandate that was asked for and that nobody confirmed lapses after this: no page of a provider stays open longer. */
export const CONFIRM_WITHIN_MS = 7 * 86_400_000;

/** When a mandate lapses by itself. */
export function lapsesAt(usedAt: Date, validUntil: Date | undefined): Date {
  const unused = new Date(usedAt);
  unused.setUTCMonth(unused.getUTCMonth() + UNUSED_MONTHS);
  return validUntil && validUntil < unused ? validUntil : unused;
}

/** The state that facts amount to, `undefined` when they are older than what is known. */
export function mandateState(
  known: KnownMandate | undefined,
  facts: Pick<MandateFacts, 'state' | 'validUntil'>,
  at: { readonly fetchedAt: Date; readonly now: Date },
): MandateState | undefined {
  if (known?.fetchedAt && at.fetchedAt < known.fetchedAt) return undefined;
  if (known?.state === 'revoked' || facts.state === 'revoked') return 'revoked';
  const validUntil = facts.validUntil === undefined ? undefined : new Date(facts.validUntil);
  if (facts.state === 'expired' || lapsesAt(known?.usedAt ?? at.now, validUntil) <= at.now) return 'expired';
  // A replica that lags says "pending" of what was confirmed before.
  return known?.state === 'active' ? 'active' : facts.state;
}

/** The event that entering a state causes. */
export function mandateEvent(from: MandateState | undefined, to: MandateState): MandateEventType | undefined {
  if (from === to || to === 'pending') return undefined;
  if (to === 'active') return 'mandate.created';
  // One that never was active has nothing to end for a flow.
  return from === undefined ? undefined : `mandate.${to}`;
}
