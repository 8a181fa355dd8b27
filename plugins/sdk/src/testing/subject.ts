import type { CreatePayment, DeclineReason } from '../payments.ts';
import type { Plugin } from '../plugin.ts';
import type { PostingLine } from '../accounting.ts';
import type { RawWebhook } from '../webhook.ts';

/**
 * What a plugin's author gives to the kit: the export `subject` of the plugin's `test/conformance.ts`.
 *
 * The kit speaks to the plugin as Kassaflow does, and to the provider's world by *levers*: functions that make a server on this
 * machine do what a customer, a bank or a person at a dashboard would do. A lever that is absent leaves its tests out, and the report
 * says which; nothing is ever passed for want of a lever.
 */
export interface Subject {
  readonly plugin: Plugin;
  /** The plugin's folder, with its package.json. */
  readonly folder: string;
  /** The file whose default export the plugin is; what package.json says under `kassaflow.plugin` unless told. */
  readonly entry?: string;
  /** The `conformance.json` of the last release: the test of the version number compares with its manifest. */
  readonly released?: unknown;
  /** Starts the provider on this machine, empty. Every test gets one of its own. */
  readonly start: () => Promise<LocalProvider>;
  /** The same in live mode, for what exists there alone: many providers settle live money only. */
  readonly startLive?: () => Promise<LocalProvider>;
}

type Settings = Readonly<Record<string, unknown>>;
type Done = void | Promise<void>;
type Told<T> = T | Promise<T>;

/** A provider that runs on this machine, as its wire looks, and how to move it. */
export interface LocalProvider {
  /** Where requests for each origin of the manifest's hosts end: `https://api.acme.com` → `http://127.0.0.1:1234`. */
  readonly origins: Readonly<Record<string, string>>;
  /** Of a connection that works: in test mode, and in live mode from `startLive`. */
  readonly settings: Settings;
  /** The provider's clock, where a lever moves it: the plugin then lives by it too. */
  readonly now?: () => number;
  /** Moves that clock on, with everything that falls due on the way. */
  readonly advance?: (ms: number) => Done;
  /** The same with a key that the provider does not know, and the setting that it stands in. */
  readonly wrongKey?: { readonly settings: Settings; readonly field: string };
  /** The same with a key of the live mode, where a key can be told. */
  readonly liveKey?: Settings;
  /** The path by which an access token is fetched, where the provider has such: its requests are not the business of a test of payments. */
  readonly tokenPath?: RegExp;
  /** The provider's own body for an error, where its client cannot read any other. */
  readonly problem?: (status: number) => { readonly body: string; readonly headers?: Readonly<Record<string, string>> };
  readonly payments?: PaymentLevers;
  readonly mandates?: MandateLevers;
  readonly webhooks?: WebhookLevers;
  readonly settlements?: SettlementLevers;
  readonly accounting?: AccountingLevers;
  /** By the name of the action. */
  readonly actions?: Readonly<Record<string, ActionLevers>>;
  /** By the name of the trigger. */
  readonly triggers?: Readonly<Record<string, TriggerLevers>>;
  readonly close: () => Promise<void>;
}

export interface PaymentLevers {
  /** Given to every payment. */
  readonly webhookUrl: string;
  /** What the kit's order needs to be one that this provider takes: its currency, `flow: 'push'` with a phone. Otherwise EUR 12.50 by redirect. */
  readonly order?: Partial<CreatePayment>;
  /** How many payments the provider holds that carry our reference. */
  readonly made: (reference: string) => Told<number>;
  /** The customer approves: the money is taken, or authorized where it is captured by hand. */
  readonly approve: (providerId: string) => Done;
  /** The bank declines with one of {@link declines}. */
  readonly decline?: (providerId: string, code: string) => Done;
  /** Codes of the provider and what they mean. */
  readonly declines?: Readonly<Record<string, DeclineReason>>;
  /** Nobody came in time. */
  readonly expire?: (providerId: string) => Done;
  /** The provider uses a word for the payment's state that no documentation names. */
  readonly strange?: (providerId: string, word: string) => Done;
  /** How many refunds of this payment the provider holds. */
  readonly refunds?: (providerId: string) => Told<number>;
  /** A person refunds at the provider's dashboard, minor units. */
  readonly refundAtDesk?: (providerId: string, minor: number) => Done;
  /** The customer's bank takes the money back. */
  readonly dispute?: (providerId: string) => Done;
  readonly winDispute?: (providerId: string) => Done;
  readonly loseDispute?: (providerId: string) => Done;
}

