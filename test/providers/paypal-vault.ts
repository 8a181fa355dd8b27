import type { PaypalClock } from './paypal-clock.ts';
import { fieldsOf, invalid, missing, PaypalProblem, randomId, textOf, unprocessable } from './paypal-objects.ts';
import type { PaypalWebhooks } from './paypal-webhooks.ts';

interface SetupToken {
  readonly id: string;
  status: string;
  readonly customer: string;
  readonly returnUrl: string;
  readonly madeAt: number;
}

interface PaymentToken {
  readonly id: string;
  readonly customer: string;
}

/** A setup token lives three days. */
const SETUP_MS = 3 * 86_400_000;
const DESCRIPTION = /^[a-zA-Z0-9_'\-., :;!?"]*$/;

/** Wallets that payers have saved. */
export class PaypalVault {
  readonly #clock: PaypalClock;
  readonly #webhooks: PaypalWebhooks;
  readonly #site: () => string;
  readonly #setups = new Map<string, SetupToken>();
  readonly #tokens = new Map<string, PaymentToken>();

  constructor(clock: PaypalClock, webhooks: PaypalWebhooks, site: () => string) {
    this.#clock = clock;
    this.#webhooks = webhooks;
    this.#site = site;
  }

  has(id: string): boolean {
    return this.#tokens.has(id);
  }

  tokens(): readonly PaymentToken[] {
    return [...this.#tokens.values()];
  }

  createSetup(body: unknown): object {
    const { customer, payment_source: source } = fieldsOf(body, ['customer', 'payment_source'], '');
    const wallet = fieldsOf(
      fieldsOf(source, ['paypal'], '/payment_source')['paypal'],
      ['description', 'usage_type', 'usage_pattern', 'experience_context'],
      '/payment_source/paypal',
    );
    const context = fieldsOf(
      wallet['experience_context'],
      ['return_url', 'cancel_url', 'shipping_preference', 'locale', 'brand_name'],
      '/payment_source/paypal/experience_context',
    );
    if (!DESCRIPTION.test(textOf(wallet['description'], '/payment_source/paypal/description', 128)))
      throw invalid('INVALID_PARAMETER_SYNTAX', '/payment_source/paypal/description');
    if (wallet['usage_type'] !== 'MERCHANT') throw invalid('INVALID_PARAMETER_VALUE', '/payment_source/paypal/usage_type');
    const setup: SetupToken = {
      id: randomId(),
      status: 'PAYER_ACTION_REQUIRED',
      customer: customer === undefined ? randomId(10) : textOf(fieldsOf(customer, ['id'], '/customer')['id'], '/customer/id', 22),
      returnUrl: textOf(context['return_url'], '/payment_source/paypal/experience_context/return_url', 4_000),
      madeAt: this.#clock.now(),
    };
    this.#setups.set(setup.id, setup);
    return this.#showSetup(setup);
  }

  setup(id: string): object {
    return this.#showSetup(this.#setup(id));
  }

  /** The payer agrees, and where he is sent back to. */
  approve(id: string): string {
    const setup = this.#setup(id);
    if (setup.status !== 'PAYER_ACTION_REQUIRED') throw unprocessable('SETUP_TOKEN_NOT_OPEN');
    setup.status = 'APPROVED';
    return setup.returnUrl;
  }

  createToken(body: unknown): object {
    const { payment_source: source } = fieldsOf(body, ['payment_source'], '');
    const { id, type } = fieldsOf(fieldsOf(source, ['token'], '/payment_source')['token'], ['id', 'type'], '/payment_source/token');
    if (type !== 'SETUP_TOKEN') throw invalid('INVALID_PARAMETER_VALUE', '/payment_source/token/type');
    const setup = this.#setup(textOf(id, '/payment_source/token/id', 255));
    if (setup.status === 'VAULTED') throw unprocessable('TOKEN_ALREADY_USED');
    if (setup.status !== 'APPROVED') throw unprocessable('TOKEN_NOT_APPROVED');
    setup.status = 'VAULTED';
    return this.#show(this.#save(setup.customer));
  }

  token(id: string): object {
    return this.#show(this.#tokens.get(id) ?? fail());
  }

  listTokens(customer: string | null): object {
    if (customer === null) throw new PaypalProblem(400, 'INVALID_REQUEST', 'MISSING_REQUIRED_PARAMETER', '/customer_id');
    return {
      customer: { id: customer },
      payment_tokens: this.tokens().flatMap((one) => (one.customer === customer ? [this.#show(one)] : [])),
    };
  }

  /** By the merchant's API, or by the payer in his account. */
  remove(id: string): void {
    const token = this.#tokens.get(id) ?? fail();
    this.#tokens.delete(id);
    this.#webhooks.send('VAULT.PAYMENT-TOKEN.DELETED', 'payment_token', this.#show(token));
  }

  /** A wallet that was saved with an order. */
  saveFromOrder(orderId: string): PaymentToken {
    return this.#save(randomId(10), orderId);
  }

  #save(customer: string, orderId?: string): PaymentToken {
    const token = { id: randomId(12).toLowerCase(), customer };
    this.#tokens.set(token.id, token);
    const metadata = orderId === undefined ? {} : { metadata: { order_id: orderId } };
    this.#webhooks.send('VAULT.PAYMENT-TOKEN.CREATED', 'payment_token', { ...this.#show(token), ...metadata });
    return token;
  }

  #setup(id: string): SetupToken {
    const setup = this.#setups.get(id) ?? fail();
    if (this.#clock.now() - setup.madeAt > SETUP_MS) throw missing();
    return setup;
  }

  #showSetup({ id, status, customer }: SetupToken): object {
    return {
      id,
      status,
      customer: { id: customer },
      payment_source: { paypal: { usage_type: 'MERCHANT' } },
      links:
        status === 'PAYER_ACTION_REQUIRED'
          ? [{ href: `${this.#site()}/agreements/approve?approval_session_id=${id}`, rel: 'approve', method: 'GET' }]
          : [],
    };
  }

  #show({ id, customer }: PaymentToken): object {
    const source = { paypal: { usage_type: 'MERCHANT', email_address: 'payer@example.com', account_id: 'BUYER12345678' } };
    return { id, customer: { id: customer }, payment_source: source, links: [] };
  }
}

function fail(): never {
  throw missing();
}
