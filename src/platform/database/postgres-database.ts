/** Transactions of one tenant on PostgreSQL, with MikroORM for entities and plain SQL on the same connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM, type EntityManager, type Options } from '@mikro-orm/postgresql';
import type { Kysely } from '@mikro-orm/sql';
import { connectionAs, sqlTypes, type DatabaseAddress } from './database-address.ts';
import { databaseErrors } from './database-errors.ts';
import { asDatabaseError, isConflict, isConnectionLost } from './sql-state.ts';
import { Database, type Transaction } from './transaction.ts';

/** Entity definitions (`defineEntity`) of the domain; the platform knows none of them. */
export type EntityList = Readonly<NonNullable<Options['entities']>>;

const TRIES = 3;

/** {@link Database} over one pool of the app role. */
export class PostgresDatabase extends Database {
  readonly #orm: MikroORM;

  private constructor(orm: MikroORM) {
    super();
    this.#orm = orm;
  }

  /** Opens the pool; connections are made when they are needed. `size` is the most that are open at once. */
  static open(address: DatabaseAddress, entities: EntityList, size: number): PostgresDatabase {
    const { host, port, database, user, password, ssl, options, connectionTimeoutMillis } = connectionAs(address, 'app');
    return new PostgresDatabase(
      new MikroORM({
        entities: [...entities],
        dbName: database ?? '',
        host: host ?? '',
        port: port ?? 5432,
        ...(user === undefined ? {} : { user }),
        ...(typeof password === 'string' ? { password } : {}),
        driverOptions: { options, types: sqlTypes, connectionTimeoutMillis, ...(ssl === undefined ? {} : { ssl }) },
        pool: { min: 0, max: size },
        discovery: { warnWhenNoEntities: false },
        logger: () => undefined,
      }),
    );
  }

  /**
   * @throws database.unavailable, database.busy, database.storage-full when nothing was changed
   * @throws database.outcome-unknown when the connection broke during the commit
   */
  override async transact<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(tenantId, work);
      } catch (error) {
        if (attempt === TRIES || !isConflict(error)) throw asDatabaseError(error) ?? error;
        // Jitter, so that the two that collided do not collide again.
        await sleep(attempt * 5 + Math.random() * 10);
      }
    }
  }

  /** Closes the pool after the transactions under way. */
  async close(): Promise<void> {
    await this.#orm.close(true);
  }

  /**
   * The transaction is the query builder's and not `em.begin()`: that one keeps a connection of the pool for ever when
   * BEGIN fails, so a database that restarts a few times would leave a pool in which everybody waits.
   */
  async #once<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const hints: (() => void)[] = [];
    let committing = false;
    const transaction = this.#orm.em.getConnection().getClient<unknown>().transaction();
    try {
      const result = await transaction.execute(async (context) => {
        const em = this.#orm.em.fork({ clear: true, useContext: false });
        em.setTransactionContext(context);
        const tx = transactionOn(em, context, tenantId, hints);
        await tx.query(`select set_config('app.tenant', $1, true)`, [tenantId]);
        const answer = await work(tx);
        await em.flush();
        committing = true;
        return answer;
      });
      for (const hint of hints) hint();
      return result;
    } catch (error) {
      if (committing && isConnectionLost(error)) throw databaseErrors['outcome-unknown']({}, { cause: error }).after(1_000);
      throw error;
    }
  }
}

function transactionOn(em: EntityManager, context: Kysely<unknown>, tenantId: string, hints: (() => void)[]): Transaction {
  return {
    tenantId,
    em,
    query: async <R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> => {
      // `em.execute` writes values into the text; this hands text and values to `pg` apart from each other.
      const { rows } = await context.executeQuery<R>({
        sql: text,
        parameters: values,
        query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
        queryId: { queryId: '' },
      });
      return rows;
    },
    afterCommit: (work) => void hints.push(work),
  };
}
