import { afterEach, beforeEach } from '@jest/globals';
import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { startMollieServer, type MollieServer, type MollieServerOptions } from '../../../test/providers/mollie-server.ts';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';

export const ORDER: CreatePayment = {
  reference: 'pay_01',
  amount: { amount: '12.50', currency: 'EUR' },
  description: '100 credits',
  returnUrl: 'https://shop.example/return',
  webhookUrl: 'https://kassaflow.example/webhooks/mollie/con_1',
  methods: ['ideal'],
  capture: 'automatic',
};

export const CUSTOMER = { reference: 'cus_01', name: 'T. Tester', email: 't@example.com', locale: 'nl-NL' } as const;

/** A server of its own for every test, and the plugin's context for it. */
export class Fixture {
  #mollie: MollieServer | undefined;
  readonly #options: MollieServerOptions;

  constructor(options: MollieServerOptions = {}) {
    this.#options = options;
    beforeEach(async () => {
      this.#mollie = await startMollieServer(this.#options);
    });
    afterEach(() => this.mollie.close());
  }

  get mollie(): MollieServer {
    if (!this.#mollie) throw new Error('No server outside of a test');
    return this.#mollie;
  }

  context(more: Partial<ContextOptions<Settings>> = {}): PluginContext<Settings> {
    const { mollie } = this;
    return pluginContext({
      server: mollie.url,
      now: () => new Date(mollie.clock.now()),
      mode: mollie.apiKey.startsWith('live_') ? 'live' : 'test',
      settings: { apiKey: mollie.apiKey },
      ...more,
    });
  }

  async create(more: Partial<CreatePayment> = {}): Promise<CreatedPayment> {
    const idempotencyKey = `${more.reference ?? 'pay_01'}:create:1`;
    return valueOf(await payments.create(this.context({ idempotencyKey }), { ...ORDER, ...more }));
  }

  async paid(more: Partial<CreatePayment> = {}): Promise<string> {
    const { providerId } = await this.create(more);
    this.mollie.book.pay(providerId);
    return providerId;
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
