import type { Outcome, PaymentFacts, ProviderSignal, ProviderTraits, Verdict } from '@kassaflow/plugin-sdk';
import { checkOutcome } from '../../src/plugin-host/outcome-check.ts';
import { METHOD_SHAPES } from '../../src/plugin-host/provider-shapes.ts';
import { ProviderCalls, type ProviderCall, type ProviderMethod } from '../../src/plugin-host/provider-calls.ts';
import { contextOf, type Desk, type Posted } from './desk.ts';

/** Where a provider's webhooks would arrive. */
export const DESK_WEBHOOK_URL = 'https://kassaflow.example/webhooks/desk/con_1';

/** Whoever made the call did not live to see its answer. */
export class Died extends Error {}

/** What a plugin's process does with one call. */
type Work = (context: unknown, input: unknown) => Promise<Outcome<unknown>>;
type Fetch = () => Promise<Outcome<PaymentFacts>>;

/** The real plugin at a desk behind the port of the core, in this process: every answer goes through JSON and the host's check. */
export class DeskCalls extends ProviderCalls {
  readonly desk: Desk;
  readonly #settings: object;
  #dies = false;
  #way: ((fetch: Fetch) => Promise<Outcome<PaymentFacts>>) | undefined;

  constructor(desk: Desk) {
    super();
    this.desk = desk;
    const settings = desk.listen(DESK_WEBHOOK_URL);
    this.#settings = typeof settings === 'string' ? {} : settings;
  }

  /** The next call that changes something is carried out, and its caller is dead before the answer comes. */
  dieAfterNextWrite(): void {
    this.#dies = true;
  }

  /** The next fetch goes this way: it may keep the answer for later, or give an old one. */
  nextFetch(way: (fetch: Fetch) => Promise<Outcome<PaymentFacts>>): void {
    this.#way = way;
  }

  override async call<T>({ method, input, idempotencyKey: key, attempt }: ProviderCall): Promise<Outcome<T>> {
    const ask = async (): Promise<Outcome<unknown>> => {
      const answer: unknown = await this.#workOf(method)(contextOf(this.desk, { key, attempt, settings: this.#settings }), input);
      const { check, absentAllowed } = METHOD_SHAPES[method];
      const checked = checkOutcome(JSON.parse(JSON.stringify(answer)), check, absentAllowed);
      if ('problem' in checked)
        throw new TypeError(`${this.desk.plugin.id} answered ${method} with what nobody can use: ${checked.problem}`);
      return checked.outcome;
    };
    const way = method === 'payments.fetch' ? this.#way : undefined;
    if (way) this.#way = undefined;
    // The answer was checked against the shape of its method.
    const outcome = (way ? await way(ask as Fetch) : await ask()) as Outcome<T>;
    if (this.#dies && METHOD_SHAPES[method].changes) {
      this.#dies = false;
      throw new Died('killed before the answer came');
    }
    return outcome;
  }

  override async has(_connectionId: string, method: ProviderMethod): Promise<boolean> {
    return this.#find(method) !== undefined;
  }

  override async keyTtlMs(): Promise<number> {
    return this.desk.plugin.payments?.keyTtlMs ?? 0;
  }

  override async traits(): Promise<ProviderTraits> {
    return this.desk.plugin.payments?.traits ?? {};
  }

  override async hostedFields(): Promise<undefined> {
    return undefined;
  }

  override async findWebhookConnection(): Promise<undefined> {
    return undefined;
  }

  override async verify(): Promise<Verdict> {
    throw new Error('deliveries to a desk are read by signalsIn');
  }

  override async translate(): Promise<readonly ProviderSignal[]> {
    throw new Error('deliveries to a desk are read by signalsIn');
  }

  /** What a delivery signals, after its signature was found to be right. @throws when the plugin does not believe it */
  async signalsIn(posted: Posted): Promise<readonly ProviderSignal[]> {
    const { webhook } = this.desk.plugin;
    if (!webhook) throw new Error(`${this.desk.plugin.id} reads no deliveries`);
    const context = contextOf(this.desk, { settings: this.#settings });
    const delivery = {
      method: 'POST',
      url: DESK_WEBHOOK_URL,
      headers: posted.headers(),
      body: Buffer.from(posted.body),
      receivedAt: this.desk.now(),
    };
    const verdict = await webhook.verify(context, delivery);
    if (!verdict.ok)
      throw new Error(`${this.desk.plugin.id} does not believe its own provider: ${verdict.reason} ${posted.body.slice(0, 200)}`);
    return webhook.translate(context, delivery);
  }

  #workOf(method: ProviderMethod): Work {
    const work = this.#find(method);
    if (!work) throw new Error(`${this.desk.plugin.id} has no ${method}`);
    return work;
  }

  #find(method: ProviderMethod): Work | undefined {
    const [part = '', name = ''] = method.split('.');
    const parts = this.desk.plugin as unknown as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
    const work = parts[part]?.[name];
    return typeof work === 'function' ? (work.bind(parts[part]) as Work) : undefined;
  }
}
