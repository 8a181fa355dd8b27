import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aLine } from '../../../test/support/settled.ts';
import type { Currency } from '../../kernel/currency.ts';
import { checkBalanced } from '../ledger/ledger-entry.ts';
import { explain, shareOf, type LineToExplain } from './explain.ts';
import { disputesOf } from './hold-against-payments.ts';
import { changesOf, isDay, readLine, type KnownLine } from './settlement-lines.ts';
import { exchangedPostingOf, NOTHING_BOOKED, postingOf, statementOf, type Booked, type LineSums } from './statement.ts';

const fine = (minor: number) => BigInt(minor) * 10_000n;
const line = (kind: LineToExplain['kind'], gross: number, fee = 0): LineToExplain => ({ kind, gross: fine(gross), fee: fine(fee) });

describe('what our books have of a payment', () => {
  const known = { captured: fine(100), refunded: fine(30), everChargedBack: fine(0), fee: fine(3) };

  test('explains captures, refunds and the fee up to their totals, in the order of the lines', () => {
    const lines = [line('payment', 60, 2), line('refund', -20), line('payment', 60, 2), line('refund', -20)];
    expect(explain(lines, known)).toEqual([
      { gross: fine(60), fee: fine(2) },
      { gross: fine(-20), fee: 0n },
      { gross: fine(40), fee: fine(1) },
      { gross: fine(-10), fee: 0n },
    ]);
  });

  test('explains a chargeback that was won back before its reversal is told, and the reversal then', () => {
    const lines = [line('chargeback', -100), line('chargeback-reversal', 100)];
    expect(explain(lines, { ...known, everChargedBack: fine(100) }).map(({ gross }) => gross)).toEqual([fine(-100), fine(100)]);
    expect(explain(lines, known).map(({ gross }) => gross)).toEqual([0n, 0n]);
  });

  test('is the whole of an exchanged line exactly, and of a part never more than its share', () => {
    const amount = fc.bigInt({ min: 1n, max: 10n ** 12n });
    fc.assert(
      fc.property(amount, amount, fc.bigInt({ min: 0n, max: 1_000n }), (came, whole, permille) => {
        const part = (whole * permille) / 1_000n;
        const share = shareOf(came, part, whole);
        expect(share >= 0n && share * whole <= came * part && (part !== whole || share === came)).toBe(true);
        expect(shareOf(-came, -part, -whole)).toBe(-share);
      }),
    );
  });

  test('never explains more than there is, whatever the lines', () => {
    const any = fc.record({
      kind: fc.constantFrom('payment', 'refund', 'chargeback', 'chargeback-reversal', 'fee' as const),
      gross: fc.integer({ min: -500, max: 500 }).map(fine),
      fee: fc.integer({ min: -20, max: 20 }).map(fine),
    });
    fc.assert(
      fc.property(fc.array(any), (lines) => {
        const explained = explain(lines as LineToExplain[], known);
        const sum = (kind: string) => lines.reduce((total, one, at) => total + (one.kind === kind ? (explained[at]?.gross ?? 0n) : 0n), 0n);
        expect(sum('payment') >= 0n && sum('payment') <= known.captured).toBe(true);
        expect(sum('refund') <= 0n && sum('refund') >= -known.refunded).toBe(true);
        const fees = explained.reduce((total, { fee }) => total + fee, 0n);
        expect(fees >= 0n && fees <= known.fee).toBe(true);
      }),
    );
  });
});

