import plugin from '../../plugins/paypal/src/plugin.ts';
import { ours, type Capture, type Dispute, type Order } from '../providers/paypal-objects.ts';
import { startPaypalServer } from '../providers/paypal-server.ts';
import { sumOf, type Account, type Desk } from './desk.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TAKEN = new Set(['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'REVERSED']);
/** Two windows of three hours: to come to the page, and to approve. */
const RUN_OUT_MS = 7 * HOUR_MS;
/** A payer's approval that nobody used, and a hold that nobody took. */
const LAPSES_MS = { approval: 3 * HOUR_MS + 60_000, hold: 29 * DAY_MS + 60_000 };
/** PayPal's report is three hours late. */
const REPORTED_MS = DAY_MS + 4 * HOUR_MS;
/** By PayPal's word for a refund. */
const REFUNDS: Readonly<Record<string, 'done' | 'failed'>> = { COMPLETED: 'done', FAILED: 'failed' };

/** PayPal: the payer approves, the money is ours for the taking; refunds by eCheck can fail, disputes are won and lost. */
export async function openPaypalDesk(): Promise<Desk> {
  const paypal = await startPaypalServer();
  const { orders, disputes, webhooks, clock } = paypal;
  webhooks.posts = false;
  const opened = new Map<string, Dispute>();
  let told = 0;
  const captureOf = (payment: string): string => orders.order(payment).captures[0]?.id ?? 'none';
  /** The first capture of which so much is left. */
  const captureWith = (payment: string, amount: number): string => {
    const order = orders.order(payment);
    return order.captures.find((capture) => leftOfCapture(order, capture) >= amount)?.id ?? 'none';
  };
  const text = (minor: number): string => (minor / 100).toFixed(2);

  return {
    plugin,
    mode: 'test',
    url: paypal.url,
    faults: paypal.faults,
    writes: 'POST /v2',
    settings: { clientId: paypal.clientId, clientSecret: paypal.clientSecret, webhookCertificates: webhooks.certificate() },
    currency: 'EUR',
    order: {},
    manners: {
      holds: 'always',
      capture: 'in-parts',
      declined: 'when-taken',
      abandoned: 'cancelled',
      refund: 'done',
      slowRefund: 'done',
      refundTakesMs: 0,
      refunds: 'in-parts',
      refundPauseMs: 0,
      chargebacks: 'with-payment',
      silent: ['expire', 'lapse'],
    },
    acts: {
      approve: (payment) => void orders.approve(payment),
      'approve-slowly': 'An eCheck is under way for days only after we took it: see the plugin’s own tests.',
      arrive: 'As an eCheck: see the plugin’s own tests.',
      bounce: 'As an eCheck: see the plugin’s own tests.',
      decline: (payment) => {
        orders.refuse(payment);
        orders.approve(payment);
      },
      abandon: 'A payer who turns back is told to nobody: the order stays open until it is forgotten.',
      expire: () => clock.advance(RUN_OUT_MS),
      lapse: (payment) => clock.advance(LAPSES_MS[orders.order(payment).authorizations.length === 0 ? 'approval' : 'hold']),
      'refund-at-desk': (payment, amount) => void orders.dashboardRefund(captureWith(payment, amount), text(amount)),
      'finish-refund': 'The refunds of this account are done at once.',
      'fail-refund': (payment, which) => orders.setRefund(orders.order(payment).refunds[which]?.id ?? 'none', 'FAILED'),
      dispute: (payment, amount) => void opened.set(payment, disputes.open(captureWith(payment, amount), { value: text(amount) })),
      'win-dispute': (payment) => disputes.resolve(opened.get(payment)?.dispute_id ?? 'none', 'RESOLVED_SELLER_FAVOUR'),
      'lose-dispute': (payment) => disputes.resolve(opened.get(payment)?.dispute_id ?? 'none', 'RESOLVED_BUYER_FAVOUR'),
      'take-back': (payment) => orders.reverse(captureOf(payment)),
    },
    now: () => clock.now(),
    advance: async (ms) => clock.advance(ms),
    made: (reference) =>
      orders
        .all()
        .filter(({ invoiceId }) => invoiceId === reference)
        .map(({ id }) => id),
    account: (payment) => {
      const order = orders.order(payment);
      const taken = order.captures.filter(({ status }) => TAKEN.has(status));
      const captured = taken.reduce((sum, { amount }) => sum + ours(amount), 0);
      const refunds = order.refunds.map(({ amount, status }) => ({ amount: ours(amount), state: REFUNDS[status] ?? ('pending' as const) }));
      const dispute = opened.get(payment);
      const isReversed = taken.some(({ status }) => status === 'REVERSED');
      const disputed = dispute && dispute.outcome !== 'RESOLVED_SELLER_FAVOUR' ? ours(dispute.amount) : 0;
      const reversed = taken.reduce((sum, { status, amount }) => sum + (status === 'REVERSED' ? ours(amount) : 0), 0);
      // What was reversed or is disputed is touched no more.
      const isFree = !isReversed && disputed === 0;
      const largest = isFree ? Math.max(0, ...taken.map((capture) => leftOfCapture(order, capture))) : 0;
      return {
        stage: stageOf(order, clock.now()),
        captured,
        refunds,
        chargedBack: Math.max(disputed, reversed),
        fee: taken.reduce((sum, { seller_receivable_breakdown: parts }) => sum + (parts ? ours(parts.paypal_fee) : 0), 0),
        capturable: capturableOf(order, clock.now()),
        refundable: largest,
        disputable: dispute ? 0 : largest,
        disputed: dispute?.outcome === undefined ? disputed : 0,
        returnable: isFree && refunds.length === 0 && taken[0] && taken[0] === order.captures[0] ? ours(taken[0].amount) : 0,
        isDoomed: orders.isRefused(payment),
      };
    },
    settle: async (since) => {
      const from = new Date(since).toISOString().slice(0, 10);
      const to = clock.stamp().slice(0, 10);
      clock.advance(REPORTED_MS);
      return { from, to };
    },
    listen: (url) => {
      const made: object = webhooks.create({ url, event_types: [{ name: '*' }] });
      return { webhookId: 'id' in made ? made.id : undefined };
    },
    posted: async () => {
      const news = webhooks.sent.slice(told);
      told = webhooks.sent.length;
      return news.filter(({ state }) => state === 'waiting').map(({ headers, body }) => ({ body, headers: () => headers }));
    },
    forged: (payment) => {
      const body = JSON.stringify({
        id: `WH-FORGED-${payment}`,
        event_type: 'CHECKOUT.ORDER.APPROVED',
        resource_type: 'checkout-order',
        resource: { id: payment },
      });
      // Signed with PayPal's own key, for another webhook than ours: anybody with an account can have that.
      return { body, headers: () => webhooks.headersFor(Buffer.from(body), 'WEBHOOKOFANOTHER') };
    },
    close: () => paypal.close(),
  };
}

