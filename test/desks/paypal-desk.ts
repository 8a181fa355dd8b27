import plugin from '../../plugins/paypal/src/plugin.ts';
import { ours, type Dispute } from '../providers/paypal-objects.ts';
import { startPaypalServer } from '../providers/paypal-server.ts';
import type { Desk } from './desk.ts';

const TAKEN = new Set(['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'REVERSED']);
/** Two windows of three hours: to come to the page, and to approve. */
const RUN_OUT_MS = 7 * 3_600_000;

/** PayPal: the payer approves, the money is ours for the taking; refunds by eCheck can fail, disputes are won and lost. */
export async function openPaypalDesk(): Promise<Desk> {
  const paypal = await startPaypalServer();
  const { orders, disputes, webhooks, clock } = paypal;
  webhooks.posts = false;
  const opened = new Map<string, Dispute>();
  let told = 0;
  const captureOf = (payment: string): string => orders.order(payment).captures[0]?.id ?? 'none';
  const text = (minor: number): string => (minor / 100).toFixed(2);

  return {
    plugin,
    url: paypal.url,
    faults: paypal.faults,
    writes: 'POST /v2',
    settings: { clientId: paypal.clientId, clientSecret: paypal.clientSecret, webhookCertificates: webhooks.certificate() },
    currency: 'EUR',
    order: {},
    manners: {
      holds: 'always',
      capture: 'whole',
      declined: 'when-taken',
      abandoned: 'cancelled',
      refund: 'done',
      slowRefund: 'done',
      refundTakesMs: 0,
      refunds: 'in-parts',
      refundPauseMs: 0,
      silent: ['expire'],
    },
    acts: {
      approve: (payment) => void orders.approve(payment),
      'approve-slowly': 'An eCheck is under way for days only after we took it: see the plugin’s own tests.',
      arrive: 'As an eCheck: see the plugin’s own tests.',
      bounce: 'As an eCheck: see the plugin’s own tests.',
      decline: (payment) => {
        orders.next({ status: 'DECLINED', reason: 'DECLINED_BY_RISK_FRAUD_FILTERS' });
        orders.approve(payment);
      },
      abandon: 'A payer who turns back is told to nobody: the order stays open until it is forgotten.',
      expire: () => clock.advance(RUN_OUT_MS),
      'refund-at-desk': (payment, amount) => void orders.dashboardRefund(captureOf(payment), text(amount)),
      'finish-refund': 'The refunds of this account are done at once.',
      'fail-refund': (payment, which) => orders.setRefund(orders.order(payment).refunds[which]?.id ?? 'none', 'FAILED'),
      dispute: (payment, amount) => void opened.set(payment, disputes.open(captureOf(payment), { value: text(amount) })),
      'win-dispute': (payment) => disputes.resolve(opened.get(payment)?.dispute_id ?? 'none', 'RESOLVED_SELLER_FAVOUR'),
      'lose-dispute': (payment) => disputes.resolve(opened.get(payment)?.dispute_id ?? 'none', 'RESOLVED_BUYER_FAVOUR'),
    },
    now: () => clock.now(),
    advance: async (ms) => clock.advance(ms),
    made: (reference) =>
      orders
        .all()
        .filter(({ invoiceId }) => invoiceId === reference)
        .map(({ id }) => id),
    truth: (payment) => {
      const { captures, refunds } = orders.order(payment);
      const dispute = opened.get(payment);
      return {
        captured: captures.reduce((sum, { status, amount }) => sum + (TAKEN.has(status) ? ours(amount) : 0), 0),
        refunded: refunds.reduce((sum, { status, amount }) => sum + (status === 'COMPLETED' ? ours(amount) : 0), 0),
        chargedBack: dispute && dispute.outcome !== 'RESOLVED_SELLER_FAVOUR' ? ours(dispute.amount) : 0,
      };
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
