import { describe, expect, test } from '@jest/globals';
import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { checkBalanced } from '../ledger/ledger-entry.ts';
import { intend, spread, type SplitRule } from './allocation.ts';
import { bookingOf } from './payment-books.ts';
import { changeOf, type KnownPayment, type PaymentEventType } from './payment-change.ts';
import { derive, readFacts, transition, type Facts, type PaymentState } from './payment.ts';
import { refundable, settle, type RefundView } from './refund.ts';

const NOTHING: PaymentFacts = {
  providerState: '',
  currency: 'EUR',
  started: false,
  authorized: 0,
  voided: 0,
  captured: 0,
  refunded: 0,
  refundPending: 0,
  chargedBack: 0,
  fetchStartedAt: 0,
};
const facts = (more: Partial<PaymentFacts>) => readFacts({ ...NOTHING, ...more });
const unknownYet = (amount: bigint): KnownPayment => ({
  ...facts({}),
  state: 'created',
  currency: 'EUR',
  asked: { least: amount, most: amount },
  fetchedAt: undefined,
  doubtedAt: undefined,
  contradicted: false,
  mismatched: false,
  takenWhenAuthorized: false,
  lapsed: false,
});

describe('the state of a payment', () => {
  test.each([
    ['created', {}],
    ['pending', { started: true }],
    ['authorized', { started: true, authorized: 100 }],
    ['cancelled', { started: true, authorized: 100, voided: 100 }],
    ['authorized', { started: true, authorized: 100, voided: 40 }],
    ['completed', { started: true, captured: 100 }],
    ['completed', { started: true, authorized: 100, voided: 40, captured: 60 }],
    ['partially-refunded', { captured: 100, refunded: 1 }],
    ['refunded', { captured: 100, refunded: 100 }],
    ['charged-back', { captured: 100, chargedBack: 100 }],
    ['charged-back', { captured: 100, refunded: 40, chargedBack: 60 }],
    ['failed', { started: true, ended: 'failed' }],
    ['expired', { ended: 'expired' }],
    ['cancelled', { ended: 'cancelled' }],
    ['completed', { ended: 'expired', captured: 100 }],
  ] as const)('is %s by %j', (state, change) => {
    expect(derive(facts(change))).toBe(state);
  });

  test('never goes from money back to the hope of money, and stays itself', () => {
    for (const from of ['completed', 'partially-refunded', 'refunded', 'charged-back'] as const) {
      expect(transition(from, from)).toBe(from);
      for (const to of ['created', 'pending', 'authorized'] as const)
        expect(() => transition(from, to)).toThrow(expect.objectContaining({ code: 'payment.illegal-transition' }));
    }
  });

  test.each([
    { captured: -1 },
    { captured: 1.5 },
    { captured: 100, refunded: 101 },
    { captured: 2 ** 60 },
    { captured: 1, chargedBack: 2 },
  ])('is not read off amounts that cannot be: %j', (change) => {
    expect(() => facts(change)).toThrow(expect.objectContaining({ code: 'payment.invalid-facts' }));
  });
});

/** What providers do to a payment, one step at a time: the history whose signals are lost, repeated and reordered below. */
const history = fc
  .array(fc.constantFrom('start', 'authorize', 'capture', 'fail', 'expire', 'refund', 'charge back', 'win'), {
    minLength: 1,
    maxLength: 12,
  })
  .map((steps) => {
    let now: PaymentFacts = NOTHING;
    return steps.map((step, index) => {
      const left = now.captured - now.refunded - now.chargedBack;
      if (step === 'start') now = { ...now, started: true };
      if (step === 'authorize' && now.captured === 0) now = { ...now, started: true, authorized: 100 };
      if (step === 'capture') now = { ...now, started: true, captured: 100 };
      if ((step === 'fail' || step === 'expire') && now.captured === 0) now = { ...now, ended: step === 'fail' ? 'failed' : 'expired' };
      if (step === 'refund' && left >= 30) now = { ...now, refunded: now.refunded + 30 };
      if (step === 'charge back' && left > 0 && now.chargedBack === 0) now = { ...now, chargedBack: left };
      if (step === 'win') now = { ...now, chargedBack: 0 };
      return { ...now, fetchStartedAt: index };
    });
  });

/** Applies facts in the order in which they arrive, as the service does, on one invoice of 100. */
function replay(arrivals: readonly PaymentFacts[]) {
  let known = unknownYet(100n);
  let allocated = 0n;
  const accounts = new Map<string, bigint>();
  const events: PaymentEventType[] = [];
  for (const arrival of arrivals) {
    const fresh: Facts = readFacts(arrival);
    const change = changeOf(known, fresh);
    if (change.kind !== 'facts') continue;
    const path = {
      connectionId: '01900000-0000-7000-8000-000000000001',
      currency: 'EUR',
      rule: 'oldest-first',
      shares: [{ intended: 100n, room: 100n, allocated }],
    } as const;
    const booking = bookingOf(known, fresh, path);
    for (const { lines } of booking.postings) {
      checkBalanced(lines);
      for (const { account, side, amount } of lines)
        accounts.set(account, (accounts.get(account) ?? 0n) + (side === 'debit' ? amount.minor : -amount.minor));
    }
    allocated = booking.allocated[0] ?? 0n;
    events.push(...change.events);
    known = { ...known, ...fresh, currency: known.currency, state: change.state, mismatched: change.mismatched };
  }
  return { state: known.state, allocated, books: Object.fromEntries([...accounts].filter(([, minor]) => minor !== 0n)), events };
}

