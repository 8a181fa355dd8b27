import type { HostedFields, Outcome, ProviderSignal, ProviderTraits, RawWebhook, Verdict } from '@kassaflow/plugin-sdk';

/** Methods of a plugin's capabilities, by the path of their property: `payments.create`, `accounting.post`. */
export type ProviderMethod =
  | `payments.${'create' | 'fetch' | 'find' | 'capture' | 'cancel' | 'refund' | 'methods' | 'charge' | 'settlements'}`
  | `mandates.${'create' | 'fetch' | 'revoke'}`
  | `accounting.${'post' | 'find' | 'reverse'}`
  | `webhook.${'register' | 'unregister'}`;

/** One call of a capability's method. */
export interface ProviderCall {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly method: ProviderMethod;
  readonly input: unknown;
  readonly idempotencyKey: string;
  readonly attempt: number;
  readonly timeoutMs: number;
}

/** A connection as the webhook door finds it from the address, before anything is trusted. */
export interface WebhookConnection {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
}

/** How domain modules and the webhook door reach a provider. Answers are validated against the SDK's types; never rejects. */
export abstract class ProviderCalls {
  abstract call<T>(call: ProviderCall): Promise<Outcome<T>>;
  /** Tells whether the connection's plugin has the method. With `webhook.verify` its provider tells us of changes. */
  abstract has(connectionId: string, method: ProviderMethod | 'webhook.verify'): Promise<boolean>;
  /** For how long the connection's provider remembers the key of a money call, in milliseconds; 0 when that is not known. */
  abstract keyTtlMs(connectionId: string): Promise<number>;
  /** How the connection's provider differs from others. */
  abstract traits(connectionId: string): Promise<ProviderTraits>;
  /** How our payment page shows the fields of the connection's provider; `undefined` when it cannot. */
  abstract hostedFields(connectionId: string): Promise<HostedFields | undefined>;
  /** `undefined` for a connection that does not exist, is disabled, or belongs to another plugin: the door answers 404. */
  abstract findWebhookConnection(plugin: string, connectionId: string): Promise<WebhookConnection | undefined>;
  abstract verify(connection: WebhookConnection, delivery: RawWebhook): Promise<Verdict>;
  abstract translate(connection: WebhookConnection, delivery: RawWebhook): Promise<readonly ProviderSignal[]>;
}
