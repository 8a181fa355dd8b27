import type { Outcome, Polled, RawWebhook, TriggerItem, TriggerSpec } from '@kassaflow/plugin-sdk';
import type { ChosenConnection } from './action-call.ts';
import type { WebhookConnection } from './provider-calls.ts';

type Value = Readonly<Record<string, unknown>>;

/** What the core knows of a trigger of a plugin. */
export interface TriggerManifest extends TriggerSpec {
  readonly plugin: string;
  /** `poll`: the host asks; `webhook`: the provider pushes to the connection's webhook address. */
  readonly mode: 'poll' | 'webhook';
}

/** One poll. */
export interface TriggerPoll {
  readonly tenantId: string;
  /** `uuid` */
  readonly connectionId: string;
  readonly trigger: string;
  readonly input: Value;
  readonly cursor: string | undefined;
  readonly timeoutMs: number;
}

/** The one door to the triggers of plugins: what goes in and comes out is held against their schemas. */
export abstract class TriggerDoor {
  /** Every trigger that can be used now. Several plugins may offer the same name; the connection decides whose is meant. */
  abstract manifests(): readonly TriggerManifest[];
  /**
   * The connection that `trigger` uses for `tenantId`: the one named `via`, or the only or default one that fits.
   * @throws connection.unknown, connection.does-not-fit, connection.missing, connection.ambiguous
   */
  abstract choose(tenantId: string, trigger: string, via: string | undefined): Promise<ChosenConnection>;
  /** Asks what is new. Never rejects. */
  abstract poll(call: TriggerPoll): Promise<Outcome<Polled<Value>>>;
  /**
   * Reads a verified delivery.
   * @throws plugin.unavailable, plugin.answer: read it again later
   */
  abstract read(connection: WebhookConnection, trigger: string, input: Value, delivery: RawWebhook): Promise<readonly TriggerItem<Value>[]>;
}
