import { newId, missing, type Payout, type Transaction } from './stripe-objects.ts';
import type { StripeClock } from './stripe-clock.ts';

const DAY_S = 86_400;

/** What a payment of any kind costs, in Stripe's units. */
export const FEE = 29;
/** What a dispute costs the merchant. */
export const DISPUTE_FEE = 1_500;

/** The account's balance: every movement, and payouts of all that was not paid out before. */
export class StripeLedger {
  readonly transactions: Transaction[] = [];
  readonly payouts: Payout[] = [];
  /** `manual`: payouts are made only when somebody asks for one. */
  interval: 'daily' | 'manual' = 'daily';
  readonly #paidOut = new Map<string, string>();
  readonly #clock: StripeClock;
  readonly #live: boolean;
  readonly #tell: (type: string, payout: Payout) => void;

  constructor(clock: StripeClock, live: boolean, tell: (type: string, payout: Payout) => void) {
    this.#clock = clock;
    this.#live = live;
    this.#tell = tell;
  }

  /** Books a movement; also of a type that nobody knows. */
  book(movement: {
    readonly type: string;
    readonly amount: number;
    readonly currency: string;
    readonly source?: string;
    readonly fee?: number;
    /** The part of the fee that is VAT. */
    readonly tax?: number;
    readonly category?: string;
  }): Transaction {
    const { type, amount, currency, source = null, fee = 0, tax = 0, category = type } = movement;
    const transaction: Transaction = {
      id: newId('txn'),
      object: 'balance_transaction',
      amount,
      fee,
      fee_details: [
        ...(fee > tax ? [{ type: 'stripe_fee' as const, amount: fee - tax, currency }] : []),
        ...(tax > 0 ? [{ type: 'tax' as const, amount: tax, currency }] : []),
      ],
      net: amount - fee,
      currency,
      type,
      reporting_category: category,
      source,
      status: 'available',
      created: this.#clock.seconds(),
    };
    this.transactions.push(transaction);
    return transaction;
  }

  transaction(id: string): Transaction {
    return this.transactions.find((one) => one.id === id) ?? missing('balance transaction', id);
  }

  /** Sends what there is of a currency to the bank: it arrives today, and is there with {@link arrive}. */
  payOut({
    currency = 'eur',
    automatic = this.interval !== 'manual',
  }: { readonly currency?: string; readonly automatic?: boolean } = {}): Payout {
    const open = this.transactions.filter((one) => one.currency === currency && !this.#paidOut.has(one.id));
    const amount = open.reduce((sum, { net }) => sum + net, 0);
    const own = this.book({ type: 'payout', amount: -amount, currency });
    const payout: Payout = {
      id: newId('po'),
      object: 'payout',
      amount,
      currency,
      automatic,
      arrival_date: Math.floor(this.#clock.seconds() / DAY_S) * DAY_S,
      balance_transaction: own.id,
      reconciliation_status: automatic ? 'in_progress' : 'not_applicable',
      status: 'in_transit',
      created: this.#clock.seconds(),
      livemode: this.#live,
    };
    own.source = payout.id;
    for (const { id } of [...open, own]) this.#paidOut.set(id, payout.id);
    this.payouts.push(payout);
    return payout;
  }

  arrive(id: string): Payout {
    const payout = this.payout(id);
    payout.status = 'paid';
    if (payout.automatic) payout.reconciliation_status = 'completed';
    this.#tell('payout.paid', payout);
    if (payout.automatic) this.#tell('payout.reconciliation_completed', payout);
    return payout;
  }

  /** The bank sends it back: the money is on the balance again, and in a later payout. */
  bounce(id: string): Payout {
    const payout = this.payout(id);
    payout.status = 'failed';
    if (payout.automatic) payout.reconciliation_status = 'completed';
    this.book({ type: 'payout_failure', amount: payout.amount, currency: payout.currency, source: payout.id });
    this.#tell('payout.failed', payout);
    return payout;
  }

  payout(id: string): Payout {
    return this.payouts.find((one) => one.id === id) ?? missing('payout', id);
  }

  /** Newest first, as Stripe lists. */
  transactionsOf(payout: string): readonly Transaction[] {
    this.payout(payout);
    return this.transactions.filter(({ id }) => this.#paidOut.get(id) === payout).toReversed();
  }
}
