import plugin from '../../plugins/vipps-mobilepay/src/plugin.ts';
import { toVippsReference } from '../../plugins/vipps-mobilepay/src/references.ts';
import { startVippsServer } from '../providers/vipps-server.ts';
import { signedHeaders } from '../providers/vipps-webhooks.ts';
import type { Desk, Posted } from './desk.ts';

const EVENTS = ['created', 'authorized', 'captured', 'cancelled', 'refunded', 'aborted', 'expired', 'terminated'].map(
  (name) => `epayments.payment.${name}.v1`,
);
/** Longer than a payment stays open. */
const RUN_OUT_MS = 11 * 60_000;

/** Vipps MobilePay: approved in the app, held until we take it, refunded at once; chargebacks stand in its settlements alone. */
export async function openVippsDesk(): Promise<Desk> {
  const mail: Posted[] = [];
  const vipps = await startVippsServer({
    frozen: true,
    receiver: ({ headers, body }) => {
      mail.push({ body, headers: () => headers });
      return 200;
    },
  });
  // Five writes in a minute are enough for people, and too few for a history that is told in one.
  vipps.gate.limits.writes = 1_000;
  const address = (): string => {
    const url = vipps.webhooks.list().at(-1)?.['url'];
    return typeof url === 'string' ? url : '';
  };

  return {
    plugin,
    url: vipps.url,
    faults: vipps.faults,
    writes: 'POST /epayment',
    settings: { ...vipps.settings },
    currency: 'DKK',
    order: {},
    manners: {
      holds: 'always',
      capture: 'in-parts',
      declined: 'open',
      abandoned: 'cancelled',
      refund: 'done',
      slowRefund: 'done',
      refundTakesMs: 0,
      refunds: 'in-parts',
      refundPauseMs: 0,
      silent: [],
    },
    acts: {
      approve: (payment) => vipps.payments.approve(payment),
      'approve-slowly': 'Whoever approves in the app has the money: it is held at once.',
      arrive: 'No money is under way for days.',
      bounce: 'No money is under way for days.',
      decline: (payment) => vipps.payments.refuse(payment),
      abandon: (payment) => vipps.payments.abort(payment),
      expire: () => vipps.clock.advance(RUN_OUT_MS),
      'refund-at-desk': (payment, amount) => vipps.payments.byPortal(payment, 'refund', amount),
      'finish-refund': 'A refund is accepted or refused at once.',
      'fail-refund': 'A refund is accepted or refused at once, and never fails later.',
      dispute: 'A chargeback is no event and no fact of the payment: only the settlement report has it (pitfall 10).',
      'win-dispute': 'As the chargeback: only the settlement report has it.',
      'lose-dispute': 'As the chargeback: only the settlement report has it.',
    },
    now: () => vipps.clock.now(),
    advance: (ms) => vipps.clock.advance(ms),
    made: (reference) =>
      vipps.payments.all().flatMap((payment) => (payment.reference === toVippsReference(reference) ? [payment.reference] : [])),
    truth: (payment) => {
      const { captured, refunded } = vipps.payments.get(payment);
      return { captured, refunded, chargedBack: 0 };
    },
    listen: (url) => {
      const { id, secret } = vipps.webhooks.register({ url, events: EVENTS });
      return { webhookId: id, webhookSecret: secret };
    },
    posted: async () => {
      await vipps.webhooks.idle();
      return mail.splice(0);
    },
    forged: (payment) => {
      const event = {
        msn: vipps.unit.msn,
        reference: payment,
        pspReference: 'forged',
        name: 'CAPTURED',
        amount: { currency: 'DKK', value: 1 },
        success: true,
      };
      const body = JSON.stringify({ ...event, timestamp: vipps.clock.date().toISOString() });
      return { body, headers: () => signedHeaders(address(), body, 'the secret of somebody else', vipps.clock.now()) };
    },
    close: () => vipps.close(),
  };
}
