import plugin from '../../plugins/vipps-mobilepay/src/plugin.ts';
import { toVippsReference } from '../../plugins/vipps-mobilepay/src/references.ts';
import { startVippsServer } from '../providers/vipps-server.ts';
import { signedHeaders } from '../providers/vipps-webhooks.ts';
import { leftOf, type Account, type Desk, type Mode, type Posted } from './desk.ts';
import type { VippsPayment } from '../providers/vipps-payments.ts';

const EVENTS = ['created', 'authorized', 'captured', 'cancelled', 'refunded', 'aborted', 'expired', 'terminated'].map(
  (name) => `epayments.payment.${name}.v1`,
);
/** Longer than a payment stays open. */
const RUN_OUT_MS = 11 * 60_000;
const DAY_MS = 24 * 3_600_000;
/** A little longer than a reservation lasts in Denmark. */
const LAPSE_MS = 14 * DAY_MS + 60_000;
/** By the provider's word for a payment of which no money is held. */
const STAGES: Readonly<Record<string, Account['stage']>> = {
  CREATED: 'open',
  TERMINATED: 'cancelled',
  ABORTED: 'cancelled',
  EXPIRED: 'expired',
};

/** What the provider keeps of each payout, in øre. */
const FEES = 112;
const DAY = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Copenhagen', dateStyle: 'short' });

/** Vipps MobilePay: approved in the app, held until we take it, refunded at once; chargebacks stand in its settlements alone. */
export async function openVippsDesk(mode: Mode = 'test'): Promise<Desk> {
  const mail: Posted[] = [];
  const vipps = await startVippsServer({
    frozen: true,
    mode,
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
    mode,
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
      chargebacks: 'in-settlements',
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
      // It stays reserved in the provider's word; only taking it is refused.
      lapse: () => vipps.clock.advance(LAPSE_MS),
      'refund-at-desk': (payment, amount) => vipps.payments.byPortal(payment, 'refund', amount),
      'finish-refund': 'A refund is accepted or refused at once.',
      'fail-refund': 'A refund is accepted or refused at once, and never fails later.',
      dispute: (payment) => vipps.ledger.dispute(payment, 'retained-disputed-capture'),
      'win-dispute': (payment) => vipps.ledger.dispute(payment, 'returned-disputed-capture'),
      'lose-dispute': 'A chargeback that is lost leaves no line: the money was gone before.',
      'take-back': 'The customer’s bank takes money back by a dispute alone.',
    },
    now: () => vipps.clock.now(),
    advance: (ms) => vipps.clock.advance(ms),
    made: (reference) =>
      vipps.payments.all().flatMap((payment) => (payment.reference === toVippsReference(reference) ? [payment.reference] : [])),
    account: (reference) => {
      const payment = vipps.payments.get(reference);
      const { captured, authorizedAt = 0 } = payment;
      const entries = vipps.ledger.all().filter((entry) => entry.reference === reference);
      const sum = (type: string): number => entries.reduce((total, { entryType, amount }) => total + (entryType === type ? amount : 0), 0);
      const refunds = entries.flatMap(({ entryType, amount }) =>
        entryType === 'refund' ? [{ amount: -amount, state: 'done' as const }] : [],
      );
      const chargedBack = 0 - sum('retained-disputed-capture') - sum('returned-disputed-capture');
      const stage = stageOf(payment);
      const isDisputedToday = entries.some(
        ({ entryType, ledgerDate }) => entryType.endsWith('disputed-capture') && ledgerDate === DAY.format(vipps.clock.now()),
      );
      const isInTime = vipps.clock.now() <= authorizedAt + vipps.unit.captureDays * DAY_MS;
      return {
        stage,
        captured,
        refunds,
        chargedBack,
        fee: 0,
        capturable: stage === 'held' && isInTime ? payment.authorized - captured : 0,
        refundable: chargedBack > 0 ? 0 : leftOf({ captured, refunds, chargedBack }),
        // The first of its captures is what is disputed, and no bank does so twice on a day.
        disputable: chargedBack > 0 || isDisputedToday ? 0 : (entries.find(({ entryType }) => entryType === 'capture')?.amount ?? 0),
        disputed: chargedBack,
        returnable: 0,
        isDoomed: false,
      };
    },
    settle: async (since) => {
      vipps.ledger.payOut(FEES);
      const [from, to] = [since, vipps.clock.now()].map((at) => DAY.format(at));
      await vipps.clock.advance(DAY_MS);
      return { from: from ?? '', to: to ?? '' };
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

/** The provider's word stays `AUTHORIZED` whatever is taken or let go: the amounts tell. */
function stageOf({ state, authorized, cancelled, captured }: VippsPayment): Account['stage'] {
  if (state !== 'AUTHORIZED') return STAGES[state] ?? 'open';
  if (captured + cancelled < authorized) return 'held';
  return captured > 0 ? 'taken' : 'cancelled';
}
