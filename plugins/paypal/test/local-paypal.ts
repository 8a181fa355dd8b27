import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import type { PaypalServer } from '../../../test/providers/paypal-server.ts';
import { payments } from '../src/payments.ts';
import type { Settings } from '../src/settings.ts';

export const ORDER: CreatePayment = {
  reference: 'pay_01',
  amount: { amount: '12.50', currency: 'EUR' },
  description: '100 credits',
  returnUrl: 'https://shop.example/return',
  webhookUrl: 'https://kassaflow.example/webhooks/paypal/con_1',
  capture: 'automatic',
};

type More = Partial<Omit<ContextOptions<Settings>, 'settings'>> & { readonly settings?: Partial<Settings> };

/** A context that leads to the server, by its clock; the server sees which host was meant. */
export function contextOf(paypal: PaypalServer, { settings, ...more }: More = {}): PluginContext<Settings> {
  const context = pluginContext<Settings>({
    server: paypal.url,
    now: () => new Date(paypal.clock.now()),
    settings: { clientId: paypal.clientId, clientSecret: paypal.clientSecret, ...settings },
    ...more,
  });
  return {
    ...context,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set('x-test-host', new URL(input instanceof Request ? input.url : input).hostname);
      return context.fetch(input, { ...init, headers });
    },
  };
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export async function create(paypal: PaypalServer, more: Partial<CreatePayment> = {}): Promise<CreatedPayment> {
  const payment = { ...ORDER, ...more };
  return valueOf(await payments.create(contextOf(paypal, { idempotencyKey: `${payment.reference}:create:1` }), payment));
}

export async function fetched(paypal: PaypalServer, providerId: string): Promise<PaymentFacts> {
  return valueOf(await payments.fetch(contextOf(paypal), { providerId }));
}

export function capture(
  paypal: PaypalServer,
  providerId: string,
  amount = '12.50',
  key = 'pay_01:capture:1',
  currency = 'EUR',
): Promise<Outcome<PaymentFacts>> {
  return payments.capture!(contextOf(paypal, { idempotencyKey: key }), { providerId, amount: { amount, currency } });
}

/** An order that is approved and captured, and the id of its capture. */
export async function paid(
  paypal: PaypalServer,
  more: Partial<CreatePayment> = {},
): Promise<{ readonly providerId: string; readonly captureId: string }> {
  const { providerId } = await create(paypal, more);
  paypal.orders.approve(providerId);
  const { amount, reference } = { ...ORDER, ...more };
  valueOf(await capture(paypal, providerId, amount.amount, `${reference}:capture:1`, amount.currency));
  return { providerId, captureId: paypal.orders.order(providerId).captures[0]?.id ?? '' };
}
