/**
 * What settlements have said of one payment, held against what we know by the real rules of `src/domain/settlements`. What
 * `HoldAgainstPayments` does around them with rows is here once more, in small.
 */
import type { DisputeFacts, SettlementLine } from '@kassaflow/plugin-sdk';
import { disputesOf } from '../../src/domain/settlements/hold-against-payments.ts';
import { explain, type KnownTotals } from '../../src/domain/settlements/explain.ts';
import type { PaymentAmounts } from '../../src/domain/payments/payment.ts';
import type { Currency } from '../../src/kernel/currency.ts';
import { fineOf, readFine, toMinor, type Fine } from '../../src/kernel/fine-money.ts';
import { money } from '../../src/kernel/money.ts';
import type { Settled } from './core.ts';

export class MemorySettlements {
  readonly #currency: Currency;
  readonly #lines = new Map<string, SettlementLine>();

  constructor(currency: Currency) {
    this.#currency = currency;
  }

  /** Known by the provider's id and kind: one that is told again is the same. */
  add(line: SettlementLine): void {
    this.#lines.set(`${line.kind} ${line.providerId}`, line);
  }

  /** Every dispute by the lines alone; `undefined` when there never was one. */
  disputes(): readonly DisputeFacts[] | undefined {
    const lines = this.#inOrder().filter(({ kind }) => kind === 'chargeback' || kind === 'chargeback-reversal');
    if (lines.length === 0) return undefined;
    return disputesOf(
      lines.map(({ kind, providerId, gross }) => ({ kind, providerId, gross: readFine(gross) })),
      this.#currency,
    );
  }

  against(known: PaymentAmounts, disputes: readonly DisputeFacts[]): Settled {
    const fine = (minor: bigint): Fine => fineOf(money(minor, this.#currency));
    const sumOf = (those: readonly DisputeFacts[]): bigint => those.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
    const won = known.chargedBack + sumOf(disputes.filter(({ state }) => state === 'won'));
    const ever = sumOf(disputes);
    const totals: KnownTotals = {
      captured: fine(known.captured),
      refunded: fine(known.refunded),
      everChargedBack: fine(won > ever ? won : ever),
      fee: fine(known.fee ?? 0n),
    };
    const lines = this.#inOrder()
      .filter(({ kind }) => kind !== 'payout')
      .map(({ kind, gross, fee }) => ({ kind, gross: readFine(gross), fee: readFine(fee) }));
    const sum = (parts: readonly Fine[]): number =>
      Number(
        toMinor(
          parts.reduce((total, part) => total + part, 0n),
          this.#currency,
        ),
      );
    const explained = explain(lines, totals);
    const gross = sum(lines.map((line) => line.gross));
    return { gross, fees: sum(lines.map((line) => line.fee)), unexplained: gross - sum(explained.map((one) => one.gross)) };
  }

  #inOrder(): readonly SettlementLine[] {
    return [...this.#lines.values()].toSorted((a, b) => a.bookedAt - b.bookedAt);
  }
}
