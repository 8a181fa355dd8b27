import type { Context } from './context.ts';
import type { HostedFields } from './hosted-fields.ts';
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
  /** Every refund that the provider knows, with those made in its own dashboard. Absent where only the totals are known. */
  readonly refunds?: readonly RefundFacts[];
  /** Every dispute and chargeback, each as it stands now. Absent where only `chargedBack` is known. */
  readonly disputes?: readonly DisputeFacts[];
  /** The permission to charge again that came of this payment, or under which it was made. */
  readonly mandate?: MandateFacts;
  /** Until when the money may still be taken back without a question, in epoch milliseconds: SEPA Core, eight weeks. */
  readonly provisionalUntil?: number;
}

/** One refund at the provider. */
export interface RefundFacts {
  readonly providerId: string;
  /** Our refund id, when the provider repeats it; absent on a refund that was made without us. */
  readonly reference?: string;
  readonly amount: number;
  readonly state: 'pending' | 'done' | 'failed';
  /** The provider's word for why it failed. */
  readonly failure?: string;
}

/** One dispute. `inquiry`: the bank asks, no money has moved. */
export interface DisputeFacts {
  readonly providerId: string;
  readonly state: 'inquiry' | 'opened' | 'won' | 'lost';
  readonly amount: number;
  /** The scheme's or bank's code, verbatim: `MD06`, `fraudulent`. */
  readonly reason?: string;
  /** Until when an answer is accepted, in epoch milliseconds. */
  readonly respondBy?: number;
}

/** A permission to charge without the customer being there. */
export interface MandateFacts {
  readonly providerId: string;
  readonly kind: 'sepa-debit' | 'card' | 'account' | 'agreement';
  readonly state: 'pending' | 'active' | 'revoked' | 'expired';
  /** The provider's id of the customer, where a charge has to name it too. */
  readonly customer?: string;
  /** For people: `Visa •••• 4242`, `NL•• INGB •••• 6789`. Never a whole number. */
  readonly label?: string;
  /** The same for every mandate over the same card or account: caps are counted by it. */
  readonly fingerprint?: string;
  /** Until when it can be charged, in epoch milliseconds. */
  readonly validUntil?: number;
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
  /**
   * The bank's or scheme's own code, where the provider hands it on: a SEPA return code (`AM04`), Visa's response code, Mastercard's
   * merchant advice code. It decides when a charge is repeated, before `reason` does.
   */
  readonly network?: { readonly scheme: 'sepa' | 'visa' | 'mastercard'; readonly code: string };
  readonly retryable: boolean;
}

/** Where the customer approves: on the provider's page, in its fields on our page, in an app that is called, by a code, at a terminal. */
export type CheckoutFlow = 'redirect' | 'hosted-fields' | 'push' | 'qr' | 'tap';

