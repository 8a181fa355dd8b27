import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';
import type { Money } from './schema.ts';

/**
 * What a provider tells about one payment: amounts and dates, never our state. The core derives the state.
 * All amounts are whole minor units by ISO 4217 (`number`, always a safe integer); convert the provider's own convention.
 */
export interface PaymentFacts {
  /** The provider's own word, kept verbatim for people. */
  readonly providerState: string;
  readonly currency: string;
  /** The customer has begun: approved, redirected on, or a bank is busy. */
  readonly started: boolean;
  /** Set when no money can come of it any more. */
  readonly ended?: 'failed' | 'cancelled' | 'expired';
  readonly authorized: number;
  /** Part of `authorized` that was given back before it was taken. */
  readonly voided: number;
  readonly captured: number;
  /** Refunds that are done. */
  readonly refunded: number;
  /** Refunds asked for but not done. */
  readonly refundPending: number;
  /** Taken back by bank or scheme and not won back. */
  readonly chargedBack: number;
  /** When the request that these facts answer was sent, in epoch milliseconds: an older answer never overrides a newer one. */
  readonly fetchStartedAt: number;
  /** Last moment at which an authorization can be captured, in epoch milliseconds. */
  readonly captureBefore?: number;
  /** Our word for the way of paying: `ideal`, `card`, `sepa-debit`, `mobilepay`. */
  readonly method?: string;
  /** The provider's fee in minor units, when it is known. */
  readonly fee?: number;
  readonly failure?: PaymentFailure;
}

/** Our words for why a payment did not come about; a provider's own code travels beside it. */
export const DECLINE_REASONS = [
  'insufficient-funds',
  'card-expired',
  'card-declined',
  'authentication-failed',
  'mandate-revoked',
  'account-closed',
  'fraud',
  'limit',
  'cancelled-by-customer',
  'technical',
  'other',
] as const;

export type DeclineReason = (typeof DECLINE_REASONS)[number];

export interface PaymentFailure {
  readonly reason: DeclineReason;
  readonly providerCode?: string;
  readonly retryable: boolean;
}

/** A new payment. `reference` is our payment id and must be findable at the provider. */
export interface CreatePayment {
  readonly reference: string;
  readonly amount: Money;
  readonly description: string;
  readonly returnUrl: string;
  readonly cancelUrl?: string;
  readonly webhookUrl: string;
  readonly methods?: readonly string[];
  readonly capture: 'automatic' | 'manual';
  readonly customer?: { readonly reference: string; readonly email?: string; readonly phone?: string; readonly locale?: string };
  readonly expiresAt?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What the customer has to do next. */
export type NextStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'redirect'; readonly url: string }
  | { readonly kind: 'hosted-fields'; readonly clientSecret: string; readonly publishableKey: string }
  | { readonly kind: 'push'; readonly expiresAt: number }
  | { readonly kind: 'qr'; readonly payload: string; readonly expiresAt: number };

export interface CreatedPayment {
  /** The provider's id by which `fetch` finds the payment. */
  readonly providerId: string;
  readonly facts: PaymentFacts;
  readonly next: NextStep;
}

export interface RefundResult {
  readonly providerId: string;
  /** `pending` is not done: the money moves later, or fails to. */
  readonly state: 'pending' | 'done' | 'failed';
}

/**
 * A payment provider. `create` and `fetch` are needed; every other method that is present is a capability.
 * Calls that move money get `context.idempotencyKey` and must pass it on to the provider.
 */
export interface PaymentProvider<Settings = unknown> {
  /** For how long the provider remembers an idempotency key, in milliseconds. */
  readonly keyTtlMs: number;
  create(context: Context<Settings>, payment: CreatePayment): Promise<Outcome<CreatedPayment>>;
  fetch(context: Context<Settings>, request: { readonly providerId: string }): Promise<Outcome<PaymentFacts>>;
  /** Finds a payment by our reference: settles an unknown outcome of `create`. `undefined` only when it surely does not exist. */
  find?(
    context: Context<Settings>,
    request: { readonly reference: string; readonly notBefore: number },
  ): Promise<Outcome<CreatedPayment | undefined>>;
  capture?(context: Context<Settings>, request: { readonly providerId: string; readonly amount: Money }): Promise<Outcome<PaymentFacts>>;
  cancel?(context: Context<Settings>, request: { readonly providerId: string }): Promise<Outcome<PaymentFacts>>;
  refund?(
    context: Context<Settings>,
    request: { readonly providerId: string; readonly reference: string; readonly amount: Money; readonly reason?: string },
  ): Promise<Outcome<RefundResult>>;
}
