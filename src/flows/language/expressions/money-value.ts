/** Money inside an expression: a class of its own, because CEL finds operators by class. */
import { isCurrency } from '../../../kernel/currency.ts';
import { add, compare, decimal, money, parseMoney, subtract, type Money } from '../../../kernel/money.ts';
import { expressionErrors } from './errors.ts';

const TEXT = /^(-?[0-9]+(?:\.[0-9]+)?) ?([A-Z]{3})$/;

/**
 * An amount as expressions see it. The amount of a subject that is not there is {@link MoneyValue.ZERO}: zero of any
 * currency, so that `invoice.open > money("1 EUR")` is false and not an error when there is no invoice.
 */
export class MoneyValue {
  static readonly ZERO = new MoneyValue(undefined);

  /** Absent for zero of any currency. */
  readonly #value: Money | undefined;
  readonly amount: string;
  readonly currency: string;

  constructor(value: Money | undefined) {
    this.#value = value;
    this.amount = value ? decimal(value) : '0';
    this.currency = value?.currency ?? '';
  }

  /** @throws money.* for anything but the wire form */
  static of(wire: unknown): MoneyValue {
    return new MoneyValue(parseMoney(wire));
  }

  /** Reads `500 EUR` and `12.50 EUR`. @throws expression.value, money.* */
  static read(text: string): MoneyValue {
    const known = readBefore.get(text);
    if (known) return known;
    const [, amount, currency] = TEXT.exec(text) ?? [];
    if (amount === undefined || !isCurrency(currency))
      throw expressionErrors.value({ found: text.slice(0, 40), accepted: 'an amount and a currency, for example "500 EUR"' });
    const value = MoneyValue.of({ amount, currency });
    if (readBefore.size >= 200) readBefore.clear();
    readBefore.set(text, value);
    return value;
  }

  plus(other: MoneyValue): MoneyValue {
    return this.#with(other, (a, b) => new MoneyValue(add(a, b))) ?? (this.#value ? this : other);
  }

  minus(other: MoneyValue): MoneyValue {
    return this.#with(other, (a, b) => new MoneyValue(subtract(a, b))) ?? (this.#value ? this : other.times(-1n));
  }

  times(factor: bigint): MoneyValue {
    return this.#value ? new MoneyValue(money(this.#value.minor * factor, this.#value.currency)) : this;
  }

  /** Negative, zero or positive. @throws expression.currency-mix */
  compare(other: MoneyValue): number {
    return this.#with(other, compare) ?? Number((this.#value?.minor ?? 0n) - (other.#value?.minor ?? 0n));
  }

  toJSON(): unknown {
    return this.#value ? { amount: this.amount, currency: this.currency } : null;
  }

  #with<T>(other: MoneyValue, operation: (a: Money, b: Money) => T): T | undefined {
    if (!this.#value || !other.#value) return undefined;
    if (this.currency !== other.currency) throw expressionErrors['currency-mix']({ left: this.currency, right: other.currency });
    return operation(this.#value, other.#value);
  }
}

/** Amounts written in flows are few and read again in every run: 0.01 µs from here, 1 µs to parse. */
const readBefore = new Map<string, MoneyValue>();