/** A way of paying that an account offers now. Labels and limits are the provider's: a new method needs no new code. */
export interface PaymentMethod {
  /** Our word where there is one (`ideal`, `card`, `sepa-debit`, `mobilepay`), else the provider's own in kebab-case. */
  readonly id: string;
  readonly title: string;
  readonly flows: readonly CheckoutFlow[];
  /** Minor units of the asked currency. */
  readonly least?: number;
  readonly most?: number;
  /** True when a payment by it can leave a mandate behind. */
  readonly saves?: boolean;
  readonly imageUrl?: string;
  /** What a browser needs to show this way's `hosted-fields`: public values only, such as a publishable key. */
  readonly fields?: Readonly<Record<string, string>>;
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
  /** `redirect` unless told. */
  readonly flow?: CheckoutFlow;
  readonly capture: 'automatic' | 'manual';
  /** `providerId`: the customer at the provider, as an earlier mandate named it. `phone` is E.164, with the plus. */
  readonly customer?: {
    readonly reference: string;
    readonly providerId?: string;
    readonly name?: string;
    readonly email?: string;
    readonly phone?: string;
    readonly locale?: string;
  };
  /** The customer agrees to be charged again; the facts then carry the mandate. */
  readonly save?: boolean;
  /** The terminal, for `tap`. */
  readonly device?: string;
  /** What the provider's fields on our page made of the card: a token, never a number. */
  readonly token?: string;
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

/** A charge under a mandate; the customer is not there. `reference` is our payment id. */
export interface ChargeMandate {
  readonly reference: string;
  readonly mandate: string;
  /** The provider's id of the customer, as the mandate's facts had it. */
  readonly customer?: string;
  readonly amount: Money;
  readonly description: string;
  readonly returnUrl: string;
  readonly webhookUrl: string;
  /** When the money is to be taken, as `2026-11-30`; a direct debit has to be announced before. */
  readonly dueOn?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A permission to charge later, without money now. `reference` is our mandate id. */
export interface CreateMandate {
  readonly reference: string;
  readonly kind: MandateFacts['kind'];
  readonly description: string;
  readonly returnUrl: string;
  readonly webhookUrl: string;
  readonly customer: NonNullable<CreatePayment['customer']>;
  /** The most that will be charged in a period, for a provider that shows it to the customer. */
  readonly pricing?: { readonly most: Money; readonly every: 'week' | 'month' | 'year' };
}

export interface CreatedMandate {
  readonly facts: MandateFacts;
  readonly next: NextStep;
}

/** How a provider asks for and keeps permissions to charge. */
export interface Mandates<Settings = unknown> {
  create(context: Context<Settings>, mandate: CreateMandate): Promise<Outcome<CreatedMandate>>;
  fetch(context: Context<Settings>, request: { readonly providerId: string; readonly customer?: string }): Promise<Outcome<MandateFacts>>;
  revoke(context: Context<Settings>, request: { readonly providerId: string; readonly customer?: string }): Promise<Outcome<MandateFacts>>;
}

/** One line of what a provider paid out or kept. Amounts are decimal texts, because costs have up to four decimals. */
export interface SettlementLine {
  /** The same whenever the line is told; unique together with `kind` and `payout`. */
  readonly providerId: string;
  /**
   * The payout that the line was paid out in. A line of the kind `payout` that has it says that the lines of this name, or these and those
   * without a name since the payout before, add up to it. A mere withdrawal from a running balance has none. Money that comes back from
   * the bank, or is taken from there, is a line of the kind `payout` with a net above zero.
   */
  readonly payout?: string;
  readonly kind: 'payment' | 'refund' | 'chargeback' | 'chargeback-reversal' | 'fee' | 'payout' | 'adjustment' | 'unknown';
  /** The provider's own word for the kind, verbatim: people read it where `kind` is `unknown` or says too little. */
  readonly providerType?: string;
  /** The provider's id of the payment, as `fetch` takes it. */
  readonly payment?: string;
  /** Our payment id, where the line repeats it: finds the payment whatever id the provider uses in its books. */
  readonly reference?: string;
  readonly refund?: string;
  readonly currency: string;
  readonly gross: string;
  readonly fee: string;
  /** The part of `fee` that is VAT, where the provider tells it. */
  readonly feeVat?: string;
  readonly net: string;
  /** `gross` in the currency that was paid in, with the same sign, where the provider exchanged it and tells both. */
  readonly exchanged?: { readonly gross: string; readonly currency: string };
  /** Epoch milliseconds. */
  readonly bookedAt: number;
  /** The provider's own day, as `2026-11-30`: an instant does not tell it. Without it, the day of `bookedAt` in UTC. */
  readonly bookedOn?: string;
}

export interface SettlementPage {
  readonly lines: readonly SettlementLine[];
  /** Given back to read on; absent on the last page. */
  readonly next?: string;
}

/** How a provider behaves where it differs from what one would expect. */
export interface ProviderTraits {
  /** The provider itself tries a failed charge again: a flow must not do so too. */
  readonly retriesCharges?: boolean;
  /** An authorization that is not captured by itself has to be captured by us, also for `capture: 'automatic'`. */
  readonly capturesByRequest?: boolean;
  /** A refund needs the customer's card at a terminal. */
  readonly refundsAtTerminal?: boolean;
  /** `fetch` never tells of a chargeback: only settlement lines do, and a `chargedBack` of 0 in the facts means "not told". */
  readonly chargebacksInSettlements?: boolean;
  /** `find` reads a report that is hours late and knows only payments that took money: until then it answers `failed/temporary`. */
  readonly findsByReport?: boolean;
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
  readonly traits?: ProviderTraits;
  /** How our payment page shows the provider's fields. Without it, only portals with a page of their own can use `hosted-fields`. */
  readonly hostedFields?: HostedFields;
  /** What this account can take now for such a payment. Without it, the account decides on its own page. */
  methods?(
    context: Context<Settings>,
    request: { readonly amount: Money; readonly country?: string; readonly locale?: string; readonly recurring?: boolean },
  ): Promise<Outcome<readonly PaymentMethod[]>>;
  /** Charges a mandate. A payment like any other: `find`, `fetch` and `refund` know it. */
  charge?(context: Context<Settings>, charge: ChargeMandate): Promise<Outcome<CreatedPayment>>;
  /** What was settled on the days `from` to `to`, as `2026-11-30`, both included. `failed/temporary` while the report is not ready. */
  settlements?(
    context: Context<Settings>,
    request: { readonly from: string; readonly to: string; readonly page?: string },
  ): Promise<Outcome<SettlementPage>>;
}
