/**
 * Settling refunds one by one, where the provider lists them; `refund.ts` settles by totals where it does not.
 *
 * A listed refund is ours when it repeats our reference, or has the id under which it was accepted. One that says neither may be ours all
 * the same, when the answer to our request was lost: then it is taken for an unsettled one of exactly that amount, before it counts as
 * made at the provider. What the list leaves out is left alone: lists are cut off and lag.
 */
import type { RefundFacts } from '@kassaflow/plugin-sdk';
import { isKassaflowError } from '../../kernel/errors.ts';
import { uuidOf } from '../../kernel/ids.ts';
import type { RefundView } from './refund.ts';

export interface ListedRefund extends RefundView {
  readonly providerId: string | null;
  readonly origin: 'kassaflow' | 'provider';
}

export interface ListSettlement {
  /** Our rows that the list names, and where each goes; without `to` it stays where it is. */
  readonly named: readonly { readonly id: string; readonly providerId: string; readonly to?: 'pending' | 'completed' | 'failed' }[];
  /** Made at the provider without us, and not known yet. */
  readonly foreign: readonly RefundFacts[];
}

/** @param refunds of one payment, oldest first. Settling by the same list again changes nothing. */
export function settleListed(refunds: readonly ListedRefund[], listed: readonly RefundFacts[]): ListSettlement {
  const free = new Map(refunds.map((refund) => [refund.id, refund]));
  const pairs = new Map<RefundFacts, ListedRefund>();
  const rules: ((fact: RefundFacts) => ListedRefund | undefined)[] = [
    ({ reference }) => (reference === undefined ? undefined : free.get(refundIdIn(reference) ?? '')),
    ({ providerId }) => [...free.values()].find((refund) => refund.providerId === providerId),
    ({ amount, reference }) => (reference === undefined ? nameless(free.values(), BigInt(amount)) : undefined),
  ];
  // All that is certain comes before what is only likely.
  for (const rule of rules) {
    for (const fact of listed) {
      const refund = pairs.has(fact) ? undefined : rule(fact);
      if (!refund) continue;
      pairs.set(fact, refund);
      free.delete(refund.id);
    }
  }
  return {
    named: [...pairs].map(([{ providerId, state }, refund]) => ({ id: refund.id, providerId, ...moveOf(refund, state) })),
    // One that failed before we knew of it moved no money.
    foreign: listed.filter((fact) => !pairs.has(fact) && fact.state !== 'failed' && fact.amount > 0),
  };
}

/** One that was sent, and that no list has named so far. */
function nameless(refunds: Iterable<ListedRefund>, amount: bigint): ListedRefund | undefined {
  return [...refunds].find(
    (refund) => refund.amount === amount && refund.providerId === null && refund.sentAt !== null && refund.state !== 'failed',
  );
}

function moveOf({ state }: ListedRefund, reported: RefundFacts['state']): { readonly to?: 'pending' | 'completed' | 'failed' } {
  const to = reported === 'done' ? 'completed' : reported;
  if (to === state) return {};
  // A replica that lags still says "pending" of what is done.
  if (to === 'pending') return state === 'requested' ? { to } : {};
  return { to };
}

function refundIdIn(reference: string): string | undefined {
  try {
    return uuidOf('ref', reference);
  } catch (error) {
    if (isKassaflowError(error, 'id.format')) return undefined;
    throw error;
  }
}
