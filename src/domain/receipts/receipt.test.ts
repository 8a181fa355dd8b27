import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newUuid } from '../../kernel/ids.ts';
import type { MoneyMoved } from '../payments/index.ts';
import { bookingOf } from '../payments/payment-books.ts';
import { keptOf, receiptNumber, versionsOf, type ReceiptVersion } from './receipt.ts';

const NOTHING = { captured: 0n, refunded: 0n, chargedBack: 0n };
type Totals = typeof NOTHING;
const cents = fc.bigInt({ min: 0n, max: 100n });
const totals: fc.Arbitrary<Totals> = fc.record({ captured: cents, refunded: cents, chargedBack: cents });
const at = new Date('2026-11-20T10:00:00Z');

/** The moves of the books from one report of the totals to the next; two invoices of 30 and 50, and what is more on none. */
function movedBetween(
  before: Totals,
  after: Totals,
  allocatedBefore: readonly bigint[],
): MoneyMoved & { readonly allocated: readonly bigint[] } {
  const amounts = (of: Totals) => ({ ...of, authorized: 0n, voided: 0n, refundPending: 0n, fee: undefined });
  const { moves, allocated } = bookingOf(amounts(before), amounts(after), {
    connectionId: newUuid(),
    currency: 'EUR',
    rule: 'oldest-first',
    shares: [30n, 50n].map((room, index) => ({ intended: room, room, allocated: allocatedBefore[index] ?? 0n })),
  });
  return { before, invoiceIds: [newUuid(), newUuid()], allocatedBefore, moves, at, allocated };
}

/** All versions of a payment whose totals were reported so, one report after the other. */
function historyOf(reports: readonly Totals[]): ReceiptVersion[] {
  const versions: ReceiptVersion[] = [];
  let [known, allocated]: [Totals, readonly bigint[]] = [NOTHING, [0n, 0n]];
  for (const report of reports) {
    const moved = movedBetween(known, report, allocated);
    versions.push(...versionsOf(versions.at(-1), moved, false));
    [known, allocated] = [report, moved.allocated];
  }
  return versions;
}

describe('the versions of a receipt, for any history of totals', () => {
  test('end at what is kept, follow each other, and each begins where the one before ended', () => {
    fc.assert(
      fc.property(fc.array(totals, { minLength: 1, maxLength: 12 }), (reports) => {
        const versions = historyOf(reports);
        const { captured, refunded, chargedBack } = reports.at(-1)!;
        const last = versions.at(-1);
        if (last) expect([last.paid, last.refunded, last.chargedBack]).toEqual([captured, refunded, chargedBack]);
        else expect(reports.every((report) => report.captured === 0n)).toBe(true);
        expect(versions.map(({ version }) => version)).toEqual(versions.map((_, index) => index + 1));
        expect(versions.slice(1).map(({ before }) => before)).toEqual(versions.slice(0, -1).map(keptOf));
      }),
      { numRuns: 500 },
    );
  });

  test('begin with money, and put no more on the invoices than is kept', () => {
    fc.assert(
      fc.property(fc.array(totals, { minLength: 1, maxLength: 12 }), (reports) => {
        const versions = historyOf(reports);
        if (versions[0]) expect(versions[0]).toMatchObject({ reason: 'paid' });
        for (const one of versions) {
          const onInvoices = one.parts.reduce((sum, part) => sum + part, 0n);
          const kept = keptOf(one);
          expect(onInvoices).toBe(kept < 0n ? 0n : kept > 80n ? 80n : kept);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('are none where nothing moved', () => {
    fc.assert(
      fc.property(fc.array(totals, { minLength: 1, maxLength: 6 }), (reports) => {
        const twice = reports.flatMap((report) => [report, report]);
        expect(historyOf(twice)).toEqual(historyOf(reports));
      }),
    );
  });
});

test('each total that grows or shrinks has a reason of its own', () => {
  const paid = { ...NOTHING, captured: 80n };
  const reasonOf = (before: Totals, after: Totals, debited = false) =>
    versionsOf(
      { version: 1, paid: 80n, refunded: before.refunded, chargedBack: before.chargedBack },
      movedBetween(before, after, [0n, 0n]),
      debited,
    )
      .map(({ reason }) => reason)
      .join(' ');
  expect(reasonOf(paid, { ...paid, refunded: 5n })).toBe('refunded');
  expect(reasonOf({ ...paid, refunded: 5n }, paid)).toBe('refund-failed');
  expect(reasonOf(paid, { ...paid, chargedBack: 5n })).toBe('charged-back');
  expect(reasonOf(paid, { ...paid, chargedBack: 5n }, true)).toBe('returned');
  expect(reasonOf({ ...paid, chargedBack: 5n }, paid)).toBe('won-back');
  expect(reasonOf(paid, { ...paid, captured: 0n })).toBe('reversed');
  expect(reasonOf(paid, { ...paid, captured: 90n })).toBe('paid');
});

test('the number follows from the payment, and two payments have two', () => {
  const ids = Array.from({ length: 1_000 }, () => newUuid());
  expect(receiptNumber(ids[0]!)).toBe(receiptNumber(ids[0]!));
  expect(new Set(ids.map(receiptNumber)).size).toBe(1_000);
});