describe('facts that arrive in any order', () => {
  test('end in the same state, allocation and books as the newest alone, and every entry balances', () => {
    const scrambled = history.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: 0, maxLength: list.length * 2 })),
    );
    fc.assert(
      fc.property(scrambled, ([list, arrivals]) => {
        const newest = list.at(-1) ?? NOTHING;
        const inOrder = replay(list);
        const mixed = replay([...arrivals, newest]);
        const alone = replay([newest]);
        for (const outcome of [inOrder, mixed]) expect({ ...outcome, events: [] }).toEqual({ ...alone, events: [] });
      }),
      { numRuns: 2_000 },
    );
  });

  test('cause each event once, however often they are repeated', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 2, max: 4 }), (list, times) => {
        expect(replay(list.flatMap((one) => Array.from({ length: times }, () => one))).events).toEqual(replay(list).events);
      }),
      { numRuns: 1_000 },
    );
  });

  test('tell of a completed payment once, and of nothing before it that the amounts do not show', () => {
    fc.assert(
      fc.property(history, (list) => {
        const { events, state } = replay(list);
        const took = list.some(({ captured }) => captured > 0);
        expect(events.filter((type) => type === 'payment.completed')).toHaveLength(took ? 1 : 0);
        if (!took) expect(['created', 'pending', 'authorized', 'failed', 'expired'] satisfies PaymentState[]).toContain(state);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('allocation', () => {
  const invoices = fc.array(fc.bigInt({ min: 1n, max: 10n ** 9n }), { minLength: 1, maxLength: 10 });
  const rules = fc.constantFrom<SplitRule>('oldest-first', 'proportional');

  test('divides any amount over invoices exactly, and never more than is open on one', () => {
    fc.assert(
      fc.property(invoices, fc.double({ min: 0.0001, max: 1, noNaN: true }), rules, (open, part, rule) => {
        const all = open.reduce((a, b) => a + b, 0n);
        const amount = (all * BigInt(Math.ceil(part * 10_000))) / 10_000n || 1n;
        const intents = intend(
          rule,
          amount,
          open.map((minor, index) => ({ id: String(index), open: minor })),
        );
        expect(intents.reduce((sum, { intended }) => sum + intended, 0n)).toBe(amount);
        for (const { id, intended } of intents) expect(intended > 0n && intended <= (open[Number(id)] ?? 0n)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('puts what there is on invoices within their room, the rest stays; less money never puts more on one', () => {
    const shares = fc.array(fc.record({ intended: fc.bigInt({ min: 1n, max: 10n ** 9n }), room: fc.bigInt({ min: 0n, max: 10n ** 9n }) }), {
      minLength: 1,
      maxLength: 10,
    });
    fc.assert(
      fc.property(shares, fc.bigInt({ min: -(10n ** 9n), max: 10n ** 10n }), rules, (list, available, rule) => {
        const parts = spread(rule, available, list);
        expect(parts.reduce((a, b) => a + b, 0n) <= (available > 0n ? available : 0n)).toBe(true);
        parts.forEach((part, index) => {
          const share = list[index];
          expect(part >= 0n && part <= (share?.room ?? 0n) && part <= (share?.intended ?? 0n)).toBe(true);
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test('K15 a third each of 100.00 is exact, with the odd cent on the first', () => {
    const open = ['a', 'b', 'c'].map((id) => ({ id, open: 5_000n }));
    expect(intend('proportional', 10_000n, open).map(({ intended }) => intended)).toEqual([3_334n, 3_333n, 3_333n]);
  });
});

describe('settling refunds', () => {
  const view = (id: string, amount: bigint, state: RefundView['state']): RefundView => ({
    id,
    amount,
    state,
    sentAt: new Date(0),
    acceptedAt: state === 'requested' ? null : new Date(0),
  });
  const at = (refunded: bigint, refundPending = 0n) => ({ refunded, refundPending, fetchedAt: new Date(60_000) });

  test('completes the one of exactly that amount before older ones that fit', () => {
    expect(settle([view('a', 20n, 'pending'), view('b', 30n, 'pending')], at(30n, 20n))).toEqual({
      completed: ['b'],
      failed: [],
      foreign: 0n,
    });
  });

  test('fails a completed one that bounced, and a pending one that the provider no longer counts', () => {
    expect(settle([view('a', 20n, 'completed'), view('b', 30n, 'completed')], at(20n)).failed).toEqual(['b']);
    expect(settle([view('a', 20n, 'completed'), view('b', 30n, 'pending')], at(20n)).failed).toEqual(['b']);
  });

  test('never takes one that awaits approval for one that was made at the provider', () => {
    expect(settle([{ ...view('a', 20n, 'requested'), sentAt: null }], at(20n))).toEqual({ completed: [], failed: [], foreign: 20n });
  });

  test("leaves no more to refund than was captured, by our count and by the provider's", () => {
    const amounts = { ...facts({ captured: 100, refunded: 30, refundPending: 10 }), fee: undefined };
    expect(refundable(amounts, [view('a', 70n, 'requested')])).toBe(30n);
    expect(refundable(amounts, [])).toBe(60n);
    expect(refundable(amounts, [view('a', 100n, 'pending')])).toBe(0n);
  });
});
