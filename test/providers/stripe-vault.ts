import type { StripeClock } from './stripe-clock.ts';
import { missing, newId, refuse, type Customer, type Mandate, type PaymentMethod, type SetupIntent } from './stripe-objects.ts';

/**
 * What happens when a saved way of paying is charged: `ok`; `needs-customer`, the bank asks for authentication; or a decline code.
 * Debits are asked when they come due: `ok`, a decline code with which they bounce, or `disputed` right after they came.
 */
export type Behaviour = 'ok' | 'needs-customer' | 'disputed' | (string & {});

/** Test tokens of Stripe's page on testing, and what becomes of them. */
const TOKENS: Readonly<Record<string, readonly [type: string, behaviour: Behaviour]>> = {
  pm_card_visa: ['card', 'ok'],
  pm_card_authenticationRequired: ['card', 'needs-customer'],
  pm_card_chargeDeclined: ['card', 'generic_decline'],
  pm_card_chargeDeclinedInsufficientFunds: ['card', 'insufficient_funds'],
  pm_card_chargeDeclinedLostCard: ['card', 'lost_card'],
  pm_success_de: ['sepa_debit', 'ok'],
  pm_failed_de: ['sepa_debit', 'debit_not_authorized'],
  pm_disputed_de: ['sepa_debit', 'disputed'],
};

/** Customers, and what they let us charge. */
export class StripeVault {
  readonly customers = new Map<string, Customer>();
  readonly methods = new Map<string, PaymentMethod>();
  readonly mandates = new Map<string, Mandate>();
  readonly setups = new Map<string, SetupIntent>();
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #clock: StripeClock;
  readonly #live: boolean;
  readonly #tell: (type: string, object: object) => void;

  constructor(clock: StripeClock, live: boolean, tell: (type: string, object: object) => void) {
    this.#clock = clock;
    this.#live = live;
    this.#tell = tell;
  }

  createCustomer({ name = null, email = null, metadata = {} }: Partial<Pick<Customer, 'name' | 'email' | 'metadata'>> = {}): Customer {
    const made: Customer = { id: newId('cus'), object: 'customer', name, email, metadata, ...this.#born() };
    this.customers.set(made.id, made);
    return made;
  }

  customer(id: string): Customer {
    return this.customers.get(id) ?? missing('customer', id);
  }

  /** A saved way of paying: a card, an account. */
  save(
    type: string,
    customer: string | null,
    generatedFrom?: { readonly charge: string | null; readonly setup_attempt: string | null },
  ): PaymentMethod {
    const details: Readonly<Record<string, unknown>> = {
      card: {
        brand: 'visa',
        last4: '4242',
        exp_month: 12,
        exp_year: new Date(this.#clock.now()).getUTCFullYear() + 3,
        fingerprint: 'Xt5EWLLDS7FJjR1c',
      },
      sepa_debit: {
        country: 'NL',
        bank_code: 'INGB',
        branch_code: '',
        last4: '6789',
        fingerprint: 'NrVafqTONZfbLkQK',
        generated_from: generatedFrom ?? null,
      },
      paypal: { country: 'NL', payer_email: 'payer@example.com', payer_id: 'PAYER1' },
    };
    const made: PaymentMethod = { id: newId('pm'), object: 'payment_method', type, customer, [type]: details[type] ?? {}, ...this.#born() };
    this.methods.set(made.id, made);
    return made;
  }

  /** A saved one, or a test token, which is a new one each time. */
  method(id: string): PaymentMethod {
    const token = TOKENS[id];
    if (!token) return this.methods.get(id) ?? missing('PaymentMethod', id);
    const [type, behaviour] = token;
    const made = this.save(type, null);
    this.behave(made.id, behaviour);
    return made;
  }

  allowDebits(method: PaymentMethod): Mandate {
    const made: Mandate = {
      id: newId('mandate'),
      object: 'mandate',
      status: 'active',
      type: 'multi_use',
      payment_method: method.id,
      payment_method_details: {
        type: method.type,
        [method.type]: { reference: newId('UMR').toUpperCase(), url: 'https://hooks.stripe.com/x' },
      },
      customer_acceptance: { type: 'online', accepted_at: this.#clock.seconds() },
      livemode: this.#live,
    };
    this.mandates.set(made.id, made);
    return made;
  }

  mandate(id: string): Mandate {
    return this.mandates.get(id) ?? missing('mandate', id);
  }

  mandateFor(method: string): Mandate | undefined {
    return [...this.mandates.values()].find((one) => one.payment_method === method);
  }

  /** How charges of this way of paying go from now on. */
  behave(method: string, behaviour: Behaviour): void {
    this.#behaviours.set(method, behaviour);
  }

  behaviourOf(method: string): Behaviour {
    return this.#behaviours.get(method) ?? 'ok';
  }

  /** The customer, or the bank, ends the permission. */
  endMandate(id: string): void {
    const mandate = this.mandate(id);
    mandate.status = 'inactive';
    this.#tell('mandate.updated', mandate);
  }

  detach(id: string): PaymentMethod {
    const method = this.method(id);
    if (method.customer === null) refuse('The payment method you provided is not attached to a customer so detachment is impossible.');
    method.customer = null;
    this.#tell('payment_method.detached', method);
    return method;
  }

  createSetup(customer: string | null, metadata: Record<string, string>): SetupIntent {
    const made: SetupIntent = {
      id: newId('seti'),
      object: 'setup_intent',
      status: 'requires_payment_method',
      customer,
      mandate: null,
      payment_method: null,
      latest_attempt: null,
      metadata,
      usage: 'off_session',
      ...this.#born(),
    };
    this.setups.set(made.id, made);
    return made;
  }

  setup(id: string): SetupIntent {
    return this.setups.get(id) ?? missing('setupintent', id);
  }

  /** The customer gives the permission. A bank's own way leaves a debit of the account behind. */
  approveSetup(id: string, way: string, customer: string): SetupIntent {
    const setup = this.setup(id);
    const attempt = newId('setatt');
    const own = this.save(way, way === 'ideal' || way === 'bancontact' ? null : customer);
    const details: Record<string, unknown> = {};
    if (way === 'ideal' || way === 'bancontact') {
      const generated = this.save('sepa_debit', customer, { charge: null, setup_attempt: attempt });
      Object.assign(details, { generated_sepa_debit: generated.id, generated_sepa_debit_mandate: this.allowDebits(generated).id });
    }
    Object.assign(setup, {
      status: 'succeeded',
      customer,
      payment_method: own.id,
      mandate: way === 'sepa_debit' ? this.allowDebits(own).id : null,
      latest_attempt: { id: attempt, object: 'setup_attempt', status: 'succeeded', payment_method_details: { type: way, [way]: details } },
    });
    this.#tell('setup_intent.succeeded', setup);
    return setup;
  }

  #born(): { readonly created: number; readonly livemode: boolean } {
    return { created: this.#clock.seconds(), livemode: this.#live };
  }
}
