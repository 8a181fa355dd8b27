import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StripeServer } from '../../../test/providers/stripe-server.ts';
import { Fixture } from './fixture.ts';

const at = new Fixture();

/** What one payment came to, in cents, counted by the simplest possible means. */
interface Model {
  readonly refunds: { readonly id: string; readonly cents: number; state: 'pending' | 'done' | 'failed' }[];
  dispute: 'none' | 'opened' | 'won' | 'lost';
}

/** Something that happens to the payment, where it can. `which` chooses among refunds, and amounts. */
type Event = readonly [what: 'refund' | 'finish' | 'fail' | 'dispute' | 'win' | 'lose', which: number];

const TOTAL = 2_000;

function happen({ moneyBack }: StripeServer, intent: string, model: Model, [what, which]: Event): void {
  const cents = 1 + (which % 700);
  const given = model.refunds.reduce((sum, one) => sum + (one.state === 'failed' ? 0 : one.cents), 0);
  if (what === 'refund' && given + cents <= TOTAL)
    model.refunds.push({ id: moneyBack.refund(intent, cents, { status: 'pending' }).id, cents, state: 'pending' });
  const refund = model.refunds[which % Math.max(1, model.refunds.length)];
  if (what === 'finish' && refund?.state === 'pending') {
    moneyBack.finishRefund(refund.id, 'succeeded');
    refund.state = 'done';
  }
  if (what === 'fail' && refund && refund.state !== 'failed') {
    moneyBack.finishRefund(refund.id, 'failed');
    refund.state = 'failed';
  }
  const moves = { dispute: 'opened', win: 'won', lose: 'lost' } as const;
  const words = { opened: 'needs_response', won: 'won', lost: 'lost' } as const;
  if (what === 'dispute' || ((what === 'win' || what === 'lose') && model.dispute !== 'none')) {
    model.dispute = moves[what];
    moneyBack.dispute(intent, words[model.dispute]);
  }
}

describe('whatever happens to a payment', () => {
  test('the facts are the money, and the balance is the sum of its movements', async () => {
    const event = fc.tuple(
      fc.constantFrom('refund', 'finish', 'fail', 'dispute', 'win', 'lose'),
      fc.nat(2_000),
    ) satisfies fc.Arbitrary<Event>;
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        count += 1;
        const reference = `pay_${count}`;
        const { providerId, intent } = await at.paid('card', { reference, amount: { amount: '20.00', currency: 'EUR' } });
        const model: Model = { refunds: [], dispute: 'none' };
        for (const one of events) happen(at.stripe, intent, model, one);
        const facts = await at.fetched(providerId);
        const sum = (state: string): number => model.refunds.reduce((total, one) => total + (one.state === state ? one.cents : 0), 0);
        expect(facts).toMatchObject({
          providerState: 'succeeded',
          captured: TOTAL,
          refunded: sum('done'),
          refundPending: sum('pending'),
          chargedBack: model.dispute === 'opened' || model.dispute === 'lost' ? TOTAL : 0,
        });
        expect(facts.refunds).toHaveLength(model.refunds.length);
        expect(facts.disputes).toHaveLength(model.dispute === 'none' ? 0 : 1);
        const { transactions } = at.stripe.ledger;
        expect(transactions.reduce((total, one) => total + one.amount - one.fee - one.net, 0)).toBe(0);
      }),
      { numRuns: 120 },
    );
  });
});
