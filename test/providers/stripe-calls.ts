import type { Form } from './form-body.ts';
import { draftIn, type StripeBook, type StripeWorld } from './stripe-book.ts';
import {
  below,
  formOf,
  integer,
  listOf,
  newId,
  onlyParameters,
  refuse,
  required,
  short,
  textMap,
  textOf,
  type Intent,
  type Session,
} from './stripe-objects.ts';

/** Stripe's smallest amount in most currencies. */
const LEAST = 50;
const DAY_S = 86_400;
const HALF_HOUR_S = 1_800;

const INTENT_PARAMETERS = [
  'allowed_payment_method_types',
  'amount',
  'automatic_payment_methods',
  'capture_method',
  'confirm',
  'confirmation_token',
  'currency',
  'customer',
  'description',
  'mandate',
  'metadata',
  'off_session',
  'payment_method',
  'payment_method_options',
  'return_url',
  'setup_future_usage',
];

/** Requests that make sessions and payment intents, as strict as Stripe: a parameter that nobody knows is a 400. */
export class StripeCalls {
  readonly #world: StripeWorld;
  readonly #book: StripeBook;

  constructor(world: StripeWorld, book: StripeBook) {
    this.#world = world;
    this.#book = book;
  }

  createSession(form: Form): Session {
    const isSetup = required(form['mode'], 'mode') === 'setup';
    const common = ['mode', 'client_reference_id', 'success_url', 'cancel_url', 'metadata', 'allowed_payment_method_types', 'locale'];
    const who = ['customer', 'customer_creation', 'customer_email', 'expires_at'];
    onlyParameters(form, ...common, ...who, ...(isSetup ? ['setup_intent_data', 'currency'] : ['line_items', 'payment_intent_data']));
    const customer = textOf(form['customer']);
    if (customer !== null && (form['customer_email'] !== undefined || form['customer_creation'] !== undefined))
      refuse('You may only specify one of these parameters: customer, customer_email, customer_creation.', undefined, 'customer');
    if (customer !== null) this.#world.vault.customer(customer);
    const id = newId(this.#world.isLive ? 'cs_live' : 'cs_test');
    return this.#book.openSession({
      id,
      object: 'checkout.session',
      status: 'open',
      payment_status: 'unpaid',
      mode: isSetup ? 'setup' : 'payment',
      ...(isSetup ? { amount_total: null, currency: null } : this.#priceIn(form)),
      client_reference_id: short(form['client_reference_id'], 'client_reference_id', 200),
      customer,
      payment_intent: null,
      setup_intent: isSetup ? this.#setupFor(customer, formOf(form['setup_intent_data'])) : null,
      url: `${this.#world.url()}/pay/${id}`,
      metadata: metadataIn(form),
      allowed_payment_method_types: listOf(form['allowed_payment_method_types']),
      success_url: required(form['success_url'], 'success_url'),
      cancel_url: textOf(form['cancel_url']),
      expires_at: this.#expiryIn(form),
      created: this.#world.clock.seconds(),
      livemode: this.#world.isLive,
      draft: checkedDraft(draftIn(form)),
      makesCustomer: form['customer_creation'] === 'always',
    });
  }

