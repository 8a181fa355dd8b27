import { randomUUID } from 'node:crypto';
import type { Ledger } from './ledger.ts';
import { fateOf } from './magic.ts';
import { amountOf, bookingOf, leftOf, partOf } from './payment-amounts.ts';
import type { DisputeRow, PaymentRow, RefundRow } from './payment-row.ts';
import type { PaymentsDesk } from './payments-desk.ts';
import { Problem } from './problem.ts';
import type { Store } from './store.ts';

const DAY_MS = 86_400_000;
/** How long the refund of a magic amount takes to fail. */
const REFUND_FAILS_MS = 3_000;
const ANSWER_MS = 14 * DAY_MS;

/**
 * Refunds and disputes of payments that were paid. refund: done, or for a magic amount pending → failed. dispute: opened → won | lost;
 * of a direct debit: lost. Every change queues a webhook in the same transaction, which the caller opens.
 */
export class MoneyBack {
  readonly #store: Store;
  readonly #payments: PaymentsDesk;
  readonly #ledger: Ledger;

  constructor(store: Store, payments: PaymentsDesk, ledger: Ledger) {
    this.#store = store;
    this.#payments = payments;
    this.#ledger = ledger;
  }

  /** Gives (part of) taken money back. @throws Problem 400, 409 */
  refund(id: string, reference: string, value: unknown): Pick<RefundRow, 'id' | 'state'> {
    const payment = this.#payments.expect(id, 'paid');
    const amount = partOf(payment, value, leftOf(payment));
    const fails = fateOf(amountOf(payment, payment.amount)).refundFails === true;
    const refund: Pick<RefundRow, 'id' | 'state'> = { id: `sbr_${randomUUID()}`, state: fails ? 'pending' : 'done' };
    const now = Date.now();
    const due_at = fails ? now + REFUND_FAILS_MS : null;
    this.#store.insert('refund', { ...refund, payment: id, reference, amount, due_at, created_at: now });
    this.#ledger.book({ ...bookingOf(payment), kind: 'refund', refund: refund.id, gross: -amount });
    this.#payments.announce(id, fails ? 'refund.created' : 'refund.done');
    return refund;
  }

  /** The customer's bank takes back what was not refunded. @throws Problem 409 */
  dispute(id: string, reason = 'fraudulent'): DisputeRow {
    const payment = this.#payments.expect(id, 'paid');
    const amount = leftOf(payment);
    if (amount <= 0) throw new Problem(409, 'nothing_left', 'All money of this payment went back already.');
    const isDebit = payment.method === 'sepa-debit';
    const dispute = `sbd_${randomUUID()}`;
    const now = Date.now();
    const fate = isDebit ? { state: 'lost', reason: 'MD06', respond_by: null } : { state: 'opened', reason, respond_by: now + ANSWER_MS };
    this.#store.insert('dispute', { id: dispute, payment: id, amount, ...fate, created_at: now });
    this.#move(payment, 'chargeback', amount);
    this.#payments.announce(id, 'chargeback.created');
    return this.#dispute(dispute);
  }

  /** The bank decides a payment's open dispute. @throws Problem 409 when there is none */
  decide(id: string, state: 'won' | 'lost'): DisputeRow {
    const payment = this.#payments.get(id);
    const open = this.#store.one<DisputeRow>("select * from dispute where payment = ? and state = 'opened'", id);
    if (!open) throw new Problem(409, 'no_dispute', 'There is no open dispute of this payment.');
    this.#store.run('update dispute set state = ?, respond_by = null where id = ?', state, open.id);
    if (state === 'won') this.#move(payment, 'chargeback-reversal', -open.amount);
    this.#payments.announce(id, `chargeback.${state}`);
    return this.#dispute(open.id);
  }

  refundsOf(payment: string): readonly RefundRow[] {
    return this.#store.all<RefundRow>('select * from refund where payment = ? order by rowid', payment);
  }

  disputesOf(payment: string): readonly DisputeRow[] {
    return this.#store.all<DisputeRow>('select * from dispute where payment = ? order by rowid', payment);
  }

  /** Lets those refunds fail whose time has come, and tells how many. */
  runDue(): number {
    const due = this.#store.all<RefundRow>("select * from refund where state = 'pending' and due_at <= ? limit 500", Date.now());
    for (const { id, payment, amount } of due) {
      this.#store.run("update refund set state = 'failed', failure = 'account_closed', due_at = null where id = ?", id);
      this.#ledger.book({ ...bookingOf(this.#payments.get(payment)), kind: 'refund', refund: id, gross: amount });
      this.#payments.announce(payment, 'refund.failed');
    }
    return due.length;
  }

  #move(payment: PaymentRow, kind: 'chargeback' | 'chargeback-reversal', taken: number): void {
    this.#store.run('update payment set charged_back = charged_back + ? where id = ?', taken, payment.id);
    this.#ledger.book({ ...bookingOf(payment), kind, gross: -taken });
  }

  #dispute(id: string): DisputeRow {
    const row = this.#store.one<DisputeRow>('select * from dispute where id = ?', id);
    if (!row) throw new TypeError('The dispute was not written');
    return row;
  }
}
