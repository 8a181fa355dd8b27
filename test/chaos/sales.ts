/** Orders that are paid at Stripe, with its webhooks, the ledger, and refunds that race for the same money. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StripeServer } from '../providers/stripe-server.ts';
import type { Client } from './client.ts';
import type { Random } from './random.ts';

export interface Sale {
  readonly payment: string;
  /** What the customer paid, in cents. */
  readonly cents: number;
  /** Refunds that Kassaflow said yes to, in cents. */
  refunded: number;
}

/** 10.00 and 21 % VAT. */
const PRICE_CENTS = 1_210;
const REFUND = { amount: '5.00', currency: 'EUR' };
const REFUND_CENTS = 500;
const TILLS = 3;
/** Two of them fit. */
const REFUNDS = 5;

export class Sales {
  readonly done: Sale[] = [];
  /** Sales that could not be made because nobody answered for too long. */
  given = 0;
  readonly #client: Client;
  readonly #stripe: StripeServer;
  readonly #random: Random;
  #package = '';
  #isOver = false;

  constructor(options: { client: Client; stripe: StripeServer; random: Random }) {
    this.#client = options.client;
    this.#stripe = options.stripe;
    this.#random = options.random;
  }

  async prepare(): Promise<void> {
    const wish = { name: '100 credits', credits: 100, price: { amount: '10.00', currency: 'EUR' }, vatRate: 2_100 };
    this.#package = await this.#make('/v1/credit-packages', wish, 'package');
  }

  /** Sells until {@link stop}, one order after the other at each till. */
  async run(): Promise<void> {
    let number = 0;
    const till = async (): Promise<void> => {
      while (!this.#isOver) {
        number += 1;
        await this.#sell(number).catch(() => (this.given += 1));
        await sleep(this.#random.whole(200, 1_500));
      }
    };
    await Promise.all(Array.from({ length: TILLS }, till));
  }

  stop(): void {
    this.#isOver = true;
  }

  async #sell(number: number): Promise<void> {
    const person = { reference: `buyer-${number}`, name: 'Kim Jansen', firstName: 'Kim', email: `buyer-${number}@example.com` };
    const customer = await this.#make('/v1/customers', person, `customer-${number}`);
    const order = await this.#post('/v1/orders', { customer, package: this.#package }, `order-${number}`);
    const wish = { invoices: [String(order['invoice'])], connection: 'card', returnUrl: 'https://shop.example/thanks' };
    const payment = await this.#make('/v1/payments', wish, `pay-${number}`);
    this.#stripe.pay(await this.#session(payment));
    const sale: Sale = { payment, cents: PRICE_CENTS, refunded: 0 };
    this.done.push(sale);
    if (!(await this.#isPaid(payment)) || this.#isOver) return;
    await Promise.all(Array.from({ length: REFUNDS }, (_, index) => this.#refund(sale, `refund-${number}-${index}`)));
  }

  async #refund(sale: Sale, key: string): Promise<void> {
    const answer = await this.#client.command('/v1/refunds', { payment: sale.payment, amount: REFUND, reason: 'chaos' }, key);
    if (answer !== undefined && answer.status < 300) sale.refunded += REFUND_CENTS;
  }

  async #session(payment: string): Promise<string> {
    const found = await this.#wait(payment, ({ providerId }) => typeof providerId === 'string' && providerId !== '');
    return String(found['providerId']);
  }

  async #isPaid(payment: string): Promise<boolean> {
    return this.#wait(payment, ({ status }) => status === 'completed').then(
      () => true,
      () => false,
    );
  }

  async #wait(payment: string, holds: (found: Readonly<Record<string, unknown>>) => boolean): Promise<Readonly<Record<string, unknown>>> {
    for (const deadline = performance.now() + 60_000; performance.now() < deadline;) {
      const answer = await this.#client.request('GET', `/v1/payments/${payment}`);
      const found = (answer?.status === 200 ? answer.body : {}) as Readonly<Record<string, unknown>>;
      if (holds(found)) return found;
      await sleep(200);
    }
    throw new Error(`payment ${payment} does not get on`);
  }

  async #make(path: string, body: object, key: string): Promise<string> {
    return String((await this.#post(path, body, key))['id']);
  }

  async #post(path: string, body: object, key: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#client.command(path, body, key);
    if (!answer || answer.status >= 300) throw new Error(`${path}: ${answer?.status} ${JSON.stringify(answer?.body)}`);
    return answer.body as Readonly<Record<string, unknown>>;
  }
}
