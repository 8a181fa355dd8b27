import { fromMollie, type Amount } from '../../plugins/mollie/src/amounts.ts';
import plugin from '../../plugins/mollie/src/plugin.ts';
import { amsterdamDay } from '../../plugins/mollie/src/settlement-lines.ts';
import { startMollieServer } from '../providers/mollie-server.ts';
import { mollieSignature } from '../providers/mollie-webhooks.ts';
import { leftOf, type Account, type Desk, type Mode } from './desk.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A little longer than a hold lasts. */
const LAPSE_MS = 7 * DAY_MS + 60_000;
/** By Mollie's word for a payment. */
const STAGES: Readonly<Record<string, Account['stage']>> = {
  open: 'open',
  pending: 'under-way',
  authorized: 'held',
  paid: 'taken',
  canceled: 'cancelled',
  failed: 'failed',
  expired: 'expired',
};
/** By Mollie's word for a refund; all others are under way. */
const REFUNDS: Readonly<Record<string, 'done' | 'failed'>> = { refunded: 'done', failed: 'failed', canceled: 'failed' };

/** Mollie: a page of its own, both kinds of webhook, refunds that take a day, chargebacks without a dispute. */
export async function openMollieDesk(mode: Mode = 'test'): Promise<Desk> {
  const mollie = await startMollieServer({ sendWebhooks: true, apiKey: `${mode}_localserver1` });
  const { book, webhooks, clock } = mollie;
  webhooks.isSilent = true;
  let told = 0;
  const refundsOf = (payment: string) => book.refunds.filter(({ paymentId }) => paymentId === payment).toReversed();
  const chargebacksOf = (payment: string) => book.chargebacks.filter(({ paymentId }) => paymentId === payment);
  const text = (minor: number): string => (minor / 100).toFixed(2);

  return {
    plugin,
    mode,
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
      chargebacks: 'with-payment',
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
      lapse: () => mollie.advance(LAPSE_MS),
      'refund-at-desk': (payment, amount) => void book.refundInDashboard(payment, text(amount)),
      'finish-refund': (payment, which) => book.finishRefund(refundsOf(payment)[which]?.id ?? 'none', 'refunded'),
      'fail-refund': (payment, which) => book.finishRefund(refundsOf(payment)[which]?.id ?? 'none', 'failed'),
      dispute: (payment, amount) => void book.chargeBack(payment, { value: text(amount) }),
      'win-dispute': (payment) => book.reverseChargeback(chargebacksOf(payment).at(-1)?.id ?? 'none'),
      'lose-dispute': 'Mollie tells that money went back and perhaps came again, not how a dispute goes.',
      'take-back': 'A debit that is returned is a chargeback.',
    },
    now: () => clock.now(),
    advance: (ms) => mollie.advance(ms),
    made: (reference) => book.payments.filter(({ metadata }) => markOf(metadata) === reference).map(({ id }) => id),
    account: (payment) => {
      const { status, captureMode, captured, amount } = book.payment(payment);
      const total = fromMollie(amount);
      const taken = captureMode === 'manual' ? captured : status === 'paid' ? total : 0;
      const refunds = refundsOf(payment).map((one) => ({
        amount: fromMollie(one.amount),
        state: REFUNDS[one.status] ?? ('pending' as const),
      }));
      const open = chargebacksOf(payment).filter(({ reversedAt }) => reversedAt === null);
      const chargedBack = open.reduce((sum, one) => sum + fromMollie(one.amount), 0);
      const left = status === 'paid' ? leftOf({ captured: taken, refunds, chargedBack }) : 0;
      return {
        stage: STAGES[status] ?? 'open',
        captured: taken,
        refunds,
        chargedBack,
        fee: 0,
        capturable: status === 'authorized' ? total - captured : 0,
        refundable: left,
        disputable: left,
        // The newest is the one that can be won back.
        disputed: minorOf(chargebacksOf(payment).at(-1)),
        returnable: 0,
        isDoomed: false,
      };
    },
    settle: async () => {
      // What was won back before the chargeback was settled is in the settlement after it.
      for (const { id } of [mollie.settlements.close(), mollie.settlements.close()]) mollie.settlements.payOut(id);
      const day = amsterdamDay(clock.now());
      await mollie.advance(DAY_MS);
      return { from: day, to: day };
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

function minorOf(chargeback: { readonly amount: Amount; readonly reversedAt: string | null } | undefined): number {
  return chargeback && chargeback.reversedAt === null ? fromMollie(chargeback.amount) : 0;
}

function markOf(metadata: unknown): unknown {
  return typeof metadata === 'object' && metadata !== null && 'payment_id' in metadata ? metadata.payment_id : undefined;
}