function stageOf(order: Order, now: number): Account['stage'] {
  const { status, captures, authorizations, customId, update_time: updated, create_time: created } = order;
  const [hold] = authorizations;
  if (captures.some((one) => TAKEN.has(one.status))) return capturableOf(order, now) > 0 ? 'held' : 'taken';
  if (captures.length > 0) return 'failed';
  if (hold) return hold.status === 'VOIDED' ? 'cancelled' : now > Date.parse(hold.expiration_time) ? 'expired' : 'held';
  if (customId.endsWith('~cancelled')) return 'cancelled';
  if (status === 'APPROVED') return now > Date.parse(updated) + 3 * HOUR_MS ? 'expired' : 'held';
  return now > Date.parse(created) + 6 * HOUR_MS ? 'expired' : 'open';
}

/** What can be taken of a hold, or of an approval that will become one. */
function capturableOf(order: Order, now: number): number {
  const { captures, authorizations, amount, status, update_time: updated } = order;
  const [hold] = authorizations;
  if (!hold) return status === 'APPROVED' && now <= Date.parse(updated) + 3 * HOUR_MS ? ours(amount) : 0;
  const isOpen = (hold.status === 'CREATED' || hold.status === 'PARTIALLY_CAPTURED') && now <= Date.parse(hold.expiration_time);
  return isOpen ? ours(amount) - sumOf(captures.map((capture) => ({ amount: ours(capture.amount) }))) : 0;
}

function leftOfCapture({ refunds }: Order, { id, status, amount }: Capture): number {
  const gone = refunds.filter((refund) => refund.captureId === id && refund.status !== 'FAILED');
  return TAKEN.has(status) ? ours(amount) - sumOf(gone.map((refund) => ({ amount: ours(refund.amount) }))) : 0;
}
