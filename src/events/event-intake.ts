/** An event from outside, already authenticated, parsed and checked against the catalogue. */
export interface IncomingEvent {
  readonly tenantId: string;
  readonly source: string;
  readonly sourceId: string;
  readonly type: string;
  readonly subject: string;
  readonly occurredAt: Date;
  readonly data: Readonly<Record<string, unknown>>;
  /** SHA-256 over the event as it was sent, canonical: tells a repeat from a reuse of the same id. 32 bytes. */
  readonly bodyHash: Uint8Array;
}

/** What became of an incoming event. Given only when it is on disk. */
export type Receipt =
  | { readonly kind: 'accepted'; readonly eventId: string }
  | { readonly kind: 'duplicate'; readonly eventId: string }
  /** The same (tenant, source, id) came before with another body; nothing was stored. */
  | { readonly kind: 'conflict'; readonly eventId: string };

/**
 * Takes events in. Resolves after the commit that holds the event and, where flows are known to start from it, their runs.
 * Rejects with `events.overloaded` (429 with Retry-After) when too much is under way: an event is accepted or refused,
 * never accepted and dropped.
 *
 * A port, because the fast implementation shares one group commit with the run journal (`runs/postgres`), and `events`
 * may not know `runs`.
 */
export abstract class EventIntake {
  abstract accept(event: IncomingEvent): Promise<Receipt>;
}
