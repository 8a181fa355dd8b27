import { writeAmount } from './amount.ts';
import { amountOf } from './payment-amounts.ts';

/**
 * - `open`: the customer may still pay.
 * - `pending`: a direct debit is under way.
 * - `authorized`: money is reserved; a capture takes it.
 * - `paid`: money was taken. Refunds and disputes change amounts, never this word.
 * - `failed`, `cancelled`, `expired`: no money can come of it any more.
 */
export type PaymentState = 'open' | 'pending' | 'authorized' | 'paid' | 'failed' | 'cancelled' | 'expired';

export interface PaymentRow {
  readonly id: string;
  readonly account: string;
  readonly reference: string;
  readonly amount: number;
  readonly digits: number;
  readonly currency: string;
  readonly description: string;
  readonly return_url: string;
  readonly cancel_url: string;
  readonly webhook_url: string;
  readonly methods: string;
  readonly capture: 'automatic' | 'manual';
  readonly flow: Flow;
  readonly state: PaymentState;
  readonly method: string | null;
  readonly captured: number;
  readonly voided: number;
  readonly charged_back: number;
  readonly fee: number;
  readonly failure: string | null;
  /** The customer's id here, where a mandate is to belong to somebody. */
  readonly customer: string | null;
  /** 1: this payment is to leave a mandate behind. */
  readonly saves: number;
  readonly mandate: string | null;
  /** 1: made under a mandate, without the customer. */
  readonly charge: number;
  readonly created_at: number;
  readonly expires_at: number;
  /** When the money came, or was reserved. */
  readonly paid_at: number | null;
  /** When something happens by itself: a debit arrives or bounces, a reserved amount is let go. */
  readonly due_at: number | null;
  readonly refunded: number;
}

/** Ways of paying that the page offers. */
export const METHODS = { ideal: 'iDEAL', card: 'Card', 'sepa-debit': 'Direct debit', wallet: 'Phone' } as const;
export type Method = keyof typeof METHODS;

export const FLOWS = ['redirect', 'push', 'qr'] as const;
export type Flow = (typeof FLOWS)[number];

/** SEPA Core: a consumer gets a debit back without a question for eight weeks after it. */
const NO_QUESTIONS_MS = 56 * 86_400_000;

export interface RefundRow {
  readonly id: string;
  readonly payment: string;
  readonly reference: string;
  readonly amount: number;
  /** `pending` until the money has reached the customer's account. */
  readonly state: 'pending' | 'done' | 'failed';
  readonly failure: string | null;
  readonly due_at: number | null;
  readonly created_at: number;
}

export interface DisputeRow {
  readonly id: string;
  readonly payment: string;
  readonly amount: number;
  /** A returned direct debit is `lost` at once: nobody can answer it. */
  readonly state: 'opened' | 'won' | 'lost';
  readonly reason: string;
  readonly respond_by: number | null;
  readonly created_at: number;
}

/** What belongs to a payment and lies in tables of its own. */
export interface PaymentParts {
  readonly refunds: readonly RefundRow[];
  readonly disputes: readonly DisputeRow[];
  /** As the API shows it; null where there is none. */
  readonly mandate: Readonly<Record<string, unknown>> | null;
}

/** Where a person pays: the page is shown at the address at which the webhooks arrive, because the app passes `/sandbox` on. */
export function payPageOf(payment: PaymentRow): string {
  return new URL(`/sandbox/pay/${payment.id}`, payment.webhook_url).href;
}

/** A payment as the API shows it. */
export function showPayment(payment: PaymentRow, { refunds, disputes, mandate }: PaymentParts): Readonly<Record<string, unknown>> {
  const money = (minor: number): { amount: string; currency: string } => writeAmount(amountOf(payment, minor));
  const isReserved = payment.capture === 'manual' && payment.method !== null && payment.state !== 'failed';
  const isDebit = payment.method === 'sepa-debit' && payment.paid_at !== null;
  return {
    id: payment.id,
    reference: payment.reference,
    state: payment.state,
    flow: payment.flow,
    amount: money(payment.amount),
    authorized: money(isReserved ? payment.amount : 0),
    voided: money(payment.voided),
    captured: money(payment.captured),
    refunded: money(payment.refunded),
    charged_back: money(payment.charged_back),
    fee: money(payment.fee),
    method: payment.method,
    failure: payment.failure,
    customer: payment.customer,
    wants_customer: payment.charge === 1 && payment.state === 'open',
    refunds: refunds.map((refund) => ({
      id: refund.id,
      // One that a person made at the desk is nobody's.
      reference: refund.reference.startsWith('desk-') ? null : refund.reference,
      amount: money(refund.amount),
      state: refund.state,
      failure: refund.failure,
    })),
    disputes: disputes.map((dispute) => ({
      id: dispute.id,
      amount: money(dispute.amount),
      state: dispute.state,
      reason: dispute.reason,
      respond_by: timeOf(dispute.respond_by),
    })),
    mandate,
    pay_url: payPageOf(payment),
    created_at: timeOf(payment.created_at),
    expires_at: timeOf(payment.expires_at),
    capture_before: timeOf(payment.state === 'authorized' ? payment.due_at : null),
    provisional_until: timeOf(isDebit && payment.paid_at !== null ? payment.paid_at + NO_QUESTIONS_MS : null),
  };
}

/** The ways of paying that the customer may choose from; the two most usual when none was asked for. */
export function methodsOf(payment: PaymentRow): readonly Method[] {
  const asked = JSON.parse(payment.methods) as string[];
  const known = asked.filter(isMethod);
  if (known.length > 0) return known;
  return payment.flow === 'redirect' ? ['ideal', 'card'] : ['wallet'];
}

export function isMethod(value: unknown): value is Method {
  return typeof value === 'string' && Object.hasOwn(METHODS, value);
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
