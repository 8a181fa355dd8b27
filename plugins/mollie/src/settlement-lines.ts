import type { SettlementLine } from '@kassaflow/plugin-sdk';
import { UnreadableError, type Amount } from './amounts.ts';
import { decimalText, millionthsOf } from './decimal.ts';
import { PAYMENT_MARK } from './facts.ts';
import { instantOf, markIn } from './seen.ts';

export const PARTS = ['payments', 'refunds', 'chargebacks', 'captures'] as const;
export type Part = (typeof PARTS)[number];

interface Cost {
  readonly description?: string;
  readonly amountVat?: Amount | null;
  readonly amountGross: Amount;
}

export interface SeenSettlement {
  readonly id: string;
  readonly settledAt: string;
  readonly amount: Amount;
  readonly periods?: Readonly<Record<string, Readonly<Record<string, { readonly costs?: readonly Cost[] | null }>>>> | null;
}

/** A payment, refund, chargeback or capture in a settlement. */
export interface SeenItem {
  readonly id: string;
  readonly amount: Amount;
  readonly settlementAmount?: Amount | null;
  readonly paymentId?: string | null;
  readonly metadata?: unknown;
}

/** Days are Mollie's: its settlements and reports run from midnight to midnight in Amsterdam. */
const AMSTERDAM = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Amsterdam', year: 'numeric', month: '2-digit', day: '2-digit' });

/** Half a cent for each line that was rounded: what is left after the lines is rounding only when it is less than this. */
const ROUNDING = 5_000n;

/** `2026-11-30`, in Amsterdam. @throws UnreadableError */
export function amsterdamDay(instant: number): string {
  if (!Number.isFinite(instant)) throw new UnreadableError('Mollie told a date that cannot be read.');
  return AMSTERDAM.format(instant);
}

/** What one item brought or cost. Refunds and chargebacks are negative at Mollie already; a chargeback that came back is positive. */
export function lineOf(settlement: SeenSettlement, part: Part, item: SeenItem): SettlementLine {
  const { value } = item.settlementAmount ?? item.amount;
  const isGiven = part === 'refunds' || part === 'chargebacks';
  const signed = millionthsOf(value);
  // Without an amount in the settlement's currency the item's own stands in, and that has no sign.
  const net = isGiven && !item.settlementAmount && signed > 0n ? -signed : signed;
  const payment = part === 'payments' ? item.id : (item.paymentId ?? undefined);
  const reference = part === 'payments' ? markIn(item.metadata, PAYMENT_MARK) : undefined;
  return line(settlement, {
    providerId: item.id,
    kind: part === 'refunds' ? 'refund' : part === 'chargebacks' ? (net > 0n ? 'chargeback-reversal' : 'chargeback') : 'payment',
    ...(payment === undefined ? {} : { payment }),
    ...(reference === undefined ? {} : { reference }),
    ...(part === 'refunds' ? { refund: item.id } : {}),
    gross: net,
    fee: 0n,
    ...exchangedOf(item, net),
  });
}

/** What an item was in the currency that was paid in. Refunds have no sign there; it is that of what they cost. */
function exchangedOf({ amount, settlementAmount }: SeenItem, net: bigint): Pick<SettlementLine, 'exchanged'> {
  if (!settlementAmount || settlementAmount.currency === amount.currency) return {};
  const paid = millionthsOf(amount.value);
  const size = paid < 0n ? -paid : paid;
  return { exchanged: { gross: decimalText(net < 0n ? -size : size), currency: amount.currency } };
}

export function sumOf(lines: readonly SettlementLine[]): bigint {
  return lines.reduce((sum, { net }) => sum + millionthsOf(net), 0n);
}

/**
 * Costs with their VAT, what rounding left, and the payout itself. `sum` is that of all lines before. A rest that is too large to be
 * rounding is a line of kind `unknown`: it belongs on a suspense account, where a person looks at it.
 */
export function closingLines(settlement: SeenSettlement, sum: bigint): readonly SettlementLine[] {
  const costs = costsOf(settlement);
  const paidOut = millionthsOf(settlement.amount.value);
  const rest = paidOut - sum + costs.reduce((total, { amount }) => total + amount, 0n);
  const size = rest < 0n ? -rest : rest;
  const isRounding = size <= ROUNDING * BigInt(costs.length + 1);
  return [
    ...costs.map(({ id, amount, vat, description }) =>
      line(settlement, {
        providerId: id,
        kind: 'fee',
        ...(description === undefined ? {} : { providerType: description.slice(0, 200) }),
        gross: 0n,
        fee: amount,
        ...(vat === undefined ? {} : { feeVat: vat }),
      }),
    ),
    ...(rest === 0n
      ? []
      : [line(settlement, { providerId: `${settlement.id}:rest`, kind: isRounding ? 'adjustment' : 'unknown', gross: rest, fee: 0n })]),
    line(settlement, { providerId: settlement.id, kind: 'payout', gross: -paidOut, fee: 0n }),
  ];
}

interface SeenCost extends Pick<Cost, 'description'> {
  readonly id: string;
  readonly amount: bigint;
  readonly vat?: bigint;
}

function costsOf({ id, periods }: SeenSettlement): readonly SeenCost[] {
  return Object.entries(periods ?? {}).flatMap(([year, months]) =>
    Object.entries(months).flatMap(([month, { costs }]) =>
      (costs ?? []).map(({ description, amountVat, amountGross }, index) => ({
        id: `${id}:cost:${year}-${month}:${index}`,
        amount: millionthsOf(amountGross.value),
        ...(description === undefined ? {} : { description }),
        ...(amountVat ? { vat: millionthsOf(amountVat.value) } : {}),
      })),
    ),
  );
}

type Figures = Pick<SettlementLine, 'providerId' | 'kind' | 'providerType' | 'payment' | 'reference' | 'refund' | 'exchanged'> & {
  readonly gross: bigint;
  readonly fee: bigint;
  readonly feeVat?: bigint;
};

function line(settlement: SeenSettlement, { gross, fee, feeVat, ...rest }: Figures): SettlementLine {
  const settledAt = instantOf(settlement.settledAt) ?? 0;
  return {
    ...rest,
    payout: settlement.id,
    currency: settlement.amount.currency,
    gross: decimalText(gross),
    fee: decimalText(fee),
    ...(feeVat === undefined ? {} : { feeVat: decimalText(feeVat) }),
    net: decimalText(gross - fee),
    bookedAt: settledAt,
    bookedOn: amsterdamDay(settledAt),
  };
}
