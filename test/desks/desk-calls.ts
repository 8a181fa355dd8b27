import type { Outcome, PaymentFacts, ProviderSignal } from '@kassaflow/plugin-sdk';
import { METHOD_SHAPES } from '../../src/plugin-host/provider-shapes.ts';
import type { ProviderCall } from '../../src/plugin-host/provider-calls.ts';
import { PluginCalls } from '../support/plugin-calls.ts';
import { contextOf, type Desk, type Posted } from './desk.ts';

/** Where a provider's webhooks would arrive. */
export const DESK_WEBHOOK_URL = 'https://kassaflow.example/webhooks/desk/con_1';

/** Whoever made the call did not live to see its answer. */
export class Died extends Error {}

type Fetch = () => Promise<Outcome<PaymentFacts>>;

/** The real plugin at a desk behind the port of the core, in this process; its callers may die, and its answers be late. */
export class DeskCalls extends PluginCalls {
  readonly desk: Desk;
  readonly #settings: object;
  #dies = false;
  #way: ((fetch: Fetch) => Promise<Outcome<PaymentFacts>>) | undefined;

  constructor(desk: Desk) {
    const given = desk.listen(DESK_WEBHOOK_URL);
    const settings = typeof given === 'string' ? {} : given;
    super(desk.plugin, (key, attempt) => contextOf(desk, { key, attempt, settings }));
    this.desk = desk;
    this.#settings = settings;
  }

  /** The next call that changes something is carried out, and its caller is dead before the answer comes. */
  dieAfterNextWrite(): void {
    this.#dies = true;
  }

  /** The next fetch goes this way: it may keep the answer for later, or give an old one. */
  nextFetch(way: (fetch: Fetch) => Promise<Outcome<PaymentFacts>>): void {
    this.#way = way;
  }

  override async call<T>(request: ProviderCall): Promise<Outcome<T>> {
    const way = request.method === 'payments.fetch' ? this.#way : undefined;
    if (way) this.#way = undefined;
    // Only a fetch goes another way, and its facts are what was asked for.
    const outcome = way ? ((await way(() => super.call<PaymentFacts>(request))) as Outcome<T>) : await super.call<T>(request);
    if (this.#dies && METHOD_SHAPES[request.method].changes) {
      this.#dies = false;
      throw new Died('killed before the answer came');
    }
    return outcome;
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
}
