import type { MollieBook } from './mollie-book.ts';
import { amountOf, minorOf, MollieProblem, newId, type Amount } from './mollie-objects.ts';

/** A payment by any method costs 0.29, and 21 % VAT on that, in ten-thousandths: Mollie tells costs with four decimals. */
const COST = 2_900;
const VAT = 609;

export interface Settlement {
  readonly id: string;
  readonly reference: string;
  readonly createdAt: string;
  readonly payments: readonly string[];
  readonly refunds: readonly string[];
  readonly chargebacks: readonly string[];
  readonly reversals: readonly string[];
  readonly captures: readonly string[];
  readonly amount: Amount;
  readonly periods: object;
  status: string;
  settledAt: string | null;
}

/** Pays out what has happened since the last time. Everything is in euros. */
export class MollieSettlements {
  readonly all: Settlement[] = [];
  readonly #book: MollieBook;
  readonly #taken = new Set<string>();

  constructor(book: MollieBook) {
    this.#book = book;
  }

  /** Closes a settlement of all that is not in one yet. It is with the bank until {@link payOut}. `wrongBy` falsifies its amount. */
  close(wrongBy = 0): Settlement {
    const { payments, refunds, chargebacks, captures, clock } = this.#book;
    const fresh = (id: string): boolean => !this.#taken.has(id);
    const parts = {
      payments: payments.filter((one) => one.status === 'paid' && one.captureMode === 'automatic' && fresh(one.id)),
      captures: captures.filter(({ id }) => fresh(id)),
      refunds: refunds.filter((one) => one.status === 'refunded' && fresh(one.id)),
      chargebacks: chargebacks.filter((one) => fresh(one.id)),
      reversals: chargebacks.filter((one) => one.reversedAt !== null && !fresh(one.id) && fresh(`reversed ${one.id}`)),
    };
    const sum = (items: readonly { readonly amount: Amount }[]): number => items.reduce((total, { amount }) => total + minorOf(amount), 0);
    const count = parts.payments.length + parts.captures.length;
    const gross = sum(parts.payments) + sum(parts.captures) - sum(parts.refunds) - sum(parts.chargebacks) + sum(parts.reversals);
    const costs = Math.round((count * (COST + VAT)) / 100);
    const ids = (items: readonly { readonly id: string }[]): readonly string[] => items.map(({ id }) => id);
    const settlement: Settlement = {
      id: newId('stl'),
      reference: `1234567.${new Date(clock.now()).toISOString().slice(2, 7).replace('-', '')}.${this.all.length + 1}`,
      createdAt: clock.stamp(),
      payments: ids(parts.payments),
      refunds: ids(parts.refunds),
      captures: ids(parts.captures),
      chargebacks: ids(parts.chargebacks),
      reversals: ids(parts.reversals),
      amount: amountOf(gross - costs + wrongBy, 'EUR'),
      periods: periodOf(clock.now(), count),
      status: 'processing-at-bank',
      settledAt: null,
    };
    for (const id of [...settlement.payments, ...settlement.captures, ...settlement.refunds, ...settlement.chargebacks])
      this.#taken.add(id);
    for (const id of settlement.reversals) this.#taken.add(`reversed ${id}`);
    this.all.unshift(settlement);
    return settlement;
  }

  payOut(id: string): Settlement {
    return Object.assign(this.find(id), { status: 'paidout', settledAt: this.#book.clock.stamp() });
  }

  find(id: string): Settlement {
    const found = this.all.find((one) => one.id === id);
    if (!found) throw new MollieProblem(404, `No settlement exists with token ${id}.`);
    return found;
  }

  show({ payments: _p, refunds: _r, chargebacks: _c, reversals: _v, captures: _t, ...settlement }: Settlement): object {
    return { resource: 'settlement', balanceId: 'bal_gVMhHKqSSRYJyPsuoPNFH', invoiceId: 'inv_FrvewDA3Pr', ...settlement, _links: {} };
  }
}

function periodOf(now: number, count: number): object {
  const [year = '', month = ''] = new Date(now).toISOString().split('-');
  if (count === 0) return { [year]: { [month]: { revenue: [], costs: [] } } };
  const four = (size: number): Amount => ({ currency: 'EUR', value: (size / 10_000).toFixed(4) });
  const cost = {
    description: 'Payments',
    method: 'ideal',
    count,
    rate: {
      fixed: four(COST),
      percentage: null,
    },
    amountNet: four(count * COST),
    amountVat: four(count * VAT),
    amountGross: four(count * (COST + VAT)),
  };
  return { [year]: { [month]: { revenue: [], costs: [cost], invoiceId: 'inv_FrvewDA3Pr' } } };
}
