import type { Posted, SettledDays } from '../desks/desk.ts';
import type { Trouble } from './history.ts';

/** What our side says of a payment in the end. Minor units. */
export interface Books {
  readonly state: string;
  readonly captured: number;
  readonly refunded: number;
  readonly chargedBack: number;
  /** What the provider owes us, with the fees that it kept. */
  readonly owed: number;
  /** What of it are fees that it told with the payment. */
  readonly fees: number;
  /** By the ledger. */
  readonly onInvoices: number;
  /** By the invoices, one by one. */
  readonly allocated: readonly number[];
  readonly unallocated: number;
  /** Refunds that count as done, of whatever origin. */
  readonly refundsDone: number;
  /** How often the customer was told that the payment was completed. */
  readonly completions: number;
}

/** What the lines of all settlements so far say of a payment. Minor units. */
export interface Settled {
  readonly gross: number;
  readonly fees: number;
  /** What of it our books do not know. */
  readonly unexplained: number;
}

/** Our side of one payment: what it can be asked to do, and what it then has in its books. */
export interface Core {
  /** The provider's id of the payment; empty when none came of it. */
  readonly payment: string;
  readonly reference: string;
  /** Opens the payment of invoices over these amounts. */
  open(invoices: readonly number[], manual: boolean, trouble: Trouble): Promise<void>;
  /** Each tells whether it came about by our own word. */
  capture(amount: number, trouble: Trouble): Promise<boolean>;
  cancel(trouble: Trouble): Promise<boolean>;
  refund(amount: number, trouble: Trouble): Promise<boolean>;
  /** Another payment covers so much of an invoice, or as much as is still open there. @returns how much it was */
  payElsewhere(invoice: number, amount: number): Promise<number>;
  look(): Promise<void>;
  /** Asks, and keeps the answer in the wire. */
  keepLook(): Promise<void>;
  /** The answer that was kept arrives. */
  applyKept(): Promise<void>;
  /** Asks, and hears what was true when it was kept. */
  laggingLook(): Promise<void>;
  deliver(posted: Posted): Promise<void>;
  /** Reads what was settled on these days, and holds it against what we know. */
  settle(days: SettledDays): Promise<Settled>;
  /** Whatever has to be looked at a second time is; then what the books say. */
  close(): Promise<Books>;
}
