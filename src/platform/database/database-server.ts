/** The database before the application: our own PostgreSQL or a given one, checked, with its roles and its tables. */
import pg from 'pg';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import type { Config } from '../config/config.ts';
import { clockSkew, SKEW_LIMIT_MS, SKEW_WARNING_MS } from './clock-skew.ts';
import { connectionAsLogin, type DatabaseAddress } from './database-address.ts';
import { databaseErrors } from './database-errors.ts';
import { maskedUrl } from './database-url.ts';
import { EMBEDDED_DATABASE } from './embedded/embedded-database.ts';
import { EmbeddedPostgres, type SupervisorLog } from './embedded/embedded-postgres.ts';
import { migrate } from './migrations.ts';
import { createRoles, quote } from './roles.ts';
import { readServerFacts, requireFitServer, rolesMissing } from './server-checks.ts';
import { sqlState } from './sql-state.ts';
import { messageOf } from '../thrown.ts';

/** A database that is ready to be used by the application. */
export class DatabaseServer {
  readonly address: DatabaseAddress;
  /** Our own PostgreSQL; `undefined` for a given server. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** Migrations applied by this start. */
  readonly migrated: readonly string[];

  private constructor(address: DatabaseAddress, embedded: EmbeddedPostgres | undefined, migrated: readonly string[]) {
    this.address = address;
    this.embedded = embedded;
    this.migrated = migrated;
  }

  /**
   * Starts or finds the server, refuses one that is not fit, makes the roles when it may, and applies the migrations.
   * @throws everything of `databaseErrors` that keeps us from starting; our own PostgreSQL is stopped again then
   */
  static async start(
    config: Pick<Config, 'database' | 'dataDirectory'>,
    log: SupervisorLog,
    clock: Clock = systemClock,
  ): Promise<DatabaseServer> {
    if (config.database) {
      await prepareGiven(config.database, log, clock);
      return new DatabaseServer(config.database, undefined, await migrate(config.database));
    }
    return DatabaseServer.over(EmbeddedPostgres.start(config.dataDirectory, log));
  }

  /** On our own PostgreSQL, which may be on its way up; otherwise as {@link start}. */
  static async over(starting: Promise<EmbeddedPostgres>): Promise<DatabaseServer> {
    const embedded = await starting;
    try {
      const address = { ...embedded.address, database: EMBEDDED_DATABASE };
      await prepareEmbedded(address);
      return new DatabaseServer(address, embedded, await migrate(address));
    } catch (error) {
      await embedded.stop();
      throw error;
    }
  }

  /** Stops our own PostgreSQL; a given server is not ours to stop. Close the pools first. */
  async stop(): Promise<void> {
    await this.embedded?.stop();
  }
}

/** Connects as the login of `address`. @throws database.login-refused, database.unavailable */
export async function connectAsLogin(address: DatabaseAddress): Promise<pg.Client> {
  const client = new pg.Client(connectionAsLogin(address));
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    const where = maskedUrl(address);
    // 28: invalid authorization; 3D000: no such database; 42501: no right to connect to it.
    if (/^(28|3D000|42501)/.test(sqlState(error) ?? '')) {
      throw databaseErrors['login-refused']({ where, reason: messageOf(error) }, { cause: error });
    }
    throw databaseErrors.unavailable({ where, reason: messageOf(error) }, { cause: error });
  }
}

async function prepareGiven(address: DatabaseAddress, log: SupervisorLog, clock: Clock): Promise<void> {
  const client = await connectAsLogin(address);
  try {
    const facts = await readServerFacts(client);
    requireFitServer(facts);
    const skew = await clockSkew(client, clock);
    if (Math.abs(skew) > SKEW_LIMIT_MS) throw databaseErrors['clock-skew']({ differenceMs: skew });
    if (Math.abs(skew) > SKEW_WARNING_MS) log(`the clock of the database differs from ours by ${skew} ms`);
    if (facts.prepared) return;
    if (!facts.mayCreateRoles) throw rolesMissing(facts, address.database);
    await createRoles(client, address.database, facts.login, facts.existingRoles).catch((error: unknown) => {
      throw sqlState(error) === '42501' ? rolesMissing(facts, address.database) : error;
    });
  } finally {
    await client.end();
  }
}

async function prepareEmbedded(address: DatabaseAddress): Promise<void> {
  const admin = await connectAsLogin({ ...address, database: 'postgres' });
  try {
    await createRoles(admin, address.database);
    const { rows } = await admin.query('select from pg_database where datname = $1', [address.database]);
    if (rows.length === 0) await admin.query(`create database ${quote(address.database)} owner kassaflow_owner`);
  } finally {
    await admin.end();
  }
}
