/** What happens in the world while everything breaks: payments, rounds, poison, and the news that some payments wait for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bank, Effect } from './bank.ts';
import type { Client } from './client.ts';
import type { Random } from './random.ts';

/** One payment as its event carries it; the flow `chaos-payment` does what it says. */
export interface Payment {
  readonly payment: string;
  readonly customer: string;
  /** 1 for the first payment of the customer; each is sent when the one before is acknowledged. */
  readonly place: number;
  readonly cents: number;
  /** The customer in Kassaflow who gets the credits. */
  readonly account: string;
  readonly credits: number;
  /** Waits for the event that it is settled. */
  readonly waits: boolean;
  readonly rests: boolean;
  /** Fails in the end, so that what was booked is taken back. */
  readonly spoiled: boolean;
}

export interface WorkloadOptions {
  readonly payments: number;
  /** The payments come evenly over this time, or later when the program cannot take them. */
  readonly overMs: number;
  readonly random: Random;
  readonly client: Client;
  readonly bank: Bank;
  /** Ids of customers in Kassaflow. */
  readonly accounts: readonly string[];
  /** Payments on their way at once, from the event to the booking. */
  readonly atOnce: number;
  /** Share of payments with credits. */
  readonly credits: number;
}

/** Ways in which the plugin `bad` misbehaves. */
const POISONS = ['throw', 'exit', 'abort', 'hang', 'never', 'heap', 'shape', 'undefined', 'cycle', 'huge', 'print', 'reject in a timer'];
const PAYMENTS_PER_CUSTOMER = 25;
/** So often a customer pays: less than a payment in trouble takes, so that some always queue behind it. */
const SECONDS_BETWEEN = 3;

export class Workload {
  readonly payments = new Map<string, Payment>();
  readonly rounds: string[] = [];
  poisons = 0;
  readonly #options: WorkloadOptions;
  readonly #booked = new Set<string>();
  readonly #news = new Set<Promise<void>>();
  #isOver = false;
  #began = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    options.bank.onEffect = (effect) => this.#noticed(effect);
  }

  /** Sends everything. Resolves when the last payment is acknowledged, or soon after {@link stop}. */
  async run(): Promise<void> {
    this.#began = performance.now();
    const { payments, random, overMs } = this.#options;
    const customers = Math.max(4, Math.ceil(payments / PAYMENTS_PER_CUSTOMER));
    const atOnce = Math.max(8, Math.ceil((payments * SECONDS_BETWEEN * 1_000) / overMs));
    let next = 0;
    const senders = Array.from({ length: Math.min(customers, atOnce) }, async () => {
      while (next < customers && !this.#isOver) {
        const customer = next;
        next += 1;
        const mine = Math.floor(payments / customers) + (customer < payments % customers ? 1 : 0);
        await this.#sendFor(`c${customer}`, mine, random.fork(`customer ${customer}`));
      }
    });
    await Promise.all(senders);
  }

  /** News that will still go out. */
  get newsToCome(): number {
    return this.#news.size;
  }

  /** Nothing new is sent; what is on its way is finished. */
  stop(): void {
    this.#isOver = true;
  }

  async #sendFor(customer: string, count: number, random: Random): Promise<void> {
    const { client, accounts } = this.#options;
    for (let place = 1; place <= count && !this.#isOver; place += 1) {
      while (!this.#mayGo() && !this.#isOver) await sleep(20);
      const payment: Payment = {
        payment: `${customer}-${place}`,
        customer,
        place,
        cents: random.whole(100, 9_999),
        account: random.pick(accounts),
        credits: random.chance(this.#options.credits) ? random.whole(1, 20) : 0,
        waits: random.chance(0.1),
        rests: random.chance(0.05),
        spoiled: random.chance(0.03),
      };
      this.payments.set(payment.payment, payment);
      await client.send(`payment-${payment.payment}`, 'custom.chaos-payment', payment);
      if (random.chance(0.02)) await this.#round(`r-${payment.payment}`);
      if (random.chance(0.01)) await this.#poison(`x-${payment.payment}`, random.pick(POISONS));
    }
  }

  #mayGo(): boolean {
    const { payments, overMs, atOnce } = this.#options;
    const due = (payments * (performance.now() - this.#began)) / overMs;
    return this.payments.size < due && this.payments.size - this.#booked.size < atOnce;
  }

  async #round(round: string): Promise<void> {
    this.rounds.push(round);
    await this.#options.client.send(`round-${round}`, 'custom.chaos-round', { round, parts: [1, 2, 3, 4] });
  }

  async #poison(id: string, how: string): Promise<void> {
    this.poisons += 1;
    await this.#options.client.send(`poison-${id}`, 'custom.chaos-poison', { how });
  }

  /** The bank has booked it: some time later its news goes out, as the run may be waiting for. */
  #noticed({ kind, reference }: Effect): void {
    if (kind !== 'booking') return;
    this.#booked.add(reference);
    const payment = this.payments.get(reference);
    if (!payment?.waits) return;
    const pause = this.#options.random.whole(0, 3_000);
    const news = sleep(pause)
      .then(() => this.#options.client.send(`settled-${reference}`, 'custom.chaos-settled', { payment: reference }))
      .finally(() => this.#news.delete(news));
    this.#news.add(news);
  }
}
