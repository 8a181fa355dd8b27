import {
  minorOf,
  type Context,
  type DisputeFacts,
  type MandateFacts,
  type Money,
  type PaymentFacts,
  type RefundFacts,
} from '@kassaflow/plugin-sdk';
import { failureOf } from './declines.ts';
import type { Settings } from './settings.ts';

/** A payment as the sandbox's API shows it. */
export interface SandboxPayment {
  readonly id: string;
  readonly state: 'open' | 'pending' | 'authorized' | 'paid' | 'failed' | 'cancelled' | 'expired';
  readonly flow: 'redirect' | 'push' | 'qr';
  readonly amount: Money;
  readonly authorized: Money;
  readonly voided: Money;
  readonly captured: Money;
  readonly refunded: Money;
  readonly charged_back: Money;
  readonly fee: Money;
  readonly method: string | null;
  readonly failure: string | null;
  /** It was charged under a mandate, and the bank wants the customer to be there. */
  readonly wants_customer: boolean;
  readonly refunds: readonly {
    readonly id: string;
    readonly reference: string | null;
    readonly amount: Money;
    readonly state: RefundFacts['state'];
    readonly failure: string | null;
  }[];
  readonly disputes: readonly {
    readonly id: string;
    readonly amount: Money;
    readonly state: 'opened' | 'won' | 'lost';
    readonly reason: string;
    readonly respond_by: string | null;
  }[];
  readonly mandate: SandboxMandate | null;
  readonly pay_url: string;
  readonly expires_at: string;
  readonly capture_before: string | null;
  readonly provisional_until: string | null;
}

/** A mandate as the sandbox's API shows it. */
export interface SandboxMandate {
  readonly id: string;
  readonly customer: string;
  readonly kind: MandateFacts['kind'];
  readonly state: MandateFacts['state'];
  readonly label: string;
  readonly fingerprint: string;
  readonly valid_until: string | null;
  readonly approve_url: string;
}

const STATES: readonly string[] = ['open', 'pending', 'authorized', 'paid', 'failed', 'cancelled', 'expired'];

export function factsOf(context: Context<Settings>, payment: SandboxPayment, fetchStartedAt: number): PaymentFacts {
  const { state } = payment;
  if (!STATES.includes(state)) context.log.warn('The sandbox uses a word for a payment’s state that is not known here', { state });
  const refunds = payment.refunds.map(refundFacts);
  const sum = (wanted: RefundFacts['state']): number =>
    refunds.reduce((total, refund) => total + (refund.state === wanted ? refund.amount : 0), 0);
  const failure = payment.failure ?? returnCode(payment);
  return {
    providerState: state,
    currency: payment.amount.currency,
    started: state === 'pending' || state === 'authorized' || state === 'paid',
    ...(state === 'failed' || state === 'cancelled' || state === 'expired' ? { ended: state } : {}),
    authorized: minorOf(payment.authorized),
    voided: minorOf(payment.voided),
    captured: minorOf(payment.captured),
    refunded: sum('done'),
    refundPending: sum('pending'),
    chargedBack: minorOf(payment.charged_back),
    fetchStartedAt,
    refunds,
    disputes: payment.disputes.map(disputeFacts),
    ...(payment.method === null ? {} : { method: payment.method === 'wallet' ? 'mobilepay' : payment.method }),
    ...(minorOf(payment.captured) > 0 ? { fee: minorOf(payment.fee) } : {}),
    ...(failure === undefined ? {} : { failure: failureOf(failure) }),
    ...(payment.mandate === null ? {} : { mandate: mandateFacts(payment.mandate) }),
    ...(payment.capture_before === null ? {} : { captureBefore: Date.parse(payment.capture_before) }),
    ...(payment.provisional_until === null ? {} : { provisionalUntil: Date.parse(payment.provisional_until) }),
  };
}

export function mandateFacts(mandate: SandboxMandate): MandateFacts {
  const { id, customer, kind, state, label, fingerprint, valid_until: until } = mandate;
  return {
    providerId: id,
    kind,
    state,
    customer,
    label,
    fingerprint,
    ...(until === null ? {} : { validUntil: Date.parse(until) }),
  };
}

/** Why a direct debit came back: it is tried again or not by that code. */
function returnCode({ method, disputes }: SandboxPayment): string | undefined {
  return method === 'sepa-debit' ? disputes.find(({ state }) => state === 'lost')?.reason : undefined;
}

function refundFacts({ id, reference, amount, state, failure }: SandboxPayment['refunds'][number]): RefundFacts {
  return {
    providerId: id,
    ...(reference === null ? {} : { reference }),
    amount: minorOf(amount),
    state,
    ...(failure === null ? {} : { failure }),
  };
}

function disputeFacts({ id, amount, state, reason, respond_by: by }: SandboxPayment['disputes'][number]): DisputeFacts {
  return { providerId: id, amount: minorOf(amount), state, reason, ...(by === null ? {} : { respondBy: Date.parse(by) }) };
}
