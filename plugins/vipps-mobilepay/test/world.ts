import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { startVippsServer, type VippsServer, type VippsServerOptions } from '../../../test/providers/vipps-server.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';

/** A Friday noon in November, a good while before daylight saving. */
export const START = Date.parse('2026-11-20T12:00:00Z');
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export const ORDER: CreatePayment = {
  reference: 'pay_01',
  amount: { amount: '125.00', currency: 'DKK' },
  description: 'Invoice 2026-0042',
  returnUrl: 'https://shop.example/return?x=1',
  webhookUrl: 'https://kassaflow.example/webhooks/vipps-mobilepay/con_1',
  capture: 'automatic',
};

type More = Partial<Omit<ContextOptions<Settings>, 'settings'>> & { readonly settings?: Partial<Settings>; readonly connection?: string };

/** The plugin, in front of a server of its own with a clock that stands still. */
export class World {
  readonly vipps: VippsServer;
  #keys = 0;

  private constructor(vipps: VippsServer) {
    this.vipps = vipps;
  }

  static async start(options: VippsServerOptions = {}): Promise<World> {
    return new World(await startVippsServer({ frozen: true, startAt: START, ...options }));
  }

  close(): Promise<void> {
    return this.vipps.close();
  }

  /** A connection per server: tokens are kept per connection. */
  context({ settings, connection, ...more }: More = {}): PluginContext<Settings> {
    const context = pluginContext<Settings>({
      server: this.vipps.url,
      now: () => this.vipps.clock.date(),
      mode: this.vipps.unit.mode,
      ...more,
      settings: { ...this.vipps.settings, ...settings },
    });
    return { ...context, connection: { id: connection ?? this.vipps.url, name: 'test' } };
  }

  /** A context for something that changes things, under a key of its own. */
  write(more: More = {}): PluginContext<Settings> {
    this.#keys += 1;
    return this.context({ idempotencyKey: `write:${this.#keys}`, ...more });
  }

  async create(more: Partial<CreatePayment> = {}, options: More = {}): Promise<CreatedPayment> {
    const order = { ...ORDER, ...more };
    return valueOf(await payments.create(this.context({ idempotencyKey: `${order.reference}:create:1`, ...options }), order));
  }

  /** A payment that its customer has approved. */
  async approved(more: Partial<CreatePayment> = {}): Promise<string> {
    const { providerId } = await this.create(more);
    this.vipps.payments.approve(providerId);
    return providerId;
  }

  /** A payment whose money was captured. */
  async captured(more: Partial<CreatePayment> = {}): Promise<string> {
    const providerId = await this.approved(more);
    valueOf(await payments.capture!(this.write(), { providerId, amount: more.amount ?? ORDER.amount }));
    return providerId;
  }

  async facts(providerId: string): Promise<PaymentFacts> {
    return valueOf(await payments.fetch(this.context(), { providerId }));
  }
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export function dkk(amount: string): { readonly amount: string; readonly currency: string } {
  return { amount, currency: 'DKK' };
}
