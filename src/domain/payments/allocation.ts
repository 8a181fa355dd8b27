/**
 * Which part of a payment pays which invoice.
 *
 * It is decided twice. When the payment is made, {@link intend} divides the amount over the invoices by a rule. When money
 * comes (or goes back), {@link spread} puts what is there on them: never more than intended, never more than an invoice has
 * room for, and what is left over stays unallocated. `spread` looks only at the total, so it makes no difference in how
 * many signals the money was reported, or in what order.
 */
import { allocate, money } from '../../kernel/money.ts';
import { paymentErrors } from './payment.errors.ts';

/** `chosen`: the caller named the parts; they are filled in the order named. */
export type SplitRule = 'oldest-first' | 'proportional' | 'chosen';

/** An invoice at the moment a payment is made. Amounts in minor units of the payment's currency. */
export interface OpenInvoice {
  readonly id: string;
  readonly open: bigint;
  /** The part that the caller chose. */
  readonly chosen?: bigint;
}

/** How much of the payment is meant for one invoice; above zero. */
export interface Intent {
  readonly id: string;
  readonly intended: bigint;
}

/** One invoice when money is put on it. */
export interface Share {
  readonly intended: bigint;
  /** What the invoice can still take from this payment: its open amount and what this payment has on it already. */
  readonly room: bigint;
}

/**
 * Divides `amount` over `invoices`, which come oldest first. The parts sum to `amount` exactly; an invoice that gets
 * nothing is left out.
 *
 * @throws payment.exceeds-open when they are not that open, payment.split-sum when chosen parts do not add up
 */
export function intend(rule: SplitRule, amount: bigint, invoices: readonly OpenInvoice[]): Intent[] {
  const open = total(invoices.map((invoice) => invoice.open));
  if (amount > open) throw paymentErrors['exceeds-open']({ open, amount });
  const parts =
    rule === 'chosen'
      ? chosenParts(amount, invoices)
      : rule === 'proportional'
        ? proportional(
            amount,
            invoices.map((invoice) => invoice.open),
          )
        : inOrder(
            amount,
            invoices.map((invoice) => invoice.open),
          );
  return invoices.map(({ id }, index) => ({ id, intended: parts[index] ?? 0n })).filter(({ intended }) => intended > 0n);
}

/** How much of `available` goes to each share; the sum is at most `available`. Below zero there is nothing to give. */
export function spread(rule: SplitRule, available: bigint, shares: readonly Share[]): bigint[] {
  const intended = shares.map((share) => share.intended);
  const wanted = total(intended);
  const given = available < wanted ? available : wanted;
  if (given <= 0n) return shares.map(() => 0n);
  const parts = rule === 'proportional' ? proportional(given, intended) : inOrder(given, intended);
  return parts.map((part, index) => smaller(part, shares[index]?.room ?? 0n));
}

function chosenParts(amount: bigint, invoices: readonly OpenInvoice[]): bigint[] {
  const parts = invoices.map(({ chosen }) => chosen ?? 0n);
  if (total(parts) !== amount) throw paymentErrors['split-sum']({ amount, parts: total(parts) });
  if (invoices.some(({ open }, index) => (parts[index] ?? 0n) > open)) throw paymentErrors['exceeds-open']({ amount });
  return parts;
}

function inOrder(amount: bigint, limits: readonly bigint[]): bigint[] {
  let left = amount;
  return limits.map((limit) => {
    const part = smaller(left, limit);
    left -= part;
    return part;
  });
}

/** By largest remainder. No part exceeds its weight, because the amount does not exceed their sum. */
function proportional(amount: bigint, weights: readonly bigint[]): bigint[] {
  // The currency is of no account here: the kernel's rule is for the split alone.
  return allocate(money(amount, 'EUR'), weights).map(({ minor }) => minor);
}

function total(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
