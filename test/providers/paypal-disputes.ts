import type { PaypalClock } from './paypal-clock.ts';
import type { PaypalLedger } from './paypal-ledger.ts';
import { invalid, missing, moneyOf, ours, randomId, unprocessable, type Dispute } from './paypal-objects.ts';
import type { PaypalOrders } from './paypal-orders.ts';
import type { PaypalWebhooks } from './paypal-webhooks.ts';

const TEN_DAYS_MS = 10 * 86_400_000;

/** Disputes over captures. In an inquiry no money moves; from a chargeback on it is gone until the dispute is won. */
export class PaypalDisputes {
  readonly #clock: PaypalClock;
  readonly #ledger: PaypalLedger;
  readonly #webhooks: PaypalWebhooks;
  readonly #orders: PaypalOrders;
  readonly #disputes = new Map<string, Dispute>();

  constructor(clock: PaypalClock, ledger: PaypalLedger, webhooks: PaypalWebhooks, orders: PaypalOrders) {
    this.#clock = clock;
    this.#ledger = ledger;
    this.#webhooks = webhooks;
    this.#orders = orders;
  }

  open(captureId: string, more: { readonly stage?: string; readonly value?: string; readonly reason?: string } = {}): Dispute {
    const { order, capture } = this.#orders.captureOf(captureId);
    const { currency_code: currency } = capture.amount;
    const dispute: Dispute = {
      dispute_id: `PP-D-${randomId(6)}`,
      captureId,
      customId: order.customId,
      reason: more.reason ?? 'UNAUTHORISED',
      status: 'WAITING_FOR_SELLER_RESPONSE',
      stage: more.stage ?? 'CHARGEBACK',
      amount: more.value === undefined ? capture.amount : { currency_code: currency, value: more.value },
      outcome: undefined,
      due: this.#clock.stamp(this.#clock.now() + TEN_DAYS_MS),
      create_time: this.#clock.stamp(),
    };
    this.#disputes.set(dispute.dispute_id, dispute);
    if (dispute.stage !== 'INQUIRY') this.#move(dispute, 'T1201', -1);
    this.#tell('CREATED', dispute);
    return dispute;
  }

  /** The buyer is not content with the answer. */
  escalate(id: string): void {
    const dispute = this.#disputes.get(id) ?? fail();
    if (dispute.stage !== 'INQUIRY') throw unprocessable('ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE');
    dispute.stage = 'CHARGEBACK';
    this.#move(dispute, 'T1201', -1);
    this.#tell('UPDATED', dispute);
  }

  resolve(id: string, outcome: string): void {
    const dispute = this.#disputes.get(id) ?? fail();
    dispute.status = 'RESOLVED';
    dispute.outcome = outcome;
    if (dispute.stage !== 'INQUIRY' && outcome !== 'RESOLVED_BUYER_FAVOUR' && outcome !== 'ACCEPTED') this.#move(dispute, 'T1202', 1);
    this.#tell('RESOLVED', dispute);
  }

  list(query: URLSearchParams): object {
    const captureId = query.get('disputed_transaction_id');
    const size = Number(query.get('page_size') ?? 10);
    if (captureId === null && query.get('start_time') === null) throw invalid('MISSING_REQUIRED_PARAMETER', '/disputed_transaction_id');
    if (!(size >= 1 && size <= 50)) throw invalid('INVALID_PARAMETER_VALUE', '/page_size');
    const found = [...this.#disputes.values()].filter((one) => captureId === null || one.captureId === captureId);
    return { items: found.slice(0, size).map(summary), links: [] };
  }

  show(id: string): object {
    return whole(this.#disputes.get(id) ?? fail());
  }

  #move(dispute: Dispute, code: string, sign: number): void {
    const { currency_code: currency } = dispute.amount;
    const amount = moneyOf(sign * ours(dispute.amount), currency);
    this.#ledger.add({ id: randomId(), code, amount, capture: dispute.captureId, customId: dispute.customId });
  }

  #tell(what: string, dispute: Dispute): void {
    this.#webhooks.send(`CUSTOMER.DISPUTE.${what}`, 'dispute', whole(dispute));
  }
}

/** What the list tells: not how a dispute ended. */
function summary({ dispute_id, reason, status, stage, amount, due, create_time }: Dispute): object {
  return {
    dispute_id,
    reason,
    status,
    dispute_life_cycle_stage: stage,
    dispute_amount: amount,
    seller_response_due_date: due,
    create_time,
  };
}

function whole(dispute: Dispute): object {
  return {
    ...summary(dispute),
    disputed_transactions: [
      { seller_transaction_id: dispute.captureId, custom: dispute.customId, seller: { merchant_id: 'LOCALSERVER01' } },
    ],
    ...(dispute.outcome === undefined ? {} : { dispute_outcome: { outcome_code: dispute.outcome, amount_refunded: dispute.amount } }),
  };
}

function fail(): never {
  throw missing();
}
