/** One connection of the owner role, for work on the tables themselves. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { crashPoint } from '../crash-points.ts';
import { connectionAs, type DatabaseAddress } from '../database/database-address.ts';
import { sqlState } from '../database/sql-state.ts';
import { housekeepingErrors } from './housekeeping-errors.ts';

/** Whoever waits for a lock on a table holds up everybody who comes after, so nobody waits longer than this for us. */
const LOCK_TIMEOUT_MS = 200;
const LOCK_PAUSE_MS = 500;
const LOCK_TRIES = 60;
/** Not available in time, or given up to end a deadlock. */
const LOCK_MISSED: ReadonlySet<string | undefined> = new Set(['55P03', '40P01']);

export class OwnerSession {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(address: DatabaseAddress): Promise<OwnerSession> {
    const client = new pg.Client(connectionAs(address, 'owner'));
    // A statement that is under way rejects by itself; a connection that breaks while idle shows at the next one.
    client.on('error', () => undefined);
    await client.connect();
    return new OwnerSession(client);
  }

  async rows<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.#client.query<R & pg.QueryResultRow>(text, [...values])).rows;
  }

  /** How many rows the statement touched. */
  async count(text: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.#client.query(text, [...values])).rowCount ?? 0;
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.rows('begin');
    try {
      const result = await work();
      crashPoint('housekeeping.commit.before');
      await this.rows('commit');
      crashPoint('housekeeping.commit.after');
      return result;
    } catch (error) {
      await this.rows('rollback').catch(() => undefined);
      throw error;
    }
  }

  /**
   * A transaction that takes strong locks on tables in use: it gives up after 200 ms of waiting, lets the others go on, and
   * tries again, for half a minute. `work` may run several times; whatever it did before is rolled back.
   *
   * @throws housekeeping.tables-busy
   */
  async withShortLocks<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.transaction(async () => {
          await this.rows(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
          return work();
        });
      } catch (error) {
        if (!LOCK_MISSED.has(sqlState(error))) throw error;
        if (attempt === LOCK_TRIES) throw housekeepingErrors['tables-busy']({}, { cause: error });
        await sleep(LOCK_PAUSE_MS);
      }
    }
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}
