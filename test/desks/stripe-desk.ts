import plugin from '../../plugins/stripe/src/plugin.ts';
import { startStripeServer } from '../providers/stripe-server.ts';
import { stripeSignature } from '../providers/stripe-webhooks.ts';
import { FEE } from '../providers/stripe-ledger.ts';
import type { Charge, Dispute, Intent } from '../providers/stripe-objects.ts';
import { leftOf, type Account, type Desk, type Posted } from './desk.ts';

const DAY_MS = 86_400_000;
/** A little longer than a hold lasts. */
const LAPSE_MS = 7 * DAY_MS + 60_000;
/** By Stripe's word for an intent. */
const STAGES: Readonly<Record<Intent['status'], Account['stage']>> = {
  requires_payment_method: 'open',
  requires_action: 'open',
  processing: 'under-way',
  requires_capture: 'held',
  canceled: 'cancelled',
  succeeded: 'taken',
};
/** By Stripe's word for a refund. */
const REFUNDS = { pending: 'pending', succeeded: 'done', failed: 'failed' } as const;
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
    mode: 'test',
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
      chargebacks: 'with-payment',
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
      lapse: () => stripe.advance(LAPSE_MS),
      'refund-at-desk': (payment, amount) => void stripe.refund(intentOf(payment), amount),
      'finish-refund': (payment, which) => stripe.finishRefund(refundOf(payment, which), 'succeeded'),
      'fail-refund': (payment, which) => stripe.finishRefund(refundOf(payment, which), 'failed'),
      dispute: (payment, amount) => {
        disputes.set(payment, stripe.moneyBack.dispute(intentOf(payment), 'needs_response', { amount }));
      },
      'win-dispute': (payment) => void stripe.dispute(intentOf(payment), 'won'),
      'lose-dispute': (payment) => void stripe.dispute(intentOf(payment), 'lost'),
      'take-back': (payment) => stripe.book.failLater(intentOf(payment)),
    },
    now: () => stripe.clock.now(),
    advance: (ms) => stripe.advance(ms),
    made: (reference) =>
      stripe
        .sessions()
        .filter(({ client_reference_id: known }) => known === reference)
        .map(({ id }) => id),
    account: (payment) => {
      const id = begunOf(payment);
      const intent = id === null ? undefined : stripe.intent(id);
      const charge = intent?.latest_charge ? stripe.book.chargeOf(intent) : undefined;
      const captured = intent?.status === 'succeeded' ? intent.amount_received : 0;
      const refunds = id === null ? [] : stripe.refundsOf(id).map(({ amount, status }) => ({ amount, state: REFUNDS[status] }));
      const dispute = disputes.get(payment);
      const isReturned = charge?.failure_balance_transaction !== null && charge !== undefined;
      const chargedBack = (isReturned ? captured : 0) + (dispute && dispute.status !== 'won' ? dispute.amount : 0);
      const left = leftOf({ captured, refunds, chargedBack });
      return {
        stage: stageOf(intent, charge, payment.startsWith('pi_') ? undefined : stripe.session(payment).status),
        captured,
        refunds,
        chargedBack,
        fee: captured > 0 ? FEE : 0,
        capturable: intent?.amount_capturable ?? 0,
        refundable: left,
        // One charge has one dispute here.
        disputable: dispute ? 0 : left,
        disputed: dispute?.status === 'needs_response' ? dispute.amount : 0,
        returnable: charge?.payment_method_details.type === 'sepa_debit' && !dispute && !isReturned ? captured : 0,
        isDoomed: false,
      };
    },
    settle: async () => {
      const { id, arrival_date: day } = stripe.ledger.payOut();
      stripe.ledger.arrive(id);
      await stripe.advance(DAY_MS);
      const on = new Date(day * 1000).toISOString().slice(0, 10);
      return { from: on, to: on };
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

function stageOf(intent: Intent | undefined, charge: Charge | undefined, session: string | null | undefined): Account['stage'] {
  if (session === 'expired') return 'expired';
  if (!intent) return 'open';
  if (intent.status === 'canceled' && intent.cancellation_reason === 'automatic') return 'expired';
  // A debit bounced days after it was approved: nobody is on the page to try again.
  if (charge?.status === 'failed' && intent.status !== 'succeeded') return 'failed';
  return STAGES[intent.status];
}
