import type { HostedFields, ProviderTraits, Schema, Text } from '@kassaflow/plugin-sdk';
import type { TriggerManifest } from './trigger-door.ts';
import type { ActionManifest, Capability } from './action-call.ts';

/** What the core knows of one plugin: checked, serialisable, without its code. */
export interface PluginManifest {
  readonly id: string;
  readonly title: Text;
  readonly about: Text;
  readonly version: string;
  readonly api: 1;
  readonly hosts: readonly string[];
  readonly network: 'gateway' | 'direct';
  /** Calls per second that the provider takes from one account; absent when it says nothing. */
  readonly callsPerSecond?: number;
  readonly settings: Schema;
  readonly capabilities: readonly Capability[];
  /** `payments.create`, `webhook.verify`: every method that is present, apart from actions. */
  readonly methods: readonly string[];
  /** For how long the provider remembers the key of a money call; present with the capability `payments`. */
  readonly paymentsKeyTtlMs?: number;
  /** How the provider differs from others; absent when it says nothing. */
  readonly paymentsTraits?: ProviderTraits;
  /** How the payment page shows the provider's fields; absent when it cannot. */
  readonly hostedFields?: HostedFields;
  readonly actions: readonly ActionManifest[];
  readonly triggers: readonly TriggerManifest[];
}
