import { describe, expect, test } from '@jest/globals';
import type { Outcome } from '@kassaflow/plugin-sdk';
import fc from 'fast-check';
import { ours } from '../../../test/providers/paypal-objects.ts';
import { startPaypalServer, type PaypalServer } from '../../../test/providers/paypal-server.ts';
import { payments } from '../src/payments.ts';
import { capture, contextOf, create, fetched, ORDER } from './local-paypal.ts';

/** What happens to one payment, and what goes wrong with the request of it. */
type Step =
  | { readonly do: 'approve' | 'dispute' | 'win' | 'lose' | 'wait' }
  | { readonly do: 'capture' | 'cancel'; readonly fault: Fault }
  | { readonly do: 'refund' | 'refund-at-desk'; readonly cents: number; readonly fault: Fault };
type Fault = 'none' | '500-before' | '500-after' | 'reset-after' | '429' | 'forgotten';

const anyFault = fc.constantFrom<Fault>('none', 'none', '500-before', '500-after', 'reset-after', '429', 'forgotten');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('approve', 'dispute', 'win', 'lose', 'wait') }),
  fc.record({ do: fc.constantFrom('capture', 'capture', 'cancel'), fault: anyFault }),
  fc.record({ do: fc.constantFrom('refund', 'refund-at-desk'), cents: fc.integer({ min: 1, max: 1_400 }), fault: anyFault }),
);
const history = fc.record({ manual: fc.boolean(), steps: fc.array(step, { minLength: 3, maxLength: 14 }) });

/** Sends until the answer is certain, with the same key, as the core does. */
async function settled<T>(send: () => Promise<Outcome<T>>, between: () => void = () => undefined): Promise<Outcome<T>> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const outcome = await send();
    const isOpen = outcome.kind === 'unknown' || (outcome.kind === 'failed' && ['temporary', 'rate-limited'].includes(outcome.reason));
    if (!isOpen) return outcome;
    between();
  }
  return send();
}

class History {
  readonly paypal: PaypalServer;
  readonly providerId: string;
  readonly #disputes: string[] = [];
  #count = 0;

  constructor(paypal: PaypalServer, providerId: string) {
    this.paypal = paypal;
    this.providerId = providerId;
  }

  async take(one: Step): Promise<void> {
    const { paypal, providerId } = this;
    this.#count += 1;
    const key = `pay_01:${one.do}:${this.#count}`;
    const fault = 'fault' in one ? one.fault : 'none';
    switch (one.do) {
      case 'approve':
        if (paypal.orders.order(providerId).status === 'PAYER_ACTION_REQUIRED') paypal.orders.approve(providerId);
        break;
      case 'capture': {
        const facts = await fetched(paypal, providerId);
        const left = facts.authorized - facts.voided - facts.captured;
        this.#break(fault);
        if (left > 0) await settled(() => capture(paypal, providerId, (left / 100).toFixed(2), key));
        break;
      }
      case 'cancel':
        this.#break(fault);
        await settled(() => payments.cancel!(contextOf(paypal, { idempotencyKey: key }), { providerId }));
        break;
      case 'refund': {
        const request = { providerId, reference: `ref_${this.#count}`, amount: { amount: (one.cents / 100).toFixed(2), currency: 'EUR' } };
        const isPaid = (await fetched(paypal, providerId)).captured > 0;
        this.#break(fault);
        // By the repeat PayPal has forgotten the key of the refund.
        const forget = (): void => (isPaid && fault === 'forgotten' ? paypal.clock.advance(46 * 86_400_000) : undefined);
        await settled(() => payments.refund!(contextOf(paypal, { idempotencyKey: key }), request), forget);
        break;
      }
      default:
        this.#atPaypal(one);
    }
    paypal.faults.clear();
  }

  /** The next write goes wrong like this. */
  #break(fault: Fault): void {
    if (fault !== 'none') this.paypal.faults.add({ match: 'POST /v2', action: fault === 'forgotten' ? 'reset-after' : fault });
  }

  /** What others do there; PayPal's refusals are theirs. */
  #atPaypal(one: Step): void {
    const { paypal, providerId } = this;
    const [taken] = paypal.orders.order(providerId).captures;
    const open = this.#disputes.at(-1);
    try {
      if (one.do === 'wait') paypal.clock.advance(3_600_000);
      else if (taken && one.do === 'refund-at-desk') paypal.orders.dashboardRefund(taken.id, (one.cents / 100).toFixed(2));
      else if (taken && one.do === 'dispute') this.#disputes.push(paypal.disputes.open(taken.id).dispute_id);
      else if (open !== undefined) paypal.disputes.resolve(open, one.do === 'win' ? 'RESOLVED_SELLER_FAVOUR' : 'RESOLVED_BUYER_FAVOUR');
    } catch (error) {
      if (!(error instanceof Error) || !/^4\d\d /.test(error.message)) throw error;
    }
  }
}

describe('random histories', () => {
  test('with lost answers, repeats and people at PayPal’s desk: our facts are PayPal’s books, and nothing was done twice', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ manual, steps }) => {
        const paypal = await startPaypalServer();
        try {
          const { providerId } = await create(paypal, manual ? { capture: 'manual' } : {});
          const told = new History(paypal, providerId);
          for (const one of steps) await told.take(one);

          const facts = await fetched(paypal, providerId);
          const order = paypal.orders.order(providerId);
          const captured = order.captures.reduce((sum, { amount }) => sum + ours(amount), 0);
          const refunded = order.refunds.reduce((sum, { amount }) => sum + ours(amount), 0);
          expect(facts).toMatchObject({ captured, refunded, refundPending: 0 });
          expect(captured).toBeLessThanOrEqual(1_250);
          expect(refunded).toBeLessThanOrEqual(captured);
          expect(facts.chargedBack + facts.refunded).toBeLessThanOrEqual(facts.captured);
          const references = order.refunds.map(({ custom_id: reference }) => reference).filter((reference) => reference.startsWith('ref_'));
          expect(new Set(references).size).toBe(references.length);
          if (facts.ended !== undefined) expect(facts.captured).toBe(0);
          expect(paypal.orders.all().filter(({ invoiceId }) => invoiceId === ORDER.reference)).toHaveLength(1);
        } finally {
          await paypal.close();
        }
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});
