/**
 * What an invoice is and how it changes.
 *
 * - **draft**: being written. It has no number, is not in the books and may be changed or dropped.
 * - **issued**: it has a number without a gap in its year, is in the books (D receivable, C sales and VAT), and its content
 *   is fixed. Payments are allocated to it; `open` is what is left.
 * - **paid**: payments cover it to the cent. Not final: a refund or a chargeback takes its part back and the invoice is
 *   issued again, with that part open.
 * - **written-off**: what was open is given up and booked as a loss (D bad debts, C receivable); nothing is asked for any more. Not final:
 *   money that comes all the same takes its part of the loss back, and a chargeback opens the invoice by its part.
 * - **cancelled**: dropped as a draft, or taken back after issue while nothing was paid on it; its entry is reversed and
 *   its number stays used. An invoice with money on it is not cancelled but credited.
 */
import { add, compare, money, toWire, type Money } from '../../kernel/money.ts';
import type { InvoiceSubject } from '../../events/catalogue/subjects.ts';
import { idOf } from '../../kernel/ids.ts';
import type { InvoiceRow, InvoiceState } from './invoice.entity.ts';
import { invoiceErrors } from './invoice.errors.ts';

const NEXT: Readonly<Record<InvoiceState, readonly InvoiceState[]>> = {
  draft: ['issued', 'cancelled'],
  issued: ['paid', 'written-off', 'cancelled'],
  paid: ['issued'],
  'written-off': ['issued', 'paid'],
  cancelled: [],
};

/** Checks a change of state. @throws invoice.illegal-transition */
export function checkTransition(from: InvoiceState, to: InvoiceState): void {
  if (!NEXT[from].includes(to)) throw invoiceErrors['illegal-transition']({ from, to });
}

/** What is still to be paid; zero for one that was never issued or was cancelled, and without what was given up. */
export function openOf(invoice: InvoiceRow): Money {
  return money(isOwed(invoice) ? invoice.totalMinor - invoice.paidMinor - invoice.writtenOffMinor : 0n, invoice.currency);
}

/** What money that comes can still pay: what is open, and what was given up. */
export function roomOf(invoice: InvoiceRow): Money {
  return money(isOwed(invoice) ? invoice.totalMinor - invoice.paidMinor : 0n, invoice.currency);
}

/**
 * What a customer can be asked to pay, or pays of his own accord: what is open, and of an invoice that was given up, what was given up.
 * A mandate is charged for what is open alone.
 */
export function payableOf(invoice: InvoiceRow): Money {
  return invoice.state === 'written-off' ? roomOf(invoice) : openOf(invoice);
}

function isOwed({ state }: InvoiceRow): boolean {
  return state === 'issued' || state === 'paid' || state === 'written-off';
}

/**
 * The invoice's state and amounts once `change` more of it is covered; negative takes cover back. Money takes back what was given up only
 * after what is open is paid.
 * @throws invoice.illegal-transition for a draft or cancelled one, invoice.overpaid beyond its total or below zero
 */
export function covered(
  invoice: InvoiceRow,
  change: Money,
): { readonly state: InvoiceState; readonly paid: Money; readonly writtenOff: Money } {
  const total = money(invoice.totalMinor, invoice.currency);
  const paid = add(money(invoice.paidMinor, invoice.currency), change);
  if (paid.minor < 0n || compare(paid, total) > 0) throw invoiceErrors.overpaid({ open: openOf(invoice).minor, change: change.minor });
  const left = total.minor - paid.minor;
  const writtenOff = money(invoice.writtenOffMinor < left ? invoice.writtenOffMinor : left, invoice.currency);
  const state = left === 0n ? 'paid' : left === writtenOff.minor ? 'written-off' : 'issued';
  if (state !== invoice.state) checkTransition(invoice.state, state);
  return { state, paid, writtenOff };
}

/** Letters ask for what is open; an invoice that was given up is paid by the same address, and no letter names it any more. */
export function isAskedFor(row: InvoiceRow): boolean {
  return openOf(row).minor > 0n;
}

/** The invoice on the wire, but for the address at which it is paid: our own origin belongs to that. */
export function invoiceSubject(row: InvoiceRow): Omit<InvoiceSubject, 'payUrl'> {
  const [total, paid] = [money(row.totalMinor, row.currency), money(row.paidMinor, row.currency)];
  return {
    id: idOf('inv', row.id),
    number: row.number ?? '',
    status: row.state,
    description: row.description,
    total: toWire(total),
    paid: toWire(paid),
    open: toWire(openOf(row)),
    customer: idOf('cus', row.customerId),
    issuedOn: row.issuedOn ?? '',
    dueOn: row.dueOn ?? '',
  };
}
