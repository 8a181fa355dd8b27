import type { Form } from './form-body.ts';
import type { StripeClock } from './stripe-clock.ts';
import { FEE, type StripeLedger } from './stripe-ledger.ts';
import {
  below,
  formOf,
  missing,
  newId,
  refuse,
  StripeProblem,
  textMap,
  textOf,
  type Charge,
  type Draft,
  type Intent,
  type PaymentMethod,
  type Session,
} from './stripe-objects.ts';
import type { StripeVault } from './stripe-vault.ts';

const DAY = 86_400_000;
/** A debit is known to have come, or to have bounced, after five working days. */
const DEBIT_MS = 7 * DAY;
const HOLD_MS = 7 * DAY;

export type OpenSession = Session & Draft;

export interface StripeWorld {
  readonly clock: StripeClock;
  readonly ledger: StripeLedger;
  readonly vault: StripeVault;
  readonly isLive: boolean;
  readonly tell: (type: string, object: object) => void;
  /** Where the pages are. */
  readonly url: () => string;
}

/**
 * Sessions, payment intents and charges, and what customers and banks do to them.
 *
 * session: open → complete | expired. intent: requires_payment_method → (requires_action →) succeeded | processing | requires_capture;
 * processing → succeeded | requires_payment_method; requires_capture → succeeded | canceled. A charge that succeeded may fail later.
 */
export class StripeBook {
  readonly sessions = new Map<string, OpenSession>();
  readonly intents = new Map<string, Intent>();
  readonly charges = new Map<string, Charge>();
  readonly #world: StripeWorld;
  /** A dispute of what was just paid: set by {@link StripeMoneyBack}. */
  disputed: (intent: string) => void = () => undefined;

  constructor(world: StripeWorld) {
    this.#world = world;
  }

  session(id: string): OpenSession {
    return this.sessions.get(id) ?? missing('checkout.session', id);
  }

  intent(id: string): Intent {
    return this.intents.get(id) ?? missing('payment_intent', id);
  }

  charge(id: string | null): Charge {
    return this.charges.get(id ?? '') ?? missing('charge', String(id));
  }

  chargeOf(intent: Intent): Charge {
    return this.charge(intent.latest_charge);
  }

  show({ draft: _draft, makesCustomer: _makes, ...session }: OpenSession): Session {
    return session;
  }

  openSession(session: OpenSession): Session {
    this.sessions.set(session.id, session);
    this.#world.clock.at(session.expires_at * 1000, () => session.status === 'open' && this.expireSession(session.id));
    return this.show(session);
  }

  expireSession(id: string): OpenSession {
    const session = this.session(id);
    if (session.status !== 'open') refuse(`Only open sessions can be expired; this one is ${session.status}.`);
    session.status = 'expired';
    session.url = null;
    this.#world.tell('checkout.session.expired', this.show(session));
    return session;
  }

  /** The customer pays on the hosted page. With `sepa_debit` the money is under way until {@link settle}, or for five working days. */
  pay(sessionId: string, method = 'ideal'): Intent {
    const session = this.session(sessionId);
    if (session.status !== 'open') refuse(`The session is ${session.status}.`);
    if (session.makesCustomer) session.customer = this.#world.vault.createCustomer().id;
    const intent = this.#begin(session);
    this.#take(intent, method, this.#savedFor(intent, method));
    session.status = 'complete';
    session.url = null;
    session.payment_status = intent.status === 'succeeded' ? 'paid' : 'unpaid';
    this.#world.tell('checkout.session.completed', this.show(session));
    return intent;
  }

  /** The customer gives the permission that a session of mode `setup` asks for. */
  approve(sessionId: string, way = 'ideal'): OpenSession {
    const session = this.session(sessionId);
    if (session.status !== 'open' || session.mode !== 'setup') refuse(`The session is ${session.status}.`);
    session.customer ??= this.#world.vault.createCustomer().id;
    this.#world.vault.approveSetup(session.setup_intent ?? '', way, session.customer);
    Object.assign(session, { status: 'complete', url: null, payment_status: 'no_payment_required' });
    this.#world.tell('checkout.session.completed', this.show(session));
    return session;
  }

