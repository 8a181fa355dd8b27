import type { Currency } from '../../kernel/currency.ts';
import { add, money, sum, type Money } from '../../kernel/money.ts';

/** One line of an invoice, priced without VAT. */
export interface InvoiceLine {
  readonly description: string;
  /** Whole, above zero. */
  readonly quantity: number;
  readonly unit: Money;
  /** Per ten thousand: 2100 is 21 %. */
  readonly vatRate: number;
}

/** Net and VAT of all lines with one rate. */
export interface VatTotal {
  readonly rate: number;
  readonly net: Money;
  readonly vat: Money;
}

export interface InvoiceTotals {
  readonly net: Money;
  readonly vat: Money;
  readonly total: Money;
  /** One for each rate on the invoice, ascending. */
  readonly rates: readonly VatTotal[];
}

export function netOf(line: InvoiceLine): Money {
  return money(line.unit.minor * BigInt(line.quantity), line.unit.currency);
}

/**
 * The totals of a document: VAT once per rate over the sum of its lines, rounded half away from zero to the minor unit.
 * Per line would give another total for the same goods (EN 16931 BR-CO-17 and Belgian law want it per rate; Dutch practice is
 * arithmetic rounding), and half to even is not what a tax office computes.
 *
 * @throws money.currency-mix when lines differ in currency
 */
export function totalsOf(lines: readonly InvoiceLine[], currency: Currency): InvoiceTotals {
  const nets = new Map<number, Money>();
  for (const line of lines) nets.set(line.vatRate, add(nets.get(line.vatRate) ?? money(0n, currency), netOf(line)));
  const rates = [...nets]
    .toSorted(([a], [b]) => a - b)
    .map(([rate, net]) => ({ rate, net, vat: money(roundedShare(net.minor, BigInt(rate)), currency) }));
  const net = sum(
    rates.map((total) => total.net),
    currency,
  );
  const vat = sum(
    rates.map((total) => total.vat),
    currency,
  );
  return { net, vat, total: add(net, vat), rates };
}

/** `minor × rate / 10000`, half away from zero. */
function roundedShare(minor: bigint, rate: bigint): bigint {
  const product = minor * rate;
  const half = product < 0n ? -5_000n : 5_000n;
  return (product + half) / 10_000n;
}
