import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';

/** A delivery as it arrived: nothing parsed, nothing decoded. */
export interface RawWebhook {
  readonly method: string;
  /** The address that was registered at the provider, from our configuration: some schemes sign it. Never from `Host`. */
  readonly url: string;
  /** Lower-case names. A header that was sent twice is an array. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
  /** Epoch milliseconds: "now" for the time window, also when a stored delivery is verified late. */
  readonly receivedAt: number;
}

/** Why a delivery is refused: the door answers 401 with this as the end of its code. */
export type RefusalReason =
  | 'signature-missing'
  | 'signature-format'
  | 'signature-scheme'
  | 'signature-mismatch'
  | 'timestamp-format'
  | 'timestamp-old'
  | 'timestamp-future'
  | 'mode-mismatch';

export type Verdict =
  | { readonly ok: true; readonly eventId: string; readonly occurredAt?: number }
  | { readonly ok: false; readonly reason: RefusalReason; readonly hint?: string };

/** A verified delivery, translated. It only says that something may have changed; the core fetches the truth. */
export interface ProviderSignal {
  readonly kind: 'payment' | 'refund' | 'chargeback' | 'mandate' | 'settlement' | 'message' | 'other';
  /** The provider's own event type, verbatim. */
  readonly type: string;
  /** The provider's id of the object, as `fetch` takes it. */
  readonly providerId?: string;
  /** Our reference, when the delivery carries it: matches a webhook that beats our own request's answer. */
  readonly reference?: string;
  readonly occurredAt?: number;
}

export interface RegisteredWebhook {
  readonly providerId: string;
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * How a provider's webhooks are trusted and read. A plugin without it cannot receive events.
 */
export interface Webhook<Settings = unknown> {
  /**
   * Checks the signature over the raw bytes with every current secret of the connection, in constant time, and the age of
   * the timestamp in both directions. May not call out and must not parse the body before the signature holds.
   * `eventId` is the provider's id of this event: the same event delivered twice has the same one.
   */
  verify(context: Context<Settings>, delivery: RawWebhook): Verdict | Promise<Verdict>;
  /**
   * Reads a verified delivery. An unknown type gives an empty list, never an error. May call out, for example for our reference
   * where the delivery does not carry it; throwing keeps the delivery in the inbox, to be read again later.
   */
  translate(context: Context<Settings>, delivery: RawWebhook): readonly ProviderSignal[] | Promise<readonly ProviderSignal[]>;
  /**
   * Registers the address at the provider, or finds that it is registered already; called when a connection is made and again from time
   * to time. `secrets` are settings that the provider gave with it, by name; they are stored with the connection's others, sealed where
   * the schema says `x-secret`. A registration counts as found only when its secret is known to be ours: the answer to an earlier call
   * may have been lost. `renew`: deliveries do not verify, so the one that is there is replaced in any case.
   */
  register?(context: Context<Settings>, request: { readonly url: string; readonly renew?: boolean }): Promise<Outcome<RegisteredWebhook>>;
  /**
   * Takes the address back at the provider, after its connection was removed: every registration of it that `register` has made. One
   * that is gone already is what was wanted. It is called again when the answer was lost.
   */
  unregister?(context: Context<Settings>, request: { readonly url: string }): Promise<Outcome<undefined>>;
}