  /** The bank says no; the customer is still on the page. */
  decline(sessionId: string, declineCode = 'insufficient_funds', more: Readonly<Record<string, unknown>> = {}): Intent {
    const intent = this.#begin(this.session(sessionId));
    this.#refuse(intent, { code: 'card_declined', decline_code: declineCode, message: 'Your card was declined.', ...more });
    return intent;
  }

  /** The customer pays in Stripe's fields on a page of the merchant's. */
  payInFields(intentId: string, method = 'card'): Intent {
    const intent = this.intent(intentId);
    if (intent.status !== 'requires_payment_method') refuse(`The intent is ${intent.status}.`);
    this.#take(intent, method, this.#savedFor(intent, method));
    return intent;
  }

  declineInFields(intentId: string, declineCode = 'insufficient_funds'): Intent {
    const intent = this.intent(intentId);
    this.#refuse(intent, { code: 'card_declined', decline_code: declineCode, message: 'Your card was declined.' });
    return intent;
  }

  create(form: Pick<Intent, 'amount' | 'currency' | 'capture_method' | 'metadata'> & Partial<Intent>): Intent {
    const id = newId('pi');
    const intent: Intent = {
      id,
      object: 'payment_intent',
      status: 'requires_payment_method',
      amount_capturable: 0,
      amount_received: 0,
      cancellation_reason: null,
      client_secret: newId(`${id}_secret`),
      customer: null,
      description: null,
      last_payment_error: null,
      latest_charge: null,
      next_action: null,
      payment_method: null,
      allowed_payment_method_types: null,
      setup_future_usage: null,
      created: this.#world.clock.seconds(),
      livemode: this.#world.isLive,
      ...form,
    };
    this.intents.set(id, intent);
    return intent;
  }