  createIntent(form: Form): Intent {
    onlyParameters(form, ...INTENT_PARAMETERS);
    if (form['allowed_payment_method_types'] !== undefined && form['automatic_payment_methods'] !== undefined)
      refuse('You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types.');
    const amount = amountIn(form['amount'], 'amount');
    const customer = textOf(form['customer']);
    if (customer !== null) this.#world.vault.customer(customer);
    const isConfirmed = form['confirm'] === 'true';
    const isAlone = form['off_session'] === 'true';
    if (isAlone && !isConfirmed) refuse('off_session may only be used with confirm=true.', undefined, 'off_session');
    const method = isConfirmed ? this.#methodIn(form, customer, isAlone) : undefined;
    this.#checkDay(form);
    const intent = this.#book.create({
      amount,
      currency: required(form['currency'], 'currency'),
      capture_method: form['capture_method'] === 'manual' ? 'manual' : 'automatic',
      customer,
      description: short(form['description'], 'description', 1_000),
      metadata: metadataIn(form),
      allowed_payment_method_types: listOf(form['allowed_payment_method_types']),
      setup_future_usage: textOf(form['setup_future_usage']),
    });
    return method ? this.#book.confirm(intent, method, { isAlone, returnUrl: textOf(form['return_url']) }) : intent;
  }

  confirmIntent(id: string, form: Form): Intent {
    onlyParameters(form, 'payment_method', 'return_url', 'off_session');
    const intent = this.#book.intent(id);
    if (intent.status !== 'requires_payment_method')
      refuse(`This PaymentIntent's status is ${intent.status}.`, 'payment_intent_unexpected_state');
    const method = this.#methodIn(form, intent.customer, form['off_session'] === 'true');
    return this.#book.confirm(intent, method, { isAlone: form['off_session'] === 'true', returnUrl: textOf(form['return_url']) });
  }

  /** @throws StripeProblem 400 when the permission is gone */
  #methodIn(form: Form, customer: string | null, isAlone: boolean) {
    const { vault } = this.#world;
    const token = textOf(form['confirmation_token']);
    // The fields have made a token of a card: its name says what becomes of it.
    const id = token === null ? required(form['payment_method'], 'payment_method') : `pm_${token.replace(/^ctoken_/, '')}`;
    const method = vault.method(id);
    if (!isAlone) required(form['return_url'], 'return_url');
    if (isAlone && (method.customer === null || method.customer !== customer) && vault.methods.has(id))
      refuse(
        'The provided PaymentMethod was detached from a Customer. It may not be used again.',
        'payment_method_unexpected_state',
        'payment_method',
      );
    const mandate = textOf(form['mandate']);
    if (mandate !== null && vault.mandate(mandate).status !== 'active')
      refuse('The provided mandate is invalid and can not be used for the payment intent.', 'payment_intent_mandate_invalid', 'mandate');
    if (method.type === 'sepa_debit' && isAlone && mandate === null && vault.mandateFor(method.id) === undefined)
      refuse('A mandate is required.', 'parameter_missing', 'mandate');
    return method;
  }

  #checkDay(form: Form): void {
    const param = 'payment_method_options[sepa_debit][target_date]';
    const day = below(form['payment_method_options'], 'sepa_debit', 'target_date');
    if (typeof day !== 'string') return;
    const ahead = (Date.parse(day) - this.#world.clock.now()) / (DAY_S * 1000);
    if (!(ahead >= 2 && ahead <= 15))
      refuse('The target date must be between 3 and 15 calendar days from now.', 'parameter_invalid', param);
  }

  #priceIn(form: Form): { readonly amount_total: number; readonly currency: string } {
    const price = below(form['line_items'], '0', 'price_data');
    const name = 'line_items[0][price_data]';
    const amount = amountIn(below(price, 'unit_amount'), `${name}[unit_amount]`);
    required(below(price, 'product_data', 'name'), `${name}[product_data][name]`);
    short(below(price, 'product_data', 'name'), `${name}[product_data][name]`, 250);
    return { amount_total: amount, currency: required(below(price, 'currency'), `${name}[currency]`) };
  }

  #setupFor(customer: string | null, data: Form): string {
    onlyParameters(data, 'metadata', 'description');
    return this.#world.vault.createSetup(customer, textMap(data['metadata'])).id;
  }

  #expiryIn(form: Form): number {
    const now = this.#world.clock.seconds();
    if (form['expires_at'] === undefined) return now + DAY_S;
    const at = integer(form['expires_at'], 'expires_at');
    if (at < now + HALF_HOUR_S || at > now + DAY_S)
      refuse(
        'The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.',
        'parameter_invalid',
        'expires_at',
      );
    return at;
  }
}

function amountIn(value: Form[string] | undefined, param: string): number {
  const amount = integer(value, param);
  return amount >= LEAST ? amount : refuse('The amount is below the minimum.', 'amount_too_small', param);
}

function metadataIn(form: Form): Record<string, string> {
  const metadata = textMap(form['metadata']);
  for (const [name, value] of Object.entries(metadata))
    if (name.length > 40 || value.length > 500) refuse('Metadata has names of 40 and values of 500 characters.', undefined, 'metadata');
  return metadata;
}

function checkedDraft(draft: Form): Form {
  onlyParameters(draft, 'metadata', 'description', 'capture_method', 'setup_future_usage');
  short(draft['description'], 'payment_intent_data[description]', 1_000);
  return draft;
}
