/** An address of a portal that gets events; its states are in README.md. */

export type EndpointState = 'active' | 'paused' | 'disabled' | 'deleted';

/** An endpoint without its secrets. */
export interface Endpoint {
  /** `uuid`; `whk_…` on the wire. */
  readonly id: string;
  readonly url: string;
  readonly description: string;
  /** Which events it gets; empty for all. */
  readonly types: readonly string[];
  readonly state: EndpointState;
  /** Why the system disabled it. */
  readonly problem: string | null;
  /** Until when the secret before signs too. */
  readonly oldSecretUntil: Date | null;
  /** Deliveries in a row that it did not take. */
  readonly failures: number;
  readonly heldUntil: Date | null;
  readonly deliveredAt: Date | null;
  readonly createdAt: Date;
  readonly version: number;
}

/** An endpoint and how its queue stands, each counted to 10,000. */
export interface EndpointStatus extends Endpoint {
  readonly pending: number;
  readonly dead: number;
}

/** The columns of {@link Endpoint}. */
export const ENDPOINT = `id, url, description, types, state, problem, old_secret_until as "oldSecretUntil", failures, held_until as "heldUntil",
  delivered_at as "deliveredAt", created_at as "createdAt", version`;
