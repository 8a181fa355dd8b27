import { fromMollie } from '../../plugins/mollie/src/amounts.ts';
import plugin from '../../plugins/mollie/src/plugin.ts';
import { startMollieServer } from '../providers/mollie-server.ts';
import { mollieSignature } from '../providers/mollie-webhooks.ts';
import type { Desk } from './desk.ts';

const HOUR_MS = 3_600_000;

/** Mollie: a page of its own, both kinds of webhook, refunds that take a day, chargebacks without a dispute. */
export async function openMollieDesk(): Promise<Desk> {
  const mollie = await startMollieServer({ sendWebhooks: true });
  const { book, webhooks, clock } = mollie;
  webhooks.isSilent = true;
  let told = 0;
  const refundsOf = (payment: string) => book.refunds.filter(({ paymentId }) => paymentId === payment).toReversed();
  const chargebacksOf = (payment: string) => book.chargebacks.filter(({ paymentId }) => paymentId === payment);
  const text = (minor: number): string => (minor / 100).toFixed(2);

  return {
    plugin,
    url: mollie.url,
    faults: mollie.faults,
    writes: 'POST /v2',
    settings: { apiKey: mollie.apiKey, organizationToken: mollie.organizationToken },
    currency: 'EUR',
    order: {},
    manners: {
      holds: 'when-asked',
      capture: 'in-parts',
      declined: 'failed',
      abandoned: 'cancelled',
      refund: 'pending',
      slowRefund: 'pending',
      refundTakesMs: 24 * HOUR_MS,
      refunds: 'in-parts',
      refundPauseMs: HOUR_MS + 60_000,
      silent: [],
    },
    acts: {
      approve: (payment) => void book.pay(payment, 'creditcard'),
      'approve-slowly': (payment) => void book.pay(payment, 'banktransfer'),
      arrive: (payment) => void book.settle(payment, 'paid'),
      bounce: (payment) => void book.settle(payment, 'failed'),
      decline: (payment) => void book.decline(payment),
      abandon: (payment) => void book.abandon(payment),
      expire: (payment) => void book.expire(payment),
      'refund-at-desk': (payment, amount) => void book.refundInDashboard(payment, text(amount)),
      'finish-refund': (payment, which) => book.finishRefund(refundsOf(payment)[which]?.id ?? 'none', 'refunded'),
      'fail-refund': (payment, which) => book.finishRefund(refundsOf(payment)[which]?.id ?? 'none', 'failed'),
      dispute: (payment, amount) => void book.chargeBack(payment, { value: text(amount) }),
      'win-dispute': (payment) => book.reverseChargeback(chargebacksOf(payment).at(-1)?.id ?? 'none'),
      'lose-dispute': 'Mollie tells that money went back and perhaps came again, not how a dispute goes.',
    },
    now: () => clock.now(),
    advance: (ms) => mollie.advance(ms),
    made: (reference) => book.payments.filter(({ metadata }) => markOf(metadata) === reference).map(({ id }) => id),
    truth: (payment) => {
      const { status, captureMode, captured, amount } = book.payment(payment);
      const sum = (list: readonly { readonly amount: { readonly value: string; readonly currency: string } }[]): number =>
        list.reduce((total, one) => total + fromMollie(one.amount), 0);
      return {
        captured: captureMode === 'manual' ? captured : status === 'paid' ? fromMollie(amount) : 0,
        refunded: sum(refundsOf(payment).filter((refund) => refund.status === 'refunded')),
        chargedBack: sum(chargebacksOf(payment).filter(({ reversedAt }) => reversedAt === null)),
      };
    },
    listen: (url) => {
      webhooks.deliverTo = url;
      webhooks.create({ name: 'Kassaflow', url, eventTypes: ['*'] });
      return { webhookSecret: webhooks.hooks.at(-1)?.secret };
    },
    posted: async () => {
      await webhooks.settled();
      const news = webhooks.attempts.slice(told);
      told = webhooks.attempts.length;
      return news.map(({ headers, body }) => ({ body, headers: () => headers }));
    },
    forged: (payment) => {
      const body = JSON.stringify({ resource: 'event', id: `event_forged${payment}`, type: 'payment.paid', entityId: payment });
      const signature = mollieSignature(body, 'the secret of somebody else');
      return { body, headers: () => ({ 'content-type': 'application/json', 'x-mollie-signature': signature }) };
    },
    close: () => mollie.close(),
  };
}

function markOf(metadata: unknown): unknown {
  return typeof metadata === 'object' && metadata !== null && 'payment_id' in metadata ? metadata.payment_id : undefined;
}
