import { afterEach, beforeEach } from '@jest/globals';
import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { startStripeServer, type StripeServer, type StripeServerOptions } from '../../../test/providers/stripe-server.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';

export const ORDER: CreatePayment = {
  reference: 'pay_01',
  amount: { amount: '12.50', currency: 'EUR' },
  description: '100 credits',
  returnUrl: 'https://shop.example/return',
  webhookUrl: 'https://kassaflow.example/webhooks/stripe/con_1',
  methods: ['ideal', 'sepa-debit', 'card'],
  capture: 'automatic',
};

export const CUSTOMER = { reference: 'cus_01', name: 'T. Tester', email: 't@example.com', locale: 'nl-NL' } as const;
export const DAY = 86_400_000;

/** A server of its own for every test, and the plugin's context for it. */
export class Fixture {
  #stripe: StripeServer | undefined;

  constructor(options: StripeServerOptions = {}) {
    beforeEach(async () => {
      this.#stripe = await startStripeServer(options);
    });
    afterEach(() => this.stripe.close());
  }

  get stripe(): StripeServer {
    if (!this.#stripe) throw new Error('No server outside of a test');
    return this.#stripe;
  }

  context(more: Partial<ContextOptions<Settings>> = {}): PluginContext<Settings> {
    const { apiKey, publishableKey, clock, url } = this.stripe;
    return pluginContext({ server: url, now: () => new Date(clock.now()), settings: { secretKey: apiKey, publishableKey }, ...more });
  }

  async create(more: Partial<CreatePayment> = {}): Promise<CreatedPayment> {
    const idempotencyKey = `${more.reference ?? 'pay_01'}:create:1`;
    return valueOf(await payments.create(this.context({ idempotencyKey }), { ...ORDER, ...more }));
  }

  /** A payment whose customer has paid; its session's id, and its payment intent's. */
  async paid(method = 'ideal', more: Partial<CreatePayment> = {}): Promise<{ readonly providerId: string; readonly intent: string }> {
    const { providerId } = await this.create(more);
    return { providerId, intent: this.stripe.pay(providerId, method).id };
  }

  async fetched(providerId: string): Promise<PaymentFacts> {
    return valueOf(await payments.fetch(this.context(), { providerId }));
  }
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export function euros(amount: string): { readonly amount: string; readonly currency: string } {
  return { amount, currency: 'EUR' };
}
