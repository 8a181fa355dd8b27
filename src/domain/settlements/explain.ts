/**
 * What our books have of a payment already, without its settlement lines.
 *
 * A payment's captures, refunds, chargebacks and fee come into the books by its facts. A line that tells the same money again must not
 * be booked again: it is explained, as far as the payment's own totals reach. What is left over is money that our books do not know of.
 *
 * Lines are gone through in the order in which they were booked, and each direction has its own room: captures up to what was captured,
 * refunds down to what was refunded, chargebacks down to what was ever charged back, won back or not. So a chargeback is explained
 * before the line of its reversal has come.
 */
import type { SettlementLine } from '@kassaflow/plugin-sdk';
import type { Fine } from '../../kernel/fine-money.ts';

/** A line of one payment, in the payment's currency: its own, or what it was before the provider exchanged it, which has no fee. */
export interface LineToExplain {
  readonly kind: SettlementLine['kind'];
  readonly gross: Fine;
  readonly fee: Fine;
}

/** The payment's totals in our books. */
export interface KnownTotals {
  readonly captured: Fine;
  readonly refunded: Fine;
  /** With what was won back since. */
  readonly everChargedBack: Fine;
  readonly fee: Fine;
}

export interface Explained {
  readonly gross: Fine;
  readonly fee: Fine;
}

/** The explained parts of the lines of one payment, in their order. @param lines oldest first */
export function explain(lines: readonly LineToExplain[], known: KnownTotals): readonly Explained[] {
  const rooms: Partial<Record<SettlementLine['kind'], Room>> = {
    payment: new Room(0n, known.captured),
    refund: new Room(-known.refunded, 0n),
    chargeback: new Room(-known.everChargedBack, 0n),
    'chargeback-reversal': new Room(0n, known.everChargedBack),
  };
  const fees = known.fee < 0n ? new Room(known.fee, 0n) : new Room(0n, known.fee);
  return lines.map(({ kind, gross, fee }) => ({ gross: rooms[kind]?.take(gross) ?? 0n, fee: fees.take(fee) }));
}

/** The part of `amount` that is as large a part of it as `part` is of `whole`, exact for the whole and never more than its share. */
export function shareOf(amount: Fine, part: Fine, whole: Fine): Fine {
  return part === whole ? amount : (amount * part) / whole;
}

/** A running sum that stays between two ends. */
class Room {
  #sum = 0n;

  constructor(
    private readonly least: Fine,
    private readonly most: Fine,
  ) {}

  /** As much of `amount` as there is room for. */
  take(amount: Fine): Fine {
    const wanted = this.#sum + amount;
    const next = wanted < this.least ? this.least : wanted > this.most ? this.most : wanted;
    const taken = next - this.#sum;
    this.#sum = next;
    return taken;
  }
}
