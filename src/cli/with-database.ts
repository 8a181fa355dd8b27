import { systemClock } from '../kernel/clock.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { ApiKeys } from '../platform/auth/api-keys.ts';
import { KnownKeys } from '../platform/auth/known-keys.ts';
import type { Config } from '../platform/config/config.ts';
import type { DatabaseAddress } from '../platform/database/database-address.ts';
import { DatabaseServer } from '../platform/database/database-server.ts';
import { runningEmbedded } from '../platform/database/embedded/running-embedded.ts';
import { PostgresDatabase } from '../platform/database/postgres-database.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import { Tenants } from '../platform/tenancy/tenants.ts';

/** The few services that work on the database without the application. */
export interface DatabaseTools {
  readonly tenants: Tenants;
  readonly apiKeys: ApiKeys;
}

/**
 * Runs `work` on the database of this installation: the one that a running Kassaflow has open, else it is started for as
 * long as this takes, with its migrations.
 */
export function withDatabase<T>(config: Config, work: (tools: DatabaseTools) => Promise<T>): Promise<T> {
  return onDatabaseOf(config, async (address) => {
    const database = PostgresDatabase.open(address, [], 1);
    try {
      const audit = new Audit();
      return await work({
        tenants: new Tenants(database, audit),
        apiKeys: new ApiKeys(database, audit, new KnownKeys(database, systemClock), systemClock),
      });
    } finally {
      await database.close();
    }
  });
}

/** The same, for work that brings its own connections; they are closed when it ends. */
export async function onDatabaseOf<T>(config: Config, work: (address: DatabaseAddress) => Promise<T>): Promise<T> {
  const opened = await open(config);
  try {
    return await work(opened.address);
  } finally {
    await opened.close();
  }
}

async function open(config: Config): Promise<{ readonly address: DatabaseAddress; close(): Promise<void> }> {
  try {
    const server = await DatabaseServer.start(config, () => {});
    return { address: server.address, close: () => server.stop() };
  } catch (error) {
    if (!isKassaflowError(error, 'database.data-dir-locked')) throw error;
    const address = runningEmbedded(config.dataDirectory);
    if (!address) throw error;
    return { address, close: async () => {} };
  }
}
