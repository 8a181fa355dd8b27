import type { Accounting } from './accounting.ts';
import type { Action } from './action.ts';
import type { Context } from './context.ts';
import type { Mandates, PaymentProvider } from './payments.ts';
import type { From, Schema, Text } from './schema.ts';
import type { Trigger } from './trigger.ts';
import type { Webhook } from './webhook.ts';

/** The result of trying a connection's settings against the provider. */
export type CheckResult =
  | { readonly ok: true; readonly account: string; readonly mode: 'test' | 'live' }
  | { readonly ok: false; readonly message: string; readonly field?: string };

/** A plugin: one object. A part or method that is present is a capability; there is no list to keep in step. */
export interface Plugin<S extends Schema = Schema> {
  /** Equals the folder's name: `stripe`. */
  readonly id: string;
  readonly title: Text;
  readonly about: Text;
  /** SemVer of the plugin: removing or narrowing a field, action or output is a major change. */
  readonly version: string;
  /** Version of this contract. The host serves the current one and the one before. */
  readonly api: 1;
  /**
   * Host names the plugin may call, exact, without scheme or port: `api.stripe.com`. Nothing else is reachable.
   * Empty for a plugin that calls nobody.
   */
  readonly hosts: readonly string[];
  /** `gateway` (default): HTTP through the host. `direct`: the plugin opens its own sockets, for protocols such as SMTP. */
  readonly network?: 'gateway' | 'direct';
  /** Calls per second that the provider takes from one account; a connection may be set lower or higher. Held over all processes. */
  readonly callsPerSecond?: number;
  readonly connection: {
    readonly settings: S;
    check(context: Context<From<S>>): Promise<CheckResult>;
  };
  readonly payments?: PaymentProvider<From<S>>;
  /** Permissions to charge again; charged by `payments.charge`. */
  readonly mandates?: Mandates<From<S>>;
  readonly accounting?: Accounting<From<S>>;
  readonly webhook?: Webhook<From<S>>;
  readonly actions?: readonly Action<From<S>>[];
  readonly triggers?: readonly Trigger<From<S>>[];
}

const BRAND: unique symbol = Symbol.for('kassaflow.plugin') as never;

/** Declares a plugin; the default export of its `plugin.ts`. */
export function definePlugin<const S extends Schema>(plugin: Plugin<S>): Plugin<S> {
  return Object.freeze(Object.defineProperty({ ...plugin }, BRAND, { value: true }));
}

/** Tells whether a module's export was made by {@link definePlugin}, also by another copy of this package. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && BRAND in value;
}
