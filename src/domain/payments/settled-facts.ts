/**
 * What settlements tell of a payment and a fetch does not: at some providers chargebacks are in their reports only, and now and then a
 * refund is.
 *
 * It is kept beside the facts, because the next fetch says nothing of it, and "not told" must not undo it. Both are totals: what was
 * charged back and not won back, in place of the fetch's; and what was refunded at least, because a fetch may catch up later.
 */
import type { PaymentRow } from './payment.entity.ts';
import type { Facts } from './payment.ts';

/** The facts with what settlements told before. */
export function withSettled(row: Pick<PaymentRow, 'settledChargedBackMinor' | 'settledRefundedMinor'>, facts: Facts): Facts {
  const { settledChargedBackMinor: back, settledRefundedMinor: refunded } = row;
  if ((back === null || back === undefined) && (refunded === null || refunded === undefined)) return facts;
  return {
    ...facts,
    chargedBack: atMost(back ?? facts.chargedBack, facts.captured),
    refunded: atMost(refunded !== null && refunded !== undefined && refunded > facts.refunded ? refunded : facts.refunded, facts.captured),
  };
}

function atMost(amount: bigint, most: bigint): bigint {
  return amount > most ? most : amount;
}
