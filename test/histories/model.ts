/**
 * What the books must say of a payment: sums over what happened to its money. It knows no provider, webhook, attempt or ledger. How far the
 * payment has come, which of its refunds are done and which fee was kept, the provider's own account says.
 */
import type { Account, Act } from '../desks/desk.ts';
import type { Books } from './core.ts';

/** Providers' stages in our words, of a payment of which nothing was taken. */
const STATES = {
  open: 'open',
  'under-way': 'pending',
  held: 'authorized',
  taken: '?',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'expired',
};

export class Model {
  captured = 0;
  chargedBack = 0;
  /** Amounts, oldest first; 0 of one that failed. */
  readonly refunds: number[] = [];
  readonly #isManual: boolean;
  readonly #invoices: readonly { readonly total: number; elsewhere: number }[];

  constructor(isManual: boolean, invoices: readonly number[]) {
    this.#isManual = isManual;
    this.#invoices = invoices.map((total) => ({ total, elsewhere: 0 }));
  }

  /** It has come about, with this amount, or to this one of the refunds or invoices. */
  take(act: Act | 'capture' | 'cancel' | 'refund', number: number): void {
    if (act === 'arrive' || act === 'capture' || (act === 'approve' && !this.#isManual)) this.captured += number;
    if (act === 'refund' || act === 'refund-at-desk') this.refunds.push(number);
    if (act === 'fail-refund') this.refunds[number] = 0;
    if (act === 'dispute' || act === 'take-back') this.chargedBack += number;
    if (act === 'win-dispute') this.chargedBack -= number;
  }

  payElsewhere(invoice: number, amount: number): void {
    const paid = this.#invoices[invoice];
    if (paid) paid.elsewhere += amount;
  }

  books({ stage, refunds, fee }: Account): Omit<Books, 'completions'> {
    const refunded = this.refunds.reduce((total, amount, index) => total + (refunds[index]?.state === 'done' ? amount : 0), 0);
    const net = this.captured - refunded - this.chargedBack;
    let left = Math.max(0, net);
    const allocated = this.#invoices.map(({ total, elsewhere }) => {
      const part = Math.min(left, total);
      left -= part;
      return Math.min(part, total - elsewhere);
    });
    const onInvoices = allocated.reduce((total, amount) => total + amount, 0);
    const { captured, chargedBack } = this;
    const sums = { captured, refunded, chargedBack, owed: net, fees: fee, allocated, onInvoices, unallocated: net - onInvoices };
    return { ...sums, refundsDone: refunded, state: captured === 0 ? STATES[stage] : this.#stateOfMoney(refunded) };
  }

  #stateOfMoney(refunded: number): string {
    if (this.chargedBack > 0) return 'charged-back';
    if (refunded === 0) return 'completed';
    return refunded === this.captured ? 'refunded' : 'partially-refunded';
  }
}