  /** Charges a way of paying. @throws StripeProblem 402 with the intent in it, when the bank refuses */
  confirm(intent: Intent, method: PaymentMethod, { isAlone, returnUrl }: { isAlone: boolean; returnUrl: string | null }): Intent {
    const behaviour = this.#world.vault.behaviourOf(method.id);
    intent.payment_method = method.id;
    if (method.type === 'card' && behaviour === 'needs-customer') {
      if (isAlone) {
        this.#refuse(intent, {
          code: 'authentication_required',
          decline_code: 'authentication_required',
          message: 'Authentication is required.',
        });
        throw this.#cardError(intent);
      }
      intent.status = 'requires_action';
      intent.last_payment_error = null;
      const url = `${this.#world.url()}/authenticate/${intent.id}`;
      intent.next_action = { type: 'redirect_to_url', redirect_to_url: { url, return_url: returnUrl } };
      this.#world.tell('payment_intent.requires_action', intent);
      return intent;
    }
    if (method.type === 'card' && behaviour !== 'ok' && behaviour !== 'disputed') {
      this.#refuse(intent, { code: 'card_declined', decline_code: behaviour, message: 'Your card was declined.' });
      throw this.#cardError(intent);
    }
    this.#take(intent, method.type, method);
    if (method.type === 'card' && behaviour === 'disputed') this.disputed(intent.id);
    return intent;
  }

  /** The customer comes back from the bank's page. */
  authenticate(intentId: string, isRight = true): Intent {
    const intent = this.intent(intentId);
    if (intent.status !== 'requires_action' || intent.payment_method === null) refuse(`The intent is ${intent.status}.`);
    intent.next_action = null;
    if (isRight) this.#take(intent, 'card', this.#world.vault.method(intent.payment_method));
    else this.#refuse(intent, { code: 'payment_intent_authentication_failure', message: 'The customer could not be authenticated.' });
    return intent;
  }

  /** A debit under way arrives, or bounces. */
  settle(intentId: string, result: 'succeeded' | 'failed', declineCode = 'insufficient_funds'): void {
    const intent = this.intent(intentId);
    const charge = this.chargeOf(intent);
    const session = [...this.sessions.values()].find((candidate) => candidate.payment_intent === intentId);
    if (result === 'succeeded') {
      charge.status = 'succeeded';
      this.#bookCharge(charge);
      Object.assign(intent, { status: 'succeeded', amount_received: intent.amount });
      if (session) session.payment_status = 'paid';
      this.#world.tell('charge.succeeded', charge);
      this.#world.tell('payment_intent.succeeded', intent);
      if (session) this.#world.tell('checkout.session.async_payment_succeeded', this.show(session));
      return;
    }
    Object.assign(charge, { status: 'failed', failure_code: declineCode });
    this.#refuse(intent, { code: declineCode, decline_code: declineCode, message: 'The debit bounced.' });
    if (session) this.#world.tell('checkout.session.async_payment_failed', this.show(session));
  }

  /** A debit that came is taken back by the bank outside of a dispute: what succeeded has failed. */
  failLater(intentId: string, code = 'insufficient_funds'): void {
    const charge = this.chargeOf(this.intent(intentId));
    const { id } = this.#world.ledger.book({
      type: 'payment_failure_refund',
      amount: -charge.amount_captured,
      currency: charge.currency,
      source: charge.id,
      category: 'charge_failure',
    });
    Object.assign(charge, { status: 'failed', failure_code: code, failure_balance_transaction: id });
    this.#world.tell('charge.failed', charge);
  }

  capture(id: string, amountToCapture: number | undefined): Intent {
    const intent = this.intent(id);
    if (intent.status !== 'requires_capture')
      refuse(`This PaymentIntent could not be captured because it has a status of ${intent.status}.`, 'payment_intent_unexpected_state');
    const amount = amountToCapture ?? intent.amount_capturable;
    if (amount > intent.amount_capturable) refuse('The amount is more than what can be captured.', 'amount_too_large', 'amount_to_capture');
    const charge = this.chargeOf(intent);
    Object.assign(charge, { captured: true, amount_captured: amount });
    this.#bookCharge(charge);
    Object.assign(intent, { status: 'succeeded', amount_capturable: 0, amount_received: amount });
    this.#world.tell('charge.captured', charge);
    this.#world.tell('payment_intent.succeeded', intent);
    return intent;
  }

  cancel(id: string, reason: string | null): Intent {
    const intent = this.intent(id);
    if (intent.status === 'succeeded' || intent.status === 'canceled')
      refuse(`You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`, 'payment_intent_unexpected_state');
    Object.assign(intent, { status: 'canceled', amount_capturable: 0, cancellation_reason: reason, next_action: null });
    this.#world.tell('payment_intent.canceled', intent);
    return intent;
  }

  #begin(session: OpenSession): Intent {
    if (session.payment_intent !== null) return this.intent(session.payment_intent);
    const { draft } = session;
    const intent = this.create({
      amount: session.amount_total ?? 0,
      currency: session.currency ?? 'eur',
      capture_method: draft['capture_method'] === 'manual' ? 'manual' : 'automatic',
      customer: session.customer,
      description: textOf(draft['description']),
      metadata: textMap(draft['metadata']),
      allowed_payment_method_types: session.allowed_payment_method_types,
      setup_future_usage: textOf(draft['setup_future_usage']),
    });
    session.payment_intent = intent.id;
    return intent;
  }

  /** What a payment that is to be remembered leaves at the customer. */
  #savedFor(intent: Intent, method: string): PaymentMethod | undefined {
    const { vault } = this.#world;
    if (intent.setup_future_usage !== 'off_session' || intent.customer === null) return undefined;
    const isOneTime = method === 'ideal' || method === 'bancontact';
    const saved = vault.save(method, isOneTime ? null : intent.customer);
    if (method === 'sepa_debit') vault.allowDebits(saved);
    return saved;
  }

  /** The money comes, is held, or is on its way. */
  #take(intent: Intent, type: string, method: PaymentMethod | undefined): void {
    const isHeld = intent.capture_method === 'manual';
    const isSlow = type === 'sepa_debit';
    const charge = this.#createCharge(intent, type, method, isSlow ? 'pending' : 'succeeded');
    intent.payment_method = method?.id ?? null;
    if (isSlow) {
      intent.status = 'processing';
      this.#debitLater(intent, method);
    } else if (isHeld) {
      Object.assign(intent, { status: 'requires_capture', amount_capturable: intent.amount });
      this.#world.clock.after(HOLD_MS, () => this.#letGo(intent));
    } else {
      Object.assign(intent, { status: 'succeeded', amount_received: intent.amount });
      this.#bookCharge(charge);
    }
    this.#world.tell(isSlow ? 'charge.pending' : 'charge.succeeded', charge);
    const news = isSlow ? 'processing' : isHeld ? 'amount_capturable_updated' : 'succeeded';
    this.#world.tell(`payment_intent.${news}`, intent);
  }

  #debitLater(intent: Intent, method: PaymentMethod | undefined): void {
    const behaviour = method ? this.#world.vault.behaviourOf(method.id) : 'ok';
    this.#world.clock.after(DEBIT_MS, () => {
      if (intent.status !== 'processing') return;
      const isGood = behaviour === 'ok' || behaviour === 'disputed';
      this.settle(intent.id, isGood ? 'succeeded' : 'failed', isGood ? undefined : behaviour);
      if (behaviour === 'disputed') this.disputed(intent.id);
    });
  }

  #letGo(intent: Intent): void {
    if (intent.status !== 'requires_capture') return;
    this.#world.tell('charge.expired', this.chargeOf(intent));
    this.cancel(intent.id, 'automatic');
  }

  #createCharge(intent: Intent, type: string, method: PaymentMethod | undefined, status: Charge['status']): Charge {
    const isHeld = intent.capture_method === 'manual';
    const { clock, isLive } = this.#world;
    const charge: Charge = {
      id: newId(type === 'card' ? 'ch' : 'py'),
      object: 'charge',
      status,
      amount: intent.amount,
      amount_captured: isHeld ? 0 : intent.amount,
      amount_refunded: 0,
      captured: !isHeld,
      refunded: false,
      disputed: false,
      currency: intent.currency,
      customer: intent.customer,
      failure_code: null,
      failure_balance_transaction: null,
      payment_intent: intent.id,
      payment_method: method?.id ?? null,
      payment_method_details: { type },
      balance_transaction: null,
      metadata: intent.metadata,
      created: clock.seconds(),
      livemode: isLive,
    };
    charge.payment_method_details = { type, ...this.#detailsFor(charge, intent, type, method, isHeld) };
    this.charges.set(charge.id, charge);
    intent.latest_charge = charge.id;
    intent.last_payment_error = null;
    return charge;
  }

  #detailsFor(charge: Charge, intent: Intent, type: string, method: PaymentMethod | undefined, isHeld: boolean): Record<string, unknown> {
    const { vault, clock } = this.#world;
    if (type === 'card') {
      const until = isHeld ? { capture_before: clock.seconds() + HOLD_MS / 1000 } : {};
      return { card: { brand: 'visa', last4: '4242', wallet: null, ...until } };
    }
    if (type === 'sepa_debit') return { sepa_debit: { last4: '6789', mandate: method ? (vault.mandateFor(method.id)?.id ?? null) : null } };
    if (intent.setup_future_usage !== 'off_session' || (type !== 'ideal' && type !== 'bancontact')) return { [type]: {} };
    const generated = vault.save('sepa_debit', intent.customer, { charge: charge.id, setup_attempt: null });
    return { [type]: { generated_sepa_debit: generated.id, generated_sepa_debit_mandate: vault.allowDebits(generated).id } };
  }

  #bookCharge(charge: Charge): void {
    const { id, amount_captured: amount, currency, payment_method_details: details } = charge;
    const type = details.type === 'card' ? 'charge' : 'payment';
    charge.balance_transaction = this.#world.ledger.book({ type, amount, currency, source: id, fee: FEE, category: 'charge' }).id;
  }

  #refuse(intent: Intent, error: Readonly<Record<string, unknown>>): void {
    intent.status = 'requires_payment_method';
    intent.last_payment_error = { type: 'card_error', ...error };
    this.#world.tell('payment_intent.payment_failed', intent);
  }

  #cardError(intent: Intent): StripeProblem {
    return new StripeProblem(402, {
      type: 'card_error',
      message: 'Your card was declined.',
      ...intent.last_payment_error,
      payment_intent: structuredClone(intent),
    });
  }
}

/** What of a form makes a session's payment intent. */
export function draftIn(form: Form): Form {
  return formOf(below(form, 'payment_intent_data'));
}
