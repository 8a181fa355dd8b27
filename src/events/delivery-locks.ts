/** Which subscribers this process delivers to: one advisory lock each, all on one connection kept for nothing else. */
import type { PoolClient } from 'pg';
import type { EnginePool } from '../platform/database/engine-pool.ts';

/** First half of the lock's key; the second is a hash of the subscriber's name. Any number that nobody else uses: "kfev". */
const LOCK_CLASS = 0x6b_66_65_76;

/** Needs a direct connection: a pooler that shares one between transactions would hand the locks to others. */
export class DeliveryLocks {
  readonly #held = new Set<string>();
  #connection: Promise<PoolClient> | undefined;
  #client: PoolClient | undefined;

  constructor(private readonly pool: Pick<EnginePool, 'connect'>) {}

  /** Tells whether this process holds the lock of `subscriber`, taking it when it is free. Rejects when the database is away. */
  async hold(subscriber: string): Promise<boolean> {
    const client = await this.#connect();
    if (this.#held.has(subscriber)) return true;
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as held', [
      LOCK_CLASS,
      subscriber,
    ]);
    const held = rows[0]?.held === true;
    if (held) this.#held.add(subscriber);
    return held;
  }

  /** Gives all locks back, by closing their connection. */
  async release(): Promise<void> {
    const client = await this.#connection?.catch(() => undefined);
    if (client) this.#drop(client);
  }

  #connect(): Promise<PoolClient> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<PoolClient> {
    try {
      const client = await this.pool.connect();
      this.#client = client;
      client.on('error', () => this.#drop(client));
      return client;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  /** Closes the connection, once: it may break a second time while it is closing. */
  #drop(client: PoolClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#connection = undefined;
    this.#held.clear();
    client.release(true);
  }
}
