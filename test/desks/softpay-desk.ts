import plugin from '../../plugins/softpay/src/plugin.ts';
import { startSoftpayServer } from '../providers/softpay-server.ts';
import type { Account, Desk } from './desk.ts';

const NO_DAYS = 'A tapped card is charged or refused at once.';
const NO_DISPUTES = 'Chargebacks of cards come by the acquirer’s file, which is not Softpay’s.';

/** By Softpay's word for a transaction that took nothing. */
const STAGES: Readonly<Record<string, Account['stage']>> = { CANCELLED: 'cancelled', DECLINED: 'failed', FAILED: 'failed' };

/** Softpay: a card is tapped on a phone. Nothing is told by webhook, and only a whole sale of minutes ago can be undone. */
export async function openSoftpayDesk(): Promise<Desk> {
  const softpay = await startSoftpayServer();
  const requestOf = (payment: string): string => payment.split('.')[0] ?? '';

  return {
    plugin,
    mode: 'test',
    url: softpay.url,
    faults: softpay.faults,
    writes: 'PUT ',
    settings: { clientId: softpay.clientId, clientSecret: softpay.clientSecret, merchant: softpay.merchant, appId: 'ABC1234567890' },
    currency: 'DKK',
    order: { flow: 'tap', device: 'ABC1234567890' },
    manners: {
      holds: 'never',
      capture: 'once',
      declined: 'failed',
      abandoned: 'failed',
      refund: 'done',
      slowRefund: 'done',
      refundTakesMs: 0,
      refunds: 'whole',
      refundPauseMs: 0,
      chargebacks: 'with-payment',
      silent: [],
    },
    acts: {
      approve: (payment) => softpay.tap(requestOf(payment)),
      'approve-slowly': NO_DAYS,
      arrive: NO_DAYS,
      bounce: NO_DAYS,
      decline: (payment) => softpay.decline(requestOf(payment)),
      abandon: (payment) => softpay.fail(requestOf(payment)),
      lapse: 'Nothing is held: a tapped card is charged.',
      expire: 'A request that nobody taps fails at the phone: the customer has left.',
      'refund-at-desk': (payment) => softpay.undoAtPhone(requestOf(payment)),
      'finish-refund': 'What is undone is undone at once.',
      'fail-refund': 'What is undone is undone.',
      dispute: NO_DISPUTES,
      'win-dispute': NO_DISPUTES,
      'lose-dispute': NO_DISPUTES,
      'take-back': NO_DISPUTES,
    },
    now: () => softpay.now(),
    advance: async (ms) => softpay.advance(ms),
    made: (reference) =>
      softpay
        .begun()
        .filter(({ posReferenceNumber }) => posReferenceNumber === reference)
        .map(({ requestId, amount = 0, currencyCode = '' }) => `${requestId}.${amount}${currencyCode}`),
    account: (payment) => {
      const { state, responseCode, amount = 0 } = softpay.transaction(requestOf(payment));
      const wasUndone = state === 'CANCELLED' && responseCode === '00';
      const captured = state === 'COMPLETED' || wasUndone ? amount : 0;
      return {
        stage: captured > 0 ? 'taken' : (STAGES[state] ?? 'open'),
        captured,
        refunds: wasUndone ? [{ amount, state: 'done' }] : [],
        chargedBack: 0,
        fee: 0,
        capturable: 0,
        refundable: wasUndone ? 0 : captured,
        disputable: 0,
        disputed: 0,
        returnable: 0,
        isDoomed: false,
      };
    },
    settle: 'The acquirer settles, not Softpay.',
    listen: () => 'Softpay posts nothing: its payments are asked about.',
    posted: async () => [],
    forged: () => 'Softpay posts nothing, so there is no door to knock at.',
    close: () => softpay.close(),
  };
}
