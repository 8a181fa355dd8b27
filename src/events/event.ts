/** A domain event: a fact in our words, past tense, in the order in which it was recorded. */
export interface DomainEvent {
  /** Position in the log, ascending over all tenants; with gaps. The `id:` of live streams and the cursor of subscribers. */
  readonly seq: bigint;
  /** `uuid`; `evt_…` on the wire. */
  readonly id: string;
  readonly tenantId: string;
  /** Who says so: `/kassaflow` for our own, else the portal's CloudEvents `source`. */
  readonly source: string;
  /** The CloudEvents `id`, unique per tenant and source. For our own events the same as `id`. */
  readonly sourceId: string;
  /** `payment.completed`, without the wire's prefix and version. */
  readonly type: string;
  /** What it is about: `payment/pay_…`; empty when nothing in particular. */
  readonly subject: string;
  readonly occurredAt: Date;
  /** Payload by the catalogue's schema for `type`. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a module knows when it records an event; the log adds the rest. */
export interface EventDraft {
  readonly type: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Default: now. */
  readonly occurredAt?: Date;
}
