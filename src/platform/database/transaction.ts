import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * One transaction of one tenant, as the app role: row security shows and accepts this tenant's rows only.
 * A use case opens exactly one, in its service, and calls no provider inside it.
 */
export interface Transaction {
  /** The tenant whose rows are visible, a `uuid`. */
  readonly tenantId: string;
  /** A fork of the entity manager bound to this transaction; flushed before commit. */
  readonly em: EntityManager;
  /** Runs one SQL statement in this transaction. `text` is a constant; values travel as parameters `$1, $2, …`. */
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Runs `work` after a successful commit: a hint to wake somebody, never work that must not be lost. */
  afterCommit(work: () => void): void;
}

/** Opens transactions. Injected by this class as the token; the implementation is `PostgresDatabase`. */
export abstract class Database {
  /**
   * Runs `work` in one transaction of `tenantId`: commits when it resolves, rolls back when it rejects.
   * Serialization failures and deadlocks (40001, 40P01) are tried again up to 3 times, so `work` must be repeatable.
   */
  abstract transact<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T>;
}