export interface MandateLevers {
  /** A mandate that can be charged now. */
  readonly give: () => Told<{ readonly mandate: string; readonly customer?: string }>;
  /** The customer takes the permission back, at the bank or the provider. */
  readonly revoke: (mandate: string) => Done;
}

export interface WebhookLevers {
  /** Two secrets (or what stands for them: ids of the endpoint), the second being the one before. */
  readonly secrets: readonly [string, string];
  /** Settings of a connection that knows these secrets, the current one first. */
  readonly settings: (secrets: readonly string[]) => Settings;
  /** A delivery of `body` as the provider sends it, signed with each of `secrets` at `at` (epoch milliseconds), received then. */
  readonly sign: (body: Uint8Array, made: { readonly secrets: readonly string[]; readonly at: number }) => RawWebhook;
  /** The header that carries the signature, in lower case. */
  readonly header: string;
  /** How far the signed time may lie back or ahead, in milliseconds; absent where no time is signed, and a replay is told by its id alone. */
  readonly windowMs?: number;
  /**
   * What can be done while a secret is changed: `both` (unless told), a delivery carries a signature of each; `either`, it carries one
   * of two; `none`, there is nothing to change.
   */
  readonly rotation?: 'both' | 'either' | 'none';
  /** The body of an event that the plugin knows, unlike any other. */
  readonly body: () => string;
  /** The body of an event of a type that does not exist yet. */
  readonly unknownBody: () => string;
  /** Every delivery that the provider has sent so far, oldest first, as it arrives. Resolves when those of the last change are in. */
  readonly sent?: () => Told<readonly RawWebhook[]>;
  /** A delivery with a right signature that says, against the truth, that the payment was paid. */
  readonly lie?: (providerId: string) => RawWebhook;
  /** Known deliveries and what they are worth, from the provider's documentation. */
  readonly vectors?: readonly WebhookVector[];
}

/** A delivery that is written down with its signature, so that two mistakes in one head cannot agree. */
export interface WebhookVector {
  readonly name: string;
  readonly settings: Settings;
  readonly delivery: RawWebhook;
  /** Whether the signature is right. */
  readonly right: boolean;
}

export interface SettlementLevers {
  /** Makes a day with more lines than fit on one page, and tells how many there are. */
  readonly settle: () => Told<SettledDay>;
  /** A day without lines. */
  readonly emptyDay: Pick<SettledDay, 'from' | 'to'>;
  /** Makes the provider say that its report is not ready. */
  readonly notReady?: () => Told<Pick<SettledDay, 'from' | 'to'>>;
}

export interface SettledDay {
  readonly from: string;
  readonly to: string;
  readonly lines: number;
}

export interface AccountingLevers {
  /** Account codes that the plugin's settings know. */
  readonly accounts: readonly [string, string];
  /** How many entries the book holds with this reference. */
  readonly entries: (reference: string) => Told<number>;
  /** The lines of an entry. */
  readonly lines: (entry: string) => Told<readonly PostingLine[]>;
  /** Closes a period and gives a date in it. */
  readonly closePeriod?: () => Told<string>;
}

export interface ActionLevers {
  readonly input: Readonly<Record<string, unknown>>;
  /** How often the action took effect at the provider. */
  readonly effects: () => Told<number>;
}

export interface TriggerLevers {
  readonly input?: Readonly<Record<string, unknown>>;
  /** Makes this many new items at the provider, at one moment where it has a clock, and gives their ids as the trigger tells them. */
  readonly make: (count: number) => Told<readonly string[]>;
}
