import type { Context, Outcome, Plugin, ProviderSignal, ProviderTraits, Verdict } from '@kassaflow/plugin-sdk';
import { checkOutcome } from '../../src/plugin-host/outcome-check.ts';
import { ProviderCalls, type ProviderCall } from '../../src/plugin-host/provider-calls.ts';
import { METHOD_SHAPES } from '../../src/plugin-host/provider-shapes.ts';

type Work = (context: unknown, input: unknown) => Promise<Outcome<unknown>>;

/** A real plugin and its server behind the port of the core: every answer goes through JSON and the host's check. */
export class PluginCalls extends ProviderCalls {
  // Node strips the types of this file when histories are told from the command line: no parameter properties.
  readonly #plugin: Plugin;
  readonly #contextOf: (idempotencyKey: string, attempt: number) => Context<never>;

  /** @param contextOf the plugin's context for a call under this key, of so many attempts */
  constructor(plugin: Plugin, contextOf: (idempotencyKey: string, attempt: number) => Context<never>) {
    super();
    this.#plugin = plugin;
    this.#contextOf = contextOf;
  }

  override async call<T>({ method, input, idempotencyKey, attempt }: ProviderCall): Promise<Outcome<T>> {
    const work = this.#find(method);
    if (!work) throw new Error(`${this.#plugin.id} has no ${method}`);
    const answer: unknown = await work(this.#contextOf(idempotencyKey, attempt), input);
    const { check, absentAllowed } = METHOD_SHAPES[method];
    const checked = checkOutcome(JSON.parse(JSON.stringify(answer)), check, absentAllowed);
    if ('problem' in checked) throw new TypeError(`${this.#plugin.id} answered ${method} with what nobody can use: ${checked.problem}`);
    return checked.outcome as Outcome<T>; // checked against the shape of its method
  }

  override async has(_connectionId: string, method: string): Promise<boolean> {
    return this.#find(method) !== undefined;
  }

  override async keyTtlMs(): Promise<number> {
    return this.#plugin.payments?.keyTtlMs ?? 0;
  }

  override async traits(): Promise<ProviderTraits> {
    return this.#plugin.payments?.traits ?? {};
  }

  override async hostedFields(): Promise<undefined> {
    return undefined;
  }

  override async findWebhookConnection(): Promise<undefined> {
    return undefined;
  }

  override async verify(): Promise<Verdict> {
    throw new Error('no deliveries here');
  }

  override async translate(): Promise<readonly ProviderSignal[]> {
    throw new Error('no deliveries here');
  }

  #find(method: string): Work | undefined {
    const [part = '', name = ''] = method.split('.');
    const parts = this.#plugin as unknown as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
    const work = parts[part]?.[name];
    return typeof work === 'function' ? (work.bind(parts[part]) as Work) : undefined;
  }
}
