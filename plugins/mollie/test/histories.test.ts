import { describe, expect, test } from '@jest/globals';
import type { PaymentFacts } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import type { MollieBook } from '../../../test/providers/mollie-book.ts';
import { Fixture } from './fixture.ts';

const at = new Fixture();

/** What one payment came to, in cents, counted by the simplest possible means. */
interface Model {
  captured: number;
  refunded: number;
  pending: number;
  chargedBack: number;
  readonly refunds: { readonly id: string; readonly cents: number; state: 'pending' | 'done' | 'failed' }[];
  readonly chargebacks: { readonly id: string; readonly cents: number; isBack: boolean }[];
}

/** Something that happens to the payment, where it can. `which` chooses among refunds or chargebacks. */
type Event = readonly [what: 'refund' | 'finish' | 'fail' | 'chargeback' | 'reverse', which: number];

function happen(book: MollieBook, id: string, model: Model, [what, which]: Event): void {
  const cents = 1 + (which % 700);
  if (what === 'refund' && model.refunded + model.pending + cents <= model.captured) {
    const refund = book.refundInDashboard(id, (cents / 100).toFixed(2));
    model.refunds.push({ id: refund.id, cents, state: 'pending' });
  }
  const refund = model.refunds[which % Math.max(1, model.refunds.length)];
  if (what === 'finish' && refund?.state === 'pending') {
    book.finishRefund(refund.id, 'refunded');
    refund.state = 'done';
  }
  if (what === 'fail' && refund && refund.state !== 'failed') {
    book.finishRefund(refund.id, 'failed');
    refund.state = 'failed';
  }
  if (what === 'chargeback') {
    model.chargebacks.push({ id: book.chargeBack(id, { value: (cents / 100).toFixed(2) }).id, cents, isBack: false });
  }
  const chargeback = model.chargebacks[which % Math.max(1, model.chargebacks.length)];
  if (what === 'reverse' && chargeback && !chargeback.isBack) {
    book.reverseChargeback(chargeback.id);
    chargeback.isBack = true;
  }
  const sum = (list: readonly { readonly cents: number }[]): number => list.reduce((total, one) => total + one.cents, 0);
  model.refunded = sum(model.refunds.filter(({ state }) => state === 'done'));
  model.pending = sum(model.refunds.filter(({ state }) => state === 'pending'));
  model.chargedBack = sum(model.chargebacks.filter(({ isBack }) => !isBack));
}

describe('whatever happens to a payment', () => {
  test('the facts are the money', async () => {
    const event = fc.tuple(
      fc.constantFrom('refund', 'finish', 'fail', 'chargeback', 'reverse'),
      fc.nat(2_000),
    ) satisfies fc.Arbitrary<Event>;
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        count += 1;
        const providerId = await at.paid({ reference: `pay_${count}`, amount: { amount: '20.00', currency: 'EUR' } });
        const model: Model = { captured: 2_000, refunded: 0, pending: 0, chargedBack: 0, refunds: [], chargebacks: [] };
        for (const one of events) happen(at.mollie.book, providerId, model, one);
        const facts: PaymentFacts = await at.fetched(providerId);
        expect(facts).toMatchObject({
          providerState: 'paid',
          captured: model.captured,
          refunded: model.refunded,
          refundPending: model.pending,
          chargedBack: model.chargedBack,
        });
        expect(facts.refunds).toHaveLength(model.refunds.length);
        expect(facts.disputes).toHaveLength(model.chargebacks.length);
      }),
      { numRuns: 150 },
    );
  });
});
