import plugin from '../../plugins/stripe/src/plugin.ts';
import { startStripeServer } from '../providers/stripe-server.ts';
import { stripeSignature } from '../providers/stripe-webhooks.ts';
import type { Dispute } from '../providers/stripe-objects.ts';
import type { Desk, Posted } from './desk.ts';

const DAY_MS = 86_400_000;
const SECRET = 'whsec_the_secret_of_this_desk';

/** Stripe: hosted checkout. A declined card leaves the page open, a debit is under way for days, a refund can fail after it was done. */
export async function openStripeDesk(): Promise<Desk> {
  const stripe = await startStripeServer();
  const disputes = new Map<string, Dispute>();
  let told = 0;
  /** A payment goes by its session, or by its intent where news of that came first. */
  const begunOf = (payment: string): string | null => (payment.startsWith('pi_') ? payment : stripe.session(payment).payment_intent);
  const intentOf = (payment: string): string => begunOf(payment) ?? 'none';
  const refundOf = (payment: string, which: number): string => stripe.refundsOf(intentOf(payment))[which]?.id ?? 'none';
  /** Of endpoints that were registered, and the one that a desk begins with. */
  const secrets = (): readonly string[] => [SECRET, ...[...stripe.webhooks.endpoints.values()].map(({ secret }) => secret)];
  const signed = (body: string, by = secrets): Posted => ({
    body,
    headers: () => ({
      'content-type': 'application/json; charset=utf-8',
      'stripe-signature': stripeSignature(body, by(), stripe.clock.now()),
    }),
  });

  return {
    plugin,
    url: stripe.url,
    faults: stripe.faults,
    writes: 'POST /v1',
    settings: { secretKey: stripe.apiKey, webhookSecrets: [SECRET] },
    currency: 'EUR',
    order: {},
    manners: {
      holds: 'when-asked',
      capture: 'once',
      declined: 'open',
      abandoned: 'cancelled',
      refund: 'done',
      slowRefund: 'pending',
      refundTakesMs: 4 * DAY_MS,
      refunds: 'in-parts',
      refundPauseMs: 0,
      silent: [],
    },
    acts: {
      approve: (payment) => void stripe.pay(payment, 'card'),
      'approve-slowly': (payment) => void stripe.pay(payment, 'sepa_debit'),
      arrive: (payment) => stripe.settle(intentOf(payment), 'succeeded'),
      bounce: (payment) => stripe.settle(intentOf(payment), 'failed'),
      decline: (payment) => void stripe.decline(payment),
      abandon: 'A customer who turns back from the page is told to nobody: the session stays open until it expires.',
      expire: (payment) => void stripe.expireSession(payment),
      'refund-at-desk': (payment, amount) => void stripe.refund(intentOf(payment), amount),
      'finish-refund': (payment, which) => stripe.finishRefund(refundOf(payment, which), 'succeeded'),
      'fail-refund': (payment, which) => stripe.finishRefund(refundOf(payment, which), 'failed'),
      dispute: (payment, amount) => {
        disputes.set(payment, stripe.moneyBack.dispute(intentOf(payment), 'needs_response', { amount }));
      },
      'win-dispute': (payment) => void stripe.dispute(intentOf(payment), 'won'),
      'lose-dispute': (payment) => void stripe.dispute(intentOf(payment), 'lost'),
    },
    now: () => stripe.clock.now(),
    advance: (ms) => stripe.advance(ms),
    made: (reference) =>
      stripe
        .sessions()
        .filter(({ client_reference_id: known }) => known === reference)
        .map(({ id }) => id),
    truth: (payment) => {
      const id = begunOf(payment);
      const dispute = disputes.get(payment);
      return {
        captured: id !== null && stripe.intent(id).status === 'succeeded' ? stripe.intent(id).amount_received : 0,
        refunded: id === null ? 0 : sumOf(stripe.refundsOf(id).filter(({ status }) => status === 'succeeded')),
        chargedBack: dispute && dispute.status !== 'won' ? dispute.amount : 0,
      };
    },
    listen: () => ({}),
    posted: async () => {
      const news = stripe.webhooks.events.slice(told);
      told = stripe.webhooks.events.length;
      return news.map((body) => signed(body));
    },
    forged: (payment) => {
      const object = { id: payment, object: 'checkout.session', status: 'complete', payment_status: 'paid', metadata: {} };
      const event = {
        id: `evt_forged_${payment}`,
        object: 'event',
        type: 'checkout.session.completed',
        created: 1,
        livemode: false,
        data: { object },
      };
      return signed(JSON.stringify(event), () => ['whsec_the_secret_of_somebody_else']);
    },
    close: () => stripe.close(),
  };
}

function sumOf(parts: readonly { readonly amount: number }[]): number {
  return parts.reduce((sum, { amount }) => sum + amount, 0);
}
