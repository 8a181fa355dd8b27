/**
 * The connections of the tenants that are at work, opened, in memory: a call to a provider costs no query.
 *
 * A change through this process shows at once. A change through another process shows within {@link FRESH_MS}: an entry
 * older than that is still served while it is read again in the background, and above {@link STALE_MS} a call waits for it.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { OpenConnection } from './connection.ts';

const FRESH_MS = 2_000;
const STALE_MS = 30_000;
/** Tenants in memory; the one that was not used for longest goes first. */
const MAX_TENANTS = 2_000;

export type TenantConnections = ReadonlyMap<string, OpenConnection>;

interface Entry {
  connections: TenantConnections;
  readAt: number;
  reading: Promise<TenantConnections> | undefined;
}

export class ConnectionCache {
  readonly #clock: Clock;
  readonly #read: (tenantId: string, known: TenantConnections) => Promise<TenantConnections>;
  readonly #tenants = new Map<string, Entry>();

  /** @param read all connections of a tenant; `known` spares opening what did not change */
  constructor(clock: Clock, read: (tenantId: string, known: TenantConnections) => Promise<TenantConnections>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Every connection of a tenant by id; at once when it is in memory. */
  of(tenantId: string): TenantConnections | Promise<TenantConnections> {
    const entry = this.#tenants.get(tenantId);
    const age = entry ? this.#clock.elapsed() - entry.readAt : Infinity;
    if (entry && age < FRESH_MS) return entry.connections;
    const reading = this.#refresh(tenantId, entry);
    if (!entry || age >= STALE_MS) return reading;
    reading.catch(() => undefined); // served from memory meanwhile; a call after STALE_MS sees the error
    return entry.connections;
  }

  /** As it was at most `withinMs` ago, whatever that takes: for what another process may have changed just now. */
  newest(tenantId: string, withinMs: number): TenantConnections | Promise<TenantConnections> {
    const entry = this.#tenants.get(tenantId);
    if (entry && this.#clock.elapsed() - entry.readAt < withinMs) return entry.connections;
    return this.#refresh(tenantId, entry);
  }

  /** Forgets a tenant after a change; the next call reads it again. */
  forget(tenantId: string): void {
    this.#tenants.delete(tenantId);
  }

  #refresh(tenantId: string, entry: Entry | undefined): Promise<TenantConnections> {
    if (entry?.reading) return entry.reading;
    const kept: Entry = entry ?? { connections: new Map(), readAt: -Infinity, reading: undefined };
    const startedAt = this.#clock.elapsed();
    this.#tenants.delete(tenantId);
    this.#tenants.set(tenantId, kept);
    const [oldest] = this.#tenants.keys();
    if (this.#tenants.size > MAX_TENANTS && oldest !== undefined) this.#tenants.delete(oldest);
    kept.reading = this.#read(tenantId, kept.connections)
      .then((connections) => {
        kept.connections = connections;
        kept.readAt = startedAt;
        return connections;
      })
      .finally(() => {
        kept.reading = undefined;
      });
    return kept.reading;
  }
}
