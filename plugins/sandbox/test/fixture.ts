import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { CreatedPayment, CreatePayment, Outcome, PaymentFacts } from '@kassaflow/plugin-sdk';
import { openDoor, type OpenDoor } from '@kassaflow/plugin-sdk/testing';
import { pluginContext, type ContextOptions, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { until } from '../../../test/support/until.ts';
import { payments } from '../src/payments.ts';
import { startProvider, type SandboxProvider } from '../src/provider/provider.ts';
import type { Settings } from '../src/settings.ts';

export const SETTINGS: Settings = { apiKey: 'sandbox_test_key', webhookSecrets: ['whsec_sandbox_test_secret_1'] };
export const CUSTOMER = { reference: 'cus_01', name: 'Kim Jansen' } as const;

/** A provider of its own for every test, and the plugin's context for it. */
export class Fixture {
  #dataDir = '';
  #provider: SandboxProvider | undefined;
  #door: OpenDoor | undefined;
  #books: DatabaseSync | undefined;

  constructor() {
    beforeEach(async () => {
      this.#dataDir = mkdtempSync(path.join(tmpdir(), 'kassaflow-sandbox-'));
      [this.#provider, this.#door] = await Promise.all([startProvider({ dataDir: this.#dataDir, isDurable: false }), openDoor()]);
      this.#books = new DatabaseSync(path.join(this.#dataDir, 'sandbox.sqlite'), { timeout: 2_000 });
    });
    afterEach(async () => {
      this.#books?.close();
      await this.#provider?.close();
      await this.#door?.close();
      rmSync(this.#dataDir, { recursive: true });
    });
  }

  get url(): string {
    return this.#given(this.#provider).url;
  }

  get provider(): SandboxProvider {
    return this.#given(this.#provider);
  }

  get door(): OpenDoor {
    return this.#given(this.#door);
  }

  get books(): DatabaseSync {
    return this.#given(this.#books);
  }

  context(more: Partial<ContextOptions<Settings>> = {}): PluginContext<Settings> {
    return pluginContext({ server: this.url, settings: SETTINGS, ...more });
  }

  order(more: Partial<CreatePayment> = {}): CreatePayment {
    return {
      reference: 'pay_01',
      amount: euros('12.50'),
      description: '100 credits',
      returnUrl: 'https://shop.example/return',
      webhookUrl: this.door.url,
      capture: 'automatic',
      ...more,
    };
  }

  async create(more: Partial<CreatePayment> = {}): Promise<CreatedPayment> {
    const order = this.order(more);
    return valueOf(await payments.create(this.context({ idempotencyKey: `${order.reference}:create:1` }), order));
  }

  /** A payment whose customer has paid this way. */
  async paid(method: string, more: Partial<CreatePayment> = {}): Promise<string> {
    const { providerId } = await this.create(more);
    await this.press(`pay/${providerId}/pay`, { method });
    return providerId;
  }

  async fetched(providerId: string): Promise<PaymentFacts> {
    return valueOf(await payments.fetch(this.context(), { providerId }));
  }

  /** A button on the sandbox's pages. */
  async press(where: string, form: Readonly<Record<string, string>> = {}): Promise<Response> {
    const body = new URLSearchParams(form);
    return fetch(`${this.url}/sandbox/${where}`, { method: 'POST', redirect: 'manual', body });
  }

  /** Brings forward what would come by itself, and waits until the payment shows it. */
  async hasten(providerId: string, isDone: (facts: PaymentFacts) => boolean): Promise<PaymentFacts> {
    this.books.prepare('update payment set due_at = 0 where id = ? and due_at is not null').run(providerId);
    this.books.prepare('update refund set due_at = 0 where payment = ? and due_at is not null').run(providerId);
    let facts = await this.fetched(providerId);
    await until(
      async () => isDone((facts = await this.fetched(providerId))),
      () => `It did not come to that: ${JSON.stringify(facts)}`,
    );
    return facts;
  }

  #given<T>(value: T | undefined): T {
    if (value === undefined) throw new Error('No provider outside of a test');
    return value;
  }
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'ok') throw new Error(`Expected ok, got ${JSON.stringify(outcome)}`);
  return outcome.value;
}

export function euros(amount: string): { readonly amount: string; readonly currency: string } {
  return { amount, currency: 'EUR' };
}