describe('the entry of a settlement', () => {
  const none: LineSums = {
    count: 0,
    net: 0n,
    payout: 0n,
    fees: 0n,
    feeVat: 0n,
    explainedFees: 0n,
    bookedVat: 0n,
    unexplained: 0n,
    exchanged: 0n,
    rounding: 0n,
  };

  test('balances for any change, and is none for no change', () => {
    const booked = fc.record<Booked>({
      payout: fc.bigInt({ min: -9_999n, max: 9_999n }),
      fees: fc.bigInt({ min: -99n, max: 99n }),
      feeVat: fc.bigInt({ min: -9n, max: 9n }),
      suspense: fc.bigInt({ min: -999n, max: 999n }),
      exchange: fc.bigInt({ min: -9_999n, max: 9_999n }),
      rounding: fc.bigInt({ min: -9n, max: 9n }),
    });
    fc.assert(
      fc.property(booked, booked, (before, after) => {
        const lines = postingOf(before, after, '01900000-0000-7000-8000-000000000001', 'EUR');
        expect(lines.reduce((sum, { side, amount }) => sum + (side === 'debit' ? amount.minor : -amount.minor), 0n)).toBe(0n);
        expect(lines).not.toHaveLength(1);
        expect(postingOf(after, after, 'x', 'EUR')).toEqual([]);
      }),
    );
  });

  test('balances in each currency for any change of what was exchanged, and is none for no change', () => {
    const amount = fc.bigInt({ min: -9_999n, max: 9_999n });
    const exchanged = fc.record({ NOK: amount, USD: amount, JPY: amount }, { requiredKeys: [] });
    fc.assert(
      fc.property(exchanged, exchanged, (before, after) => {
        const lines = exchangedPostingOf(before, after, '01900000-0000-7000-8000-000000000001');
        if (lines.length > 0) checkBalanced(lines);
        const posted = (currency: Currency) =>
          lines.reduce((sum, { account, side, amount: { minor, currency: of } }) => {
            if (of !== currency || account !== 'income:exchange') return sum;
            return sum + (side === 'debit' ? minor : -minor);
          }, 0n);
        for (const currency of ['NOK', 'USD', 'JPY'] as const)
          expect(posted(currency)).toBe((after[currency] ?? 0n) - (before[currency] ?? 0n));
        expect(exchangedPostingOf(after, after, 'x')).toEqual([]);
      }),
    );
  });

  test('the example of a provider’s own documentation: 86.10 − 43.20 − 3.146 = 39.754, paid 39.75', () => {
    const sums = { ...none, net: readMicros(39_754_000 - 39_750_000), payout: readMicros(-39_750_000), fees: readMicros(3_146_000) };
    const { difference, booked } = statementOf(sums, true, 0n, 'EUR');
    expect(difference).toBe(0n);
    // 42.90 came in by the facts of payments; 3.15 are costs, and the books close.
    expect(booked).toEqual({ ...NOTHING_BOOKED, payout: 3975n, fees: 315n });
  });

  test('a hundred costs of 0.3509 are 35.09, and not a hundred times 0.35', () => {
    expect(statementOf({ ...none, net: readMicros(-35_090_000), fees: readMicros(35_090_000) }, false, 0n, 'EUR').booked.fees).toBe(3509n);
  });
});

describe('lines told again', () => {
  const told = (more: Partial<Parameters<typeof readLine>[0]> = {}) =>
    readLine(aLine({ providerId: 'a', kind: 'payment', gross: '1.00', ...more }));
  const known = (more: Partial<KnownLine> = {}): KnownLine => ({ ...told(), id: 'known', ...more });

  test('as they were change nothing', () => {
    expect(changesOf([known()], [told(), told()])).toEqual([]);
  });

  test('get their payout later, and keep it when it is not told', () => {
    expect(changesOf([known()], [told({ payout: 'po' })])).toMatchObject([{ known: 'known', content: { payout: 'po' } }]);
    expect(changesOf([known({ payout: 'po' })], [told()])).toEqual([]);
  });

  test('in another payout, or of another kind, are other lines', () => {
    expect(changesOf([known({ payout: 'po' })], [told({ payout: 'other' })])[0]).not.toHaveProperty('known');
    expect(changesOf([known()], [told({ kind: 'refund' })])[0]).not.toHaveProperty('known');
  });

  test('with another amount before the exchange are corrected; what cannot be its amount is not told', () => {
    const exchanged = { gross: '11.50', currency: 'NOK' };
    expect(changesOf([known()], [told({ exchanged })])).toMatchObject([{ known: 'known', content: { exchangedCurrency: 'NOK' } }]);
    expect(changesOf([{ ...told({ exchanged }), id: 'known' }], [told({ exchanged })])).toEqual([]);
    for (const wrong of [
      { gross: '-11.50', currency: 'NOK' },
      { gross: '0.00', currency: 'NOK' },
      { gross: '1.00', currency: 'EUR' },
    ])
      expect(told({ exchanged: wrong })).toMatchObject({ exchangedGross: null, exchangedCurrency: null });
  });

  test('keep the provider’s own day, or get that of London', () => {
    const bookedAt = Date.parse('2026-11-20T23:30:00Z');
    expect(told({ bookedAt, bookedOn: '2026-11-21' }).ledgerDate).toBe('2026-11-21');
    expect(told({ bookedAt }).ledgerDate).toBe('2026-11-20');
    expect(told({ bookedAt, bookedOn: '2026-02-30' }).ledgerDate).toBe('2026-11-20');
    expect(isDay('2026-02-30')).toBe(false);
  });
});

describe('disputes in a ledger', () => {
  test('are one for each chargeback, won by the reversal of its amount', () => {
    const at = (kind: 'chargeback' | 'chargeback-reversal', providerId: string, gross: number) => ({
      kind,
      providerId,
      gross: fine(gross),
    });
    const lines = [at('chargeback', 'a', -100), at('chargeback', 'b', -50), at('chargeback-reversal', 'c', 50), at('chargeback', 'd', -50)];
    expect(disputesOf(lines, 'EUR')).toEqual([
      { providerId: 'a', state: 'opened', amount: 100 },
      { providerId: 'b', state: 'won', amount: 50 },
      { providerId: 'd', state: 'opened', amount: 50 },
    ]);
    expect(disputesOf([at('chargeback-reversal', 'x', 50)], 'EUR')).toEqual([]);
  });
});

function readMicros(micros: number): bigint {
  return BigInt(micros);
}
